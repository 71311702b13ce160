package rtmp

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"leat/amf"
)

func TestStatusObject(t *testing.T) {
	s := Status{
		Code:        string(CodePlayTransition),
		Description: "Transitioning from a to b.",
		Details:     "b",
		ClientID:    "7",
		Extra:       []amf.Member{{Name: "reason", Value: string(CodeTransitionSuccess)}},
	}
	want := []amf.Member{
		{Name: "level", Value: "status"},
		{Name: "code", Value: "NetStream.Play.Transition"},
		{Name: "description", Value: "Transitioning from a to b."},
		{Name: "details", Value: "b"},
		{Name: "clientid", Value: "7"},
		{Name: "reason", Value: "NetStream.Transition.Success"},
	}
	o := s.Object()
	if !reflect.DeepEqual(o.Members, want) {
		t.Errorf("Object() = %v, want %v", o.Members, want)
	}
	got, ok := ParseStatus(o)
	s.Level = LevelStatus
	if !ok || !reflect.DeepEqual(got, s) {
		t.Errorf("ParseStatus = %+v, %v; want %+v", got, ok, s)
	}
}

// The bytes that follow name, transaction and null in an onStatus.
func TestStatusBytes(t *testing.T) {
	const object = "03 0005 6c6576656c 02 0006 737461747573" +
		"0004 636f6465 02 0017 4e657453747265616d2e5075626c6973682e5374617274" +
		"000b 6465736372697074696f6e 02 001a 53746172746564207075626c697368696e672073747265616d2e" +
		"0000 09"
	want, err := hex.DecodeString(strings.ReplaceAll(object, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	s := Status{Code: string(CodePublishStart), Description: "Started publishing stream."}
	got, err := amf.Append(nil, s.Object())
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, %v\nwant %x", got, err, want)
	}
}

func TestParseStatus(t *testing.T) {
	object := func(kv ...any) *amf.Object {
		o := &amf.Object{}
		for i := 0; i < len(kv); i += 2 {
			o.Members = append(o.Members, amf.Member{Name: kv[i].(string), Value: kv[i+1]})
		}
		return o
	}
	tests := []struct {
		name string
		in   any
		want Status
		ok   bool
	}{
		{"null", nil, Status{}, false},
		{"nil object", (*amf.Object)(nil), Status{}, false},
		{"number", 1.0, Status{}, false},
		{"no code", object("level", "error"), Status{}, false},
		{"code is a number", object("code", 302.0), Status{}, false},
		{"level from the code", object("code", "NetStream.Play.StreamNotFound"), Status{Level: LevelError, Code: "NetStream.Play.StreamNotFound"}, true},
		{"own level", object("level", "status", "code", "NetStream.Failed"), Status{Level: LevelStatus, Code: "NetStream.Failed"}, true},
		{
			"details of any type", object("code", "NetStream.Seek.InvalidTime", "details", 12.5),
			Status{Level: LevelError, Code: "NetStream.Seek.InvalidTime", Details: 12.5},
			true,
		},
		{
			"clientId", object("code", "NetStream.Play.TransitionComplete", "clientId", "x"),
			Status{Level: LevelStatus, Code: "NetStream.Play.TransitionComplete", ClientID: "x"},
			true,
		},
		{
			"rest in order", object("b", 1.0, "code", "c", "clientid", 7.0, "a", nil),
			Status{Level: LevelStatus, Code: "c", Extra: []amf.Member{{Name: "b", Value: 1.0}, {Name: "clientid", Value: 7.0}, {Name: "a"}}},
			true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseStatus(tt.in)
			if ok != tt.ok || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v; want %+v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestLevelOf(t *testing.T) {
	tests := map[Code]string{
		CodeConnectSuccess:       LevelStatus,
		CodeConnectRejected:      LevelError,
		CodeConnectIdleTimeout:   LevelStatus,
		CodePlayInsufficientBW:   LevelWarning,
		CodeRecordAlreadyExists:  LevelStatus,
		CodeUnpublishSuccess:     LevelStatus,
		CodePublishBadName:       LevelError,
		CodeSeekInvalidTime:      LevelError,
		"Application.Own.Failed": LevelStatus,
	}
	for code, want := range tests {
		if got := LevelOf(code); got != want {
			t.Errorf("LevelOf(%s) = %s, want %s", code, got, want)
		}
	}
}
