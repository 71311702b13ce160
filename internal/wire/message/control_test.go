package message

import (
	"errors"
	"reflect"
	"testing"

	"leat/amf"
)

func TestProtocolControl(t *testing.T) {
	tests := []struct {
		message Message
		body    string
	}{
		{&SetChunkSize{Size: 4096}, "00001000"},
		{&Abort{ChunkStreamID: 6}, "00000006"},
		{&Acknowledgement{SequenceNumber: 200000}, "00030d40"},
		{&WindowAckSize{Size: 2500000}, "002625a0"},
		{&SetPeerBandwidth{Size: 2500000, Limit: LimitDynamic}, "002625a0 02"},
		{&SetPeerBandwidth{Size: 0xffffffff, Limit: 9}, "ffffffff 09"},
	}
	for _, tt := range tests {
		body := unhex(t, tt.body)
		wantBytes(t, tt.message, body)
		wantShort(t, tt.message.Type(), body, len(body))
		if got := mustParse(t, tt.message.Type(), append(body, 1, 2)); !reflect.DeepEqual(got, tt.message) {
			t.Errorf("with bytes behind it: %+v, want %+v", got, tt.message)
		}
	}
}

func TestUserControl(t *testing.T) {
	tests := []struct {
		message UserControl
		body    string
	}{
		{UserControl{Event: EventStreamBegin}, "0000 00000000"},
		{UserControl{Event: EventStreamEOF, Value: 1}, "0001 00000001"},
		{UserControl{Event: EventStreamDry, Value: 1}, "0002 00000001"},
		{UserControl{Event: EventSetBufferLength, Value: 1, BufferLength: 3000}, "0003 00000001 00000bb8"},
		{UserControl{Event: EventSetBufferLength, BufferLength: 300}, "0003 00000000 0000012c"},
		{UserControl{Event: EventStreamIsRecorded, Value: 1}, "0004 00000001"},
		{UserControl{Event: EventPingRequest, Value: 0x12345678}, "0006 12345678"},
		{UserControl{Event: EventPingResponse, Value: 0x12345678}, "0007 12345678"},
		{UserControl{Event: EventBufferEmpty, Value: 1}, "001f 00000001"},
		{UserControl{Event: EventBufferReady, Value: 1}, "0020 00000001"},
	}
	for _, tt := range tests {
		body := unhex(t, tt.body)
		wantBytes(t, &tt.message, body)
		wantShort(t, TypeUserControl, body, len(body))
		if got := mustParse(t, TypeUserControl, append(body, 7)); !reflect.DeepEqual(got, &tt.message) {
			t.Errorf("with a byte behind it: %+v, want %+v", got, tt.message)
		}
	}
}

func TestUserControlData(t *testing.T) {
	response := make([]byte, 2+swfResponseSize)
	response[1] = byte(EventSWFVerifyResponse)
	response[2] = 1
	for _, tt := range []struct {
		event Event
		body  []byte
	}{
		{EventSWFVerifyRequest, unhex(t, "001a")},
		{EventSWFVerifyRequest, unhex(t, "001a 01")},
		{EventSWFVerifyResponse, response},
		{5, unhex(t, "0005")},
		{33, unhex(t, "0021 0102030405060708")},
	} {
		wantBytes(t, &UserControl{Event: tt.event, Data: tt.body[2:]}, tt.body)
	}
	wantShort(t, TypeUserControl, response, len(response))
	wantShort(t, TypeUserControl, unhex(t, "001a 01"), 2)

	long := mustParse(t, TypeUserControl, unhex(t, "001a 0102")).(*UserControl)
	if len(long.Data) != 1 {
		t.Errorf("SWFVerifyRequest with %d bytes of data, want 1", len(long.Data))
	}
	long = mustParse(t, TypeUserControl, append(response, 1)).(*UserControl)
	if len(long.Data) != swfResponseSize {
		t.Errorf("SWFVerifyResponse with %d bytes of data, want %d", len(long.Data), swfResponseSize)
	}
}

