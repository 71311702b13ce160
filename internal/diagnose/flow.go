package diagnose

import (
	"time"

	"leat/internal/format/codec"
	"leat/internal/wire/message"
	"leat/media"
	"leat/rtmp"
)

// flow is the media of one message stream in one direction.
type flow struct {
	s         *Session
	from      Direction
	streamID  uint32
	publishes bool // publish was asked for on it
	closed    bool // it was ended as it should be

	lastAt     time.Duration // of any media, since the connection began; 0 before the first
	windowAt   time.Duration // a stretch of clock and timeline that are compared
	windowFrom time.Duration
	skew       time.Duration // video before audio, as it was last
	maxSkew    time.Duration
	skewed     int // messages in a row with too much of it

	video, audio track
	metadata     metadata
}

func newFlow(s *Session, from Direction, msid uint32) *flow {
	f := &flow{s: s, from: from, streamID: msid}
	f.video.kind, f.audio.kind = media.Video, media.Audio
	return f
}

func (f *flow) report(code Code, m *rtmp.TraceMessage, format string, args ...any) {
	f.s.report(code, f.from, f.streamID, m.Timestamp, format, args...)
}

// media looks at one message of audio or video.
func (f *flow) media(m *rtmp.TraceMessage) {
	t, other, parse := &f.audio, &f.video, parseAudio
	if message.Type(m.Type) == message.TypeVideo {
		t, other, parse = &f.video, &f.audio, parseVideo
	}
	if f.from == FromClient && !f.publishes {
		f.report(MediaUnpublished, m, "audio or video comes on message stream %d, on which nothing was published: servers drop it", f.streamID)
	}
	fr, err := parse(m.Body)
	if err != nil {
		f.report(BodyMalformed, m, "a message of %v cannot be read: %v", t.kind, err)
		return
	}
	if fr.track != 0 {
		return
	}
	f.codec(t, &fr, m)
	switch {
	case fr.config:
		f.configure(t, &fr, m)
	case fr.coded:
		f.frame(t, other, &fr, m)
	}
}

func (f *flow) codec(t *track, fr *frame, m *rtmp.TraceMessage) {
	if !fr.config && !fr.coded || len(m.Body) == 0 {
		return
	}
	if t.seen && t.codec == fr.codec && t.number == fr.number {
		return
	}
	if t.seen && t.codec != fr.codec {
		f.report(CodecChanged, m, "the codec of %v has changed in mid-stream: most players and recordings break", t.kind)
	}
	t.seen, t.codec, t.number = true, fr.codec, fr.number
	if fr.private {
		f.report(LegacyNumber, m, "%s comes by the old private number %d instead of Enhanced RTMP: many players and servers do not know it; update the encoder, or send H.264 and AAC", codec.Name(fr.codec), fr.number)
	}
	if f.from == FromServer && !f.s.connect.codecs.Has(fr.codec) {
		f.report(NotAnnounced, m, "the player gets %s, which it did not announce in connect (fourCcList): it will probably show nothing; update the player, or let the encoder send H.264 and AAC", codec.Name(fr.codec))
	}
	f.compareCodec()
}

// frame looks at one frame, and at the clock.
func (f *flow) frame(t, other *track, fr *frame, m *rtmp.TraceMessage) {
	if needsConfig(fr.codec) && t.config == nil {
		f.report(ConfigMissing, m, "frames of %v (%s) come without a sequence header before them: nobody can decode them until one comes; restart the encoder", t.kind, codec.Name(fr.codec))
	}
	if t.kind == media.Video && len(fr.data) == 0 && len(m.Body) < 8 {
		f.report(EmptyFrame, m, "a video frame has no bytes: decoders drop it, some stop")
	}
	if fr.offset > 2000 || fr.offset < -500 {
		f.report(OffsetOdd, m, "a frame is to be shown %d ms after it is decoded: the encoder confuses decode and presentation time, perhaps with B-frames; players stutter", fr.offset)
	}
	f.payload(t, fr, m)
	f.time(t, m)
	t.bytes += int64(len(fr.data))
	t.frames++
	if t.kind == media.Video {
		f.keys(t, fr, m)
	}
	f.rates(t, len(m.Body), m)
	f.compare(t, other, m)
	f.lastAt = f.s.now
	t.lastAt = f.s.now
}

// end looks back at the end of the connection.
func (f *flow) end() {
	if f.from == FromClient && f.publishes && !f.closed && f.video.frames+f.audio.frames > 0 {
		f.report(CutOff, &rtmp.TraceMessage{Timestamp: f.video.raw}, "the connection ended in the middle of the stream, without FCUnpublish or deleteStream: the encoder crashed or was killed, or the network broke")
	}
	f.irregular(&rtmp.TraceMessage{Timestamp: f.video.raw})
}

// restart makes the next timestamps a beginning: the player has asked for another place.
func (f *flow) restart() {
	f.video.restarts, f.audio.restarts = true, true
	f.lastAt, f.skewed, f.windowAt = 0, 0, 0
}
