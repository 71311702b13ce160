package diagnose

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
	"leat/rtmp"
)

// example is a conversation in which something is wrong, and one in which it is almost wrong.
type example struct {
	wrong, right func(t *testing.T) *talk
}

const sec = time.Second

// keyed publishes under a key, with the application "app1".
func keyed(key string) func(*testing.T) *talk {
	return func(t *testing.T) *talk { return newTalk(t).connect("app1").publish(key) }
}

// lost ends the client's side with an error of its decoder.
func lost(err error) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := newTalk(t)
		k.s.Lost(0, FromClient, err)
		return k
	}
}

func odd(o rtmp.TraceOddities) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t)
		k.odd = o
		return k.frames(0, sec)
	}
}

func sized(size uint32) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t)
		k.message(FromClient, 0, &message.SetChunkSize{Size: size})
		return k
	}
}

// framed sends a good stream with one other frame of video in it.
func framed(body []byte) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t).frames(0, sec)
		k.video(1000, body)
		return k
	}
}

// stepped sends a good stream whose timestamps and clock move on by so much in the middle.
func stepped(timeline, clock time.Duration) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t).frames(0, 4*sec)
		k.now += clock
		k.video(uint32((4*sec + timeline).Milliseconds()), avcKey)
		return k
	}
}

// paced sends a minute of timeline in so many parts of a minute of the clock.
func paced(clock float64) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t)
		for ts := 0; ts < 60000; ts += 40 {
			k.now = time.Duration(float64(ts)*clock) * time.Millisecond
			body := avcInter
			if ts%2000 == 0 {
				body = avcKey
			}
			k.video(uint32(ts), body)
		}
		return k
	}
}

// keys sends a minute with key frames at these distances, over and over.
func keys(every ...time.Duration) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t)
		next, n := time.Duration(0), 0
		for at := time.Duration(0); at < time.Minute; at += 40 * time.Millisecond {
			body := avcInter
			if at >= next && len(every) > 0 {
				body = avcKey
				next += every[n%len(every)]
				n++
			}
			k.now = at
			k.video(uint32(at.Milliseconds()), body)
			k.audio(uint32(at.Milliseconds()), aacFrame)
		}
		k.end()
		return k
	}
}

// described sends a minute after metadata with one value changed.
func described(name string, value any) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t)
		k.metadata("width", 320.0, "height", 240.0, "framerate", 25.0, "videocodecid", 7.0, name, value)
		return k.frames(0, 25*sec)
	}
}

func watched(members ...any) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := newTalk(t).connect("live", members...).play("cam")
		k.video(0, hevcKey)
		return k
	}
}

