package diagnose

import (
	"testing"
	"time"

	"leat/amf"
	"leat/internal/wire/message"
	"leat/rtmp"
)

// talk is a conversation that a test makes up. Its clock moves with the timestamps of what is sent.
type talk struct {
	t    *testing.T
	s    *Session
	now  time.Duration
	from Direction // of media
	odd  rtmp.TraceOddities
	size uint32 // chunk size of media
	csid uint32
	told []Finding
}

func newTalk(t *testing.T) *talk {
	k := &talk{t: t, size: 4096, csid: 4}
	k.s = NewSession(Config{Both: true, OnFinding: func(f Finding) { k.told = append(k.told, f) }})
	return k
}

func (k *talk) send(from Direction, typ message.Type, msid uint32, timestamp uint32, body []byte) {
	k.s.Message(from, k.now, rtmp.TraceMessage{
		Type: uint8(typ), ChunkStreamID: k.csid, StreamID: msid, Timestamp: timestamp, Body: body, ChunkSize: k.size, Oddities: k.odd,
	})
}

func (k *talk) message(from Direction, msid uint32, m message.Message) {
	k.t.Helper()
	body, err := message.Append(nil, m)
	if err != nil {
		k.t.Fatal(err)
	}
	k.send(from, m.Type(), msid, 0, body)
}

func (k *talk) client(msid uint32, name string, txn float64, object any, args ...any) {
	k.t.Helper()
	k.message(FromClient, msid, &message.Command{Name: name, TransactionID: txn, Object: object, Args: args})
}

func (k *talk) server(msid uint32, name string, txn float64, object any, args ...any) {
	k.t.Helper()
	k.message(FromServer, msid, &message.Command{Name: name, TransactionID: txn, Object: object, Args: args})
}

// connect is an accepted connect; further members go to its object.
func (k *talk) connect(app string, members ...any) *talk {
	k.t.Helper()
	obj := amf.NewObject(append([]any{"app", app, "tcUrl", "rtmp://host/" + app}, members...)...)
	k.client(0, "connect", 1, obj)
	k.server(0, "_result", 1, nil, amf.NewObject("code", "NetConnection.Connect.Success", "level", "status"))
	return k
}

func (k *talk) publish(key string) *talk {
	k.t.Helper()
	k.client(0, "createStream", 2, nil)
	k.server(0, "_result", 2, nil, 1.0)
	k.client(1, "publish", 3, nil, key, "live")
	k.server(1, "onStatus", 0, nil, amf.NewObject("code", "NetStream.Publish.Start", "level", "status"))
	return k
}

func (k *talk) play(key string) *talk {
	k.t.Helper()
	k.from = FromServer
	k.client(0, "createStream", 2, nil)
	k.server(0, "_result", 2, nil, 1.0)
	k.client(1, "play", 3, nil, key)
	k.server(1, "onStatus", 0, nil, amf.NewObject("code", "NetStream.Play.Start", "level", "status"))
	return k
}

// metadata sends @setDataFrame onMetaData.
func (k *talk) metadata(members ...any) *talk {
	k.t.Helper()
	k.data("@setDataFrame", "onMetaData", amf.NewObject(members...))
	return k
}

func (k *talk) data(values ...any) {
	k.t.Helper()
	var body []byte
	for _, v := range values {
		var err error
		if body, err = amf.Append(body, v); err != nil {
			k.t.Fatal(err)
		}
	}
	k.send(k.from, message.TypeDataAMF0, 1, 0, body)
}

func (k *talk) video(timestamp uint32, body []byte) {
	k.send(k.from, message.TypeVideo, 1, timestamp, body)
}

func (k *talk) audio(timestamp uint32, body []byte) {
	k.send(k.from, message.TypeAudio, 1, timestamp, body)
}

// Bodies of messages.
var (
	avcConfig = append([]byte{0x17, 0, 0, 0, 0}, // 320x240, Constrained Baseline 1.3
		0x01, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0x00, 0x17,
		0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0xa4,
		0x01, 0x00, 0x04, 0x68, 0xcb, 0x83, 0xcb)
	avcKey    = []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 4, 0x65, 0x88, 0x84, 0x00}
	avcInter  = []byte{0x27, 1, 0, 0, 0, 0, 0, 0, 4, 0x41, 0x9a, 0x00, 0x10}
	aacConfig = []byte{0xaf, 0, 0x12, 0x10}
	aacFrame  = []byte{0xaf, 1, 0x21, 0x10, 0x04, 0x60}
	hevcKey   = []byte{0x91, 'h', 'v', 'c', '1', 0, 0, 0, 0, 0, 0, 3, 0x26, 0x01, 0x02}
)

// begin sends metadata, sequence headers and nothing else.
func (k *talk) begin() *talk {
	k.metadata("width", 320.0, "height", 240.0, "framerate", 25.0, "videocodecid", 7.0, "audiocodecid", 10.0, "videodatarate", 300.0)
	k.video(0, avcConfig)
	k.audio(0, aacConfig)
	return k
}

// frames sends so much of a good stream: 25 frames a second with a key frame every 2 s, and audio.
func (k *talk) frames(from, until time.Duration) *talk {
	for at := from; at < until; at += 40 * time.Millisecond {
		ts := uint32(at.Milliseconds())
		body := avcInter
		if at%(2*time.Second) == 0 {
			body = avcKey
		}
		k.now = at
		k.video(ts, body)
		k.audio(ts, aacFrame)
	}
	return k
}

// good is a publication up to its first frame.
func good(t *testing.T) *talk {
	t.Helper()
	return newTalk(t).connect("live").publish("cam").begin()
}

// end ends the publication as encoders do.
func (k *talk) end() {
	k.client(0, "FCUnpublish", 4, nil, "cam")
	k.client(0, "deleteStream", 5, nil, 1.0)
	k.s.Close(k.now, nil)
}

func (k *talk) codes() map[Code]Finding {
	all := map[Code]Finding{}
	for _, f := range k.s.Findings() {
		all[f.Code] = f
	}
	return all
}

// tag is a video body with an Enhanced header, or an old one.
func tag(first byte, rest ...byte) []byte { return append([]byte{first}, rest...) }