func TestMediaAndOpaque(t *testing.T) {
	body := unhex(t, "af 01 aabb")
	for _, m := range []Message{
		&Audio{Body: body},
		&Audio{Body: []byte{}},
		&Video{Body: body},
		&Aggregate{Body: body},
		&Opaque{MessageType: 7, Body: body},
		&Opaque{MessageType: 21, Body: body},
		&Opaque{MessageType: 0, Body: []byte{}},
		&Opaque{MessageType: 255, Body: body},
	} {
		wantBytes(t, m, append([]byte{}, mustAppend(t, m)...))
	}
	if got := mustParse(t, TypeVideo, body).(*Video); &got.Body[0] != &body[0] {
		t.Error("the body of a video message was copied")
	}
}

func TestData(t *testing.T) {
	// |RtmpSampleAccess false false, as FMS sends it before playback.
	access := unhex(t, "02 0011 7c52746d7053616d706c65416363657373 0100 0100")
	wantBytes(t, &Data{Body: access}, access)
	wantBytes(t, &Data{AMF3: true, Body: access}, append([]byte{0}, access...))

	// ffmpeg's timecode is no string; that is for the receiver to judge.
	timecode := unhex(t, "00 01020304")
	wantBytes(t, &Data{Body: timecode}, timecode)

	m := mustParse(t, TypeDataAMF3, access).(*Data)
	if len(m.Body) != len(access) {
		t.Errorf("without the format selector: body % x, want % x", m.Body, access)
	}
	for _, body := range []string{"", "01 02", "02", "02 0005 61"} {
		m, err := Parse(TypeDataAMF3, unhex(t, body), amf.Limits{})
		wantError(t, TypeDataAMF3, m, err)
	}
}

type foreign struct{}

func (foreign) Type() Type { return 99 }

func TestAppendForeign(t *testing.T) {
	if b, err := Append([]byte{1}, foreign{}); err == nil || len(b) != 1 {
		t.Errorf("Append of a foreign type = % x, %v", b, err)
	}
}

func TestStrings(t *testing.T) {
	for _, tt := range []struct {
		value interface{ String() string }
		want  string
	}{
		{TypeSetChunkSize, "Set Chunk Size"},
		{TypeCommandAMF3, "Command (AMF3)"},
		{Type(7), "message type 7"},
		{Type(200), "message type 200"},
		{EventStreamBegin, "StreamBegin"},
		{EventStreamEOF, "StreamEOF"},
		{EventStreamDry, "StreamDry"},
		{EventSetBufferLength, "SetBufferLength"},
		{EventStreamIsRecorded, "StreamIsRecorded"},
		{EventPingRequest, "PingRequest"},
		{EventPingResponse, "PingResponse"},
		{EventSWFVerifyRequest, "SWFVerifyRequest"},
		{EventSWFVerifyResponse, "SWFVerifyResponse"},
		{EventBufferEmpty, "BufferEmpty"},
		{EventBufferReady, "BufferReady"},
		{Event(5), "user control event 5"},
		{LimitHard, "hard"},
		{LimitSoft, "soft"},
		{LimitDynamic, "dynamic"},
		{LimitType(3), "limit type 3"},
		{SharedObjectUseSuccess, "Use Success"},
		{SharedObjectEventType(0), "shared object event 0"},
		{SharedObjectEventType(12), "shared object event 12"},
	} {
		if got := tt.value.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestErrorText(t *testing.T) {
	_, err := Parse(TypeUserControl, []byte{0, 6, 1}, amf.Limits{})
	if got, want := err.Error(), "User Control message: PingRequest with 3 bytes is too short"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	cause := errors.New("cause")
	if !errors.Is(&Error{Err: cause}, cause) {
		t.Error("Error does not unwrap")
	}
}