var examples = map[Code]example{
	NotRTMP: {lost(&handshake.NotRTMPError{Looks: handshake.LooksTLS, First: 22}), lost(errEncrypted)},
	HandshakeVersion: {
		func(t *testing.T) *talk {
			k := newTalk(t)
			k.s.Handshake(0, rtmp.TraceHandshake{Requested: 31})
			return k
		},
		func(t *testing.T) *talk {
			k := newTalk(t)
			k.s.Handshake(0, rtmp.TraceHandshake{Requested: 3})
			return k
		},
	},
	ChunkGarbage: {
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live")
			k.message(FromClient, 0, &message.SetChunkSize{Size: 4096})
			k.s.Lost(0, FromClient, &chunk.Error{ChunkStreamID: 4, Reason: "x"})
			return k
		},
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live")
			k.s.Lost(0, FromClient, &chunk.Error{ChunkStreamID: 4, Reason: "x"})
			return k
		},
	},
	ChunkUnannounced: {
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live")
			k.s.Close(0, &rtmp.CloseReason{Err: &chunk.Error{ChunkStreamID: 4, Reason: "x"}})
			return k
		},
		lost(&chunk.Error{ChunkStreamID: 4, Reason: "x"}),
	},
	ChunkSmall: {
		func(t *testing.T) *talk { k := good(t); k.size = 128; k.video(0, padded(avcKey, 8000)); return k },
		func(t *testing.T) *talk { k := good(t); k.size = 128; return k.frames(0, sec) },
	},
	ChunkLate:       {sized(65536), func(t *testing.T) *talk { return newTalk(t).connect("live") }},
	ChunkHuge:       {sized(0x7fffffff), sized(1 << 20)},
	ExtendedOmitted: {odd(rtmp.TraceOddities{OmitsExtended: true}), odd(rtmp.TraceOddities{})},
	ExtendedBlank:   {odd(rtmp.TraceOddities{BlankExtended: true}), odd(rtmp.TraceOddities{})},
	FreshShort:      {odd(rtmp.TraceOddities{OpensShort: true}), odd(rtmp.TraceOddities{})},
	MessageCut:      {odd(rtmp.TraceOddities{CutsMessages: true}), odd(rtmp.TraceOddities{})},
	HighChunkStream: {
		func(t *testing.T) *talk { k := good(t); k.csid = 64; return k.frames(0, sec) },
		func(t *testing.T) *talk { k := good(t); k.csid = 63; return k.frames(0, sec) },
	},
	UnknownType: {
		func(t *testing.T) *talk { k := good(t); k.send(FromClient, 21, 0, 0, nil); return k },
		func(t *testing.T) *talk { k := good(t); k.send(FromClient, message.TypeAbort, 0, 0, nil); return k },
	},
	WindowZero: {
		func(t *testing.T) *talk {
			k := newTalk(t)
			k.message(FromServer, 0, &message.WindowAckSize{})
			return k
		},
		func(t *testing.T) *talk {
			k := newTalk(t)
			k.message(FromServer, 0, &message.WindowAckSize{Size: 1})
			return k
		},
	},
	AckMissing: {acknowledging(false), acknowledging(true)},
	NotReading: {
		func(t *testing.T) *talk {
			k := newTalk(t)
			k.s.Report(0, NotReading, FromServer, "it does not read")
			return k
		},
		good,
	},
	CutOff: {
		func(t *testing.T) *talk { k := good(t).frames(0, sec); k.s.Close(k.now, nil); return k },
		func(t *testing.T) *talk { k := good(t).frames(0, sec); k.end(); return k },
	},
	NoConnect: {
		func(t *testing.T) *talk { k := newTalk(t); k.client(0, "createStream", 2, nil); return k },
		func(t *testing.T) *talk { return newTalk(t).connect("live") },
	},
	AppEmpty:    {func(t *testing.T) *talk { return newTalk(t).connect("") }, func(t *testing.T) *talk { return newTalk(t).connect("a") }},
	AppSlash:    {func(t *testing.T) *talk { return newTalk(t).connect("live/") }, func(t *testing.T) *talk { return newTalk(t).connect("a/b") }},
	AppMismatch: {func(t *testing.T) *talk { return newTalk(t).connect("x", "tcUrl", "rtmp://host/y") }, func(t *testing.T) *talk { return newTalk(t).connect("x?token=1") }},
	KeyMissing:  {keyed(" "), keyed("a")},
	KeySpace:    {keyed("cam\n"), keyed("my cam")},
	KeyURL:      {keyed("rtmp://host/app1/cam"), keyed("cam?back=rtmp://host")},
	KeySlash:    {keyed("/cam"), keyed("a/b")},
	KeyHasApp:   {keyed("app1/cam"), keyed("app12/cam")},
	KeySwapped:  {keyed("live"), keyed("live1")},
	KeyQuery:    {keyed("cam?a=1?b=2"), keyed("cam?a=1&b=2")},
	PublishType: {
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live")
			k.client(1, "publish", 3, nil, "cam", "now")
			return k
		},
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live")
			k.client(1, "publish", 3, nil, "cam", "LIVE")
			return k
		},
	},
	CommandGarbled: {
		func(t *testing.T) *talk {
			k := newTalk(t)
			k.send(FromClient, message.TypeCommandAMF0, 0, 0, []byte{9})
			return k
		},
		func(t *testing.T) *talk { return newTalk(t).connect("live") },
	},
	WrongStream: {
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live")
			k.client(0, "publish", 3, nil, "cam")
			return k
		},
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live")
			k.client(2, "publish", 3, nil, "cam")
			return k
		},
	},
	Refused:  {answered(rtmp.LevelError), answered(rtmp.LevelWarning)},
	NoAnswer: {leaves(5 * sec), leaves(sec)},
	MediaUnpublished: {
		func(t *testing.T) *talk { return newTalk(t).connect("live").begin() },
		func(t *testing.T) *talk { return newTalk(t).connect("live").play("cam").begin() },
	},
	ConfigMissing:  {func(t *testing.T) *talk { return newTalk(t).connect("live").publish("cam").frames(0, sec) }, framed(avcKey)},
	ConfigLate:     {func(t *testing.T) *talk { return newTalk(t).connect("live").publish("cam").frames(0, sec).begin() }, framed(avcConfig)},
	ConfigRepeated: {repeated(40), repeated(20)},
	ConfigChanged:  {framed(bytes.Replace(avcConfig, []byte{0x68, 0xcb}, []byte{0x68, 0xce}, 1)), framed(avcConfig)},
	ConfigBroken:   {framed(tag(0x17, 0, 0, 0, 0, 1, 2)), framed(avcConfig)},
	PixelFormat: {
		func(t *testing.T) *talk { k := good(t); k.video(0, avc444); return k },
		good,
	},
	CodecChanged: {framed(hevcKey), framed(tag(0x91, avc1Key...))},
	LegacyNumber: {framed(tag(0x1c, avcKey[1:]...)), framed(avcInter)},
	NotAnnounced: {watched("fourCcList", []any{"av01"}), watched("fourCcList", []any{"hvc1"})},
	ADTS: {
		func(t *testing.T) *talk { k := good(t); k.audio(0, tag(0xaf, 1, 0xff, 0xf1, 0x50, 0x80)); return k },
		func(t *testing.T) *talk { k := good(t); k.audio(0, aacFrame); return k },
	},
	AnnexB:        {framed(tag(0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65, 0x88, 0x84)), framed(tag(0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x0a))},
	NALULength:    {framed(tag(0x17, 1, 0, 0, 0, 0, 0, 9, 9, 0x65)), framed(avcKey)},
	EmptyFrame:    {framed(tag(0x27, 1, 0, 0, 0)), framed(tag(0x27, 2, 0, 0, 0))},
	OffsetOdd:     {framed(tag(0x27, 1, 0, 0x75, 0x30, 0, 0, 0, 1, 0x41)), framed(tag(0x27, 1, 0, 0, 0x50, 0, 0, 0, 1, 0x41))},
	BodyMalformed: {framed(tag(0x91, 'a')), framed(tag(0x57, 0))},

	Backwards: {stepped(-sec, 0), stepped(-10*time.Millisecond, 0)},
	Jump:      {stepped(10*sec, 0), stepped(10*sec, 10*sec)},
	Gap:       {stepped(10*sec, 10*sec), stepped(2*sec, 2*sec)},
	Stuck: {
		func(t *testing.T) *talk {
			k := good(t)
			for range 200 {
				k.video(0, avcKey)
			}
			return k
		},
		func(t *testing.T) *talk { return good(t).frames(0, 9*sec) },
	},
	TooFast:      {paced(0.5), paced(0.9)},
	TooSlow:      {paced(1.4), paced(1.1)},
	Skew:         {skewed(3 * sec), skewed(sec)},
	Stopped:      {stops(15 * sec), stops(8 * sec)},
	NoKeyFrame:   {keys(), keys(10 * sec)},
	KeyLong:      {keys(20 * sec), keys(10 * sec)},
	KeyIrregular: {keys(sec, 9*sec), keys(5*sec, 9*sec)},

	MetadataMissing: {
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live").publish("cam")
			k.video(0, avcConfig)
			k.audio(0, aacConfig)
			return k.frames(0, 15*sec)
		},
		func(t *testing.T) *talk { return good(t).frames(0, 15*sec) },
	},
	MetadataPlain: {
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live").publish("cam")
			k.data("onMetaData", amf.NewObject())
			return k
		},
		func(t *testing.T) *talk {
			k := newTalk(t).connect("live").publish("cam")
			k.data("onCuePoint", amf.NewObject())
			return k
		},
	},
	MetadataSize:  {described("width", 1920.0), described("width", 328.0)},
	MetadataCodec: {described("videocodecid", 2.0), described("videocodecid", float64(0x61766331))},
	MetadataRate:  {described("framerate", 60.0), described("framerate", 29.97)},
	MetadataBits:  {described("videodatarate", 0.5), described("videodatarate", 300.0)},
	TrackMissing:  {silentVideo(sec * 15), silentVideo(sec * 5)},
}

func padded(b []byte, n int) []byte { return append(bytes.Clone(b), make([]byte, n)...) }

var avc1Key = []byte("avc1\x00\x00\x00\x00\x00\x00\x02\x65\x88")

// avc444 is what ffmpeg sends of testsrc without -pix_fmt.
var avc444 = []byte{
	0x17, 0, 0, 0, 0,
	0x01, 0xf4, 0x00, 0x0a, 0xff, 0xe1, 0x00, 0x17, 0x67, 0xf4, 0x00, 0x0a, 0x91, 0x96, 0x84, 0x7b, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x01, 0x40, 0xf1, 0x22, 0x6a, 0x01, 0x00, 0x05, 0x68, 0xce, 0x0f, 0x19, 0x20, 0xff, 0xf8, 0xf8, 0x00,
}

func acknowledging(does bool) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t)
		k.message(FromClient, 0, &message.WindowAckSize{Size: 1000})
		if does {
			k.message(FromServer, 0, &message.Acknowledgement{SequenceNumber: 1})
		}
		return k.frames(0, 20*sec)
	}
}

func answered(level string) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := newTalk(t).connect("live")
		k.client(1, "publish", 3, nil, "cam", "live")
		k.server(1, "onStatus", 0, nil, amf.NewObject("code", "NetStream.Publish.BadName", "level", level, "description", "taken"))
		return k
	}
}

func leaves(after time.Duration) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := newTalk(t).connect("live")
		k.client(1, "publish", 3, nil, "cam", "live")
		k.s.Close(after, nil)
		return k
	}
}

func repeated(n int) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t)
		for range n {
			k.video(0, avcConfig)
		}
		return k
	}
}

func skewed(by time.Duration) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t)
		for at := time.Duration(0); at < 10*sec; at += 40 * time.Millisecond {
			k.now = at
			k.video(uint32(at.Milliseconds()), avcKey)
			k.audio(uint32((at + by).Milliseconds()), aacFrame)
		}
		return k
	}
}

// stops lets video go on for so long after audio.
func stops(after time.Duration) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := good(t).frames(0, 10*sec)
		for at := 10 * sec; at < 10*sec+after; at += 40 * time.Millisecond {
			k.now = at
			k.video(uint32(at.Milliseconds()), avcKey)
		}
		return k
	}
}

// silentVideo announces audio and video, and sends audio.
func silentVideo(d time.Duration) func(*testing.T) *talk {
	return func(t *testing.T) *talk {
		k := newTalk(t).connect("live").publish("cam").metadata("videocodecid", 7.0, "audiocodecid", 10.0)
		k.audio(0, aacConfig)
		for at := time.Duration(0); at < d; at += 40 * time.Millisecond {
			k.now = at
			k.audio(uint32(at.Milliseconds()), aacFrame)
		}
		return k
	}
}

func TestFindings(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(string(kind.Code), func(t *testing.T) {
			e, ok := examples[kind.Code]
			if !ok {
				t.Fatal("there is no example of it")
			}
			f, found := e.wrong(t).codes()[kind.Code]
			switch {
			case !found:
				t.Error("it is not found where it is")
			case f.Severity != kind.Severity || f.Text == "" || f.Count == 0:
				t.Errorf("found as %+v", f)
			case bytes.Contains([]byte(f.Text), []byte("%!")):
				t.Errorf("the sentence is %q", f.Text)
			}
			if f, found := e.right(t).codes()[kind.Code]; found {
				t.Errorf("it is found where it is not: %s", f)
			}
		})
	}
	if len(examples) != len(kinds) {
		t.Errorf("there are %d examples of %d kinds", len(examples), len(kinds))
	}
}

// TestGoodStream has nothing to say about an hour of a good stream, nor about its wrapping timestamps.
func TestGoodStream(t *testing.T) {
	k := good(t).frames(0, time.Hour)
	k.end()
	for _, f := range k.s.Findings() {
		t.Errorf("found: %s", f)
	}
	k = good(t)
	for at := time.Duration(0); at < 20*sec; at += 40 * time.Millisecond {
		k.now = at
		k.video(uint32(0xffffe000+at.Milliseconds()), avcKey)
	}
	for _, f := range k.s.Findings() {
		t.Errorf("found where timestamps wrap: %s", f)
	}
}

// TestSecondStream publishes and plays something else on the same message stream: nothing of the first counts for it.
func TestSecondStream(t *testing.T) {
	k := good(t).frames(0, 5*sec)
	k.client(1, "publish", 6, nil, false)
	k.publish("other").begin()
	for ts := range uint32(10) {
		k.video(40*ts, avcKey)
	}
	k.end()
	for _, f := range k.s.Findings() {
		t.Errorf("found: %s", f)
	}
	if n := len(k.s.Summary().Streams); n != 2 {
		t.Errorf("the summary has %d streams, want 2", n)
	}
	k = newTalk(t).connect("live", "fourCcList", []any{"*"}).play("cam").begin().frames(0, 5*sec)
	k.client(1, "seek", 0, nil, 0.0)
	k.frames(0, sec)
	k.play("other")
	k.video(0, hevcKey)
	for _, f := range k.s.Findings() {
		if f.Code != ConfigMissing { // other has none
			t.Errorf("found: %s", f)
		}
	}
}

// TestFindingsAreCounted tells a finding once, and counts it each time.
func TestFindingsAreCounted(t *testing.T) {
	k := newTalk(t).connect("live").publish("cam").frames(0, sec)
	f := k.codes()[ConfigMissing]
	if f.Count != 50 {
		t.Errorf("counted %d times, want 50: %s", f.Count, f)
	}
	for i, f := range k.told {
		for _, other := range k.told[:i] {
			if f.Code == other.Code {
				t.Errorf("told twice: %s", f)
			}
		}
	}
}

// TestFindingsAreBounded sends mistakes on ever new message streams.
func TestFindingsAreBounded(t *testing.T) {
	k := newTalk(t)
	for i := range uint32(5000) {
		k.send(FromClient, message.TypeVideo, i, 0, avcKey)
		k.client(i, "publish", float64(i), nil, fmt.Sprint("cam/", i), "now")
	}
	if n := len(k.s.Findings()); n > maxFindings {
		t.Errorf("%d findings", n)
	}
	if len(k.s.flows) > maxFlows || len(k.s.calls) > maxCalls {
		t.Errorf("%d flows and %d calls are kept", len(k.s.flows), len(k.s.calls))
	}
}

func TestMessagesDoNotAllocate(t *testing.T) {
	k := good(t).frames(0, 4*sec)
	ts := uint32(4000)
	if n := testing.AllocsPerRun(200, func() {
		ts += 40
		k.now += 40 * time.Millisecond
		k.video(ts, avcInter)
		k.audio(ts, aacFrame)
	}); n > 0 {
		t.Errorf("%v allocations for two frames", n)
	}
}

func BenchmarkMessage(b *testing.B) {
	b.ReportAllocs()
	s := NewSession(Config{})
	s.addFlow(FromClient, 1).publishes = true
	s.flows[0].video.config = avcConfig[5:]
	s.flows[0].metadata.seen = true
	m := rtmp.TraceMessage{Type: 9, ChunkStreamID: 6, StreamID: 1, ChunkSize: 4096, Body: avcKey}
	for b.Loop() {
		m.Timestamp += 40
		s.Message(FromClient, time.Duration(m.Timestamp)*time.Millisecond, m)
	}
}

// TestEndedByServer: a stream that the server itself ends, or whose connection it closes, is not cut off.
func TestEndedByServer(t *testing.T) {
	told := func(s *Session, code, level string) {
		body, err := message.Append(nil, &message.Command{Name: "onStatus", Args: []any{amf.NewObject("level", level, "code", code)}})
		if err != nil {
			t.Fatal(err)
		}
		s.Told(0, rtmp.TraceMessage{Type: uint8(message.TypeCommandAMF0), StreamID: 1, Body: body})
	}
	tests := []struct {
		name string
		end  func(s *Session)
		cut  bool
	}{
		{"the client goes", func(s *Session) { s.Close(0, &rtmp.CloseReason{Side: rtmp.SidePeer}) }, true},
		{"the network breaks", func(s *Session) { s.Close(0, &rtmp.CloseReason{Side: rtmp.SideNetwork}) }, true},
		{"the server shuts down", func(s *Session) { s.Close(0, &rtmp.CloseReason{Side: rtmp.SideLocal, Err: rtmp.ErrServerClosed}) }, false},
		{"the server closes", func(s *Session) { s.Close(0, &rtmp.CloseReason{Side: rtmp.SideLocal, Err: rtmp.ErrClosed}) }, false},
		{"the server ends the stream", func(s *Session) {
			told(s, string(rtmp.CodePublishBadName), rtmp.LevelError)
			s.Close(0, nil)
		}, false},
		{"the server says that it is unpublished", func(s *Session) {
			told(s, string(rtmp.CodeUnpublishSuccess), rtmp.LevelStatus)
			s.Close(0, nil)
		}, false},
		{"the server says something else", func(s *Session) {
			told(s, string(rtmp.CodePublishStart), rtmp.LevelStatus)
			s.Close(0, nil)
		}, true},
	}
	for _, test := range tests {
		k := good(t).frames(0, sec)
		test.end(k.s)
		cut := slices.ContainsFunc(k.s.Findings(), func(f Finding) bool { return f.Code == CutOff })
		if cut != test.cut {
			t.Errorf("%s: cut off: %v, want %v", test.name, cut, test.cut)
		}
	}
}
