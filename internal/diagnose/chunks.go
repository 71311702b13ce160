package diagnose

import (
	"errors"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/rtmp"
)

// hugeChunk is the largest chunk size that nginx-rtmp and mediamtx take.
const hugeChunk = 10 << 20

// chunks looks at how a message was cut. It is called for every message.
func (s *Session) chunks(from Direction, sd *side, m *rtmp.TraceMessage) {
	if m.ChunkStreamID > 63 && m.ChunkStreamID != sd.lastCSID {
		s.report(HighChunkStream, from, 0, m.Timestamp, "chunk stream %d is used: legal, but some servers close a connection on IDs above 63 (mediamtx) or 31 (nginx-rtmp)", m.ChunkStreamID)
	}
	sd.lastCSID = m.ChunkStreamID
	isVideo := message.Type(m.Type) == message.TypeVideo
	if isVideo && m.ChunkSize == 128 && len(m.Body) > 4096 {
		s.report(ChunkSmall, from, 0, m.Timestamp, "a frame of %d bytes goes in chunks of 128 bytes: the %v never sent Set Chunk Size, or not yet; that costs both sides time, 4096 or more is usual", len(m.Body), from)
	}
	if m.Oddities == sd.odd {
		return
	}
	had := sd.odd
	sd.odd = m.Oddities
	if m.Oddities.OmitsExtended && !had.OmitsExtended {
		s.report(ExtendedOmitted, from, 0, m.Timestamp, "the %v leaves the extended timestamp out of continuing chunks (RTMP 5.3.1.3): after 4 hours and 40 minutes of one stream, servers that expect it lose the thread; update the program", from)
	}
	if m.Oddities.BlankExtended && !had.BlankExtended {
		s.report(ExtendedBlank, from, 0, m.Timestamp, "the %v repeats the extended timestamp as zero in continuing chunks; most receivers skip it unread", from)
	}
	if m.Oddities.OpensShort && !had.OpensShort {
		s.report(FreshShort, from, 0, m.Timestamp, "the first header on a chunk stream refers to one before it (fmt 2 or 3), and there is none: receivers guess the length and the type, or close")
	}
	if m.Oddities.CutsMessages && !had.CutsMessages {
		s.report(MessageCut, from, 0, m.Timestamp, "a message was given up in the middle, and another began on its chunk stream without Abort: the frame is lost, and some servers close")
	}
}

// control looks at protocol control messages.
func (s *Session) control(from Direction, sd *side, m *rtmp.TraceMessage) {
	parsed, err := message.Parse(message.Type(m.Type), m.Body, amf.Limits{})
	if err != nil {
		return
	}
	switch v := parsed.(type) {
	case *message.SetChunkSize:
		if sd.media > 0 && v.Size != sd.chunkSize {
			s.report(ChunkLate, from, 0, m.Timestamp, "Set Chunk Size (%d) came after %d messages of audio and video: legal, but programs that expect it before connect or publish misread what follows", v.Size, sd.media)
		}
		if v.Size > hugeChunk {
			s.report(ChunkHuge, from, 0, m.Timestamp, "the chunk size is set to %d bytes: servers refuse more than 10 MiB (nginx-rtmp, mediamtx); 65536 is plenty", v.Size)
		}
		sd.chunkSize = v.Size
	case *message.WindowAckSize:
		if v.Size == 0 {
			s.report(WindowZero, from, 0, m.Timestamp, "Window Acknowledgement Size is 0, which means nothing; FFmpeg leaves on it")
		}
		sd.window, sd.windowAt, sd.acked = uint64(v.Size), sd.bytes, false
	case *message.SetPeerBandwidth:
		if v.Size == 0 {
			s.report(WindowZero, from, 0, m.Timestamp, "Set Peer Bandwidth is 0: who obeys sends nothing any more; FFmpeg leaves on it")
		}
	case *message.Acknowledgement:
		s.sides[1-from].acked = true
	}
}

// acknowledgements finds out that the other side ignores the window. It must ask with some room: what is on its way counts too.
func (s *Session) acknowledgements(from Direction, sd *side, timestamp uint32) {
	if !s.cfg.Both || sd.window == 0 || sd.acked || sd.bytes-sd.windowAt < 3*sd.window {
		return
	}
	other := 1 - from
	s.report(AckMissing, other, 0, timestamp, "the %v has asked for an acknowledgement every %d bytes, and none has come after %d: servers of Adobe's stop to send then", from, sd.window, sd.bytes-sd.windowAt)
	sd.window = 0
}

// closed looks at why a connection ended.
func (s *Session) closed(r *rtmp.CloseReason) {
	broken, ok := errors.AsType[*chunk.Error](r.Err)
	if !ok {
		return
	}
	s.garbage(FromClient, broken)
}

// garbage says what is probably wrong with a chunk stream that makes no sense.
func (s *Session) garbage(from Direction, err *chunk.Error) {
	const control = 2
	sd := &s.sides[from]
	if sd.chunkSize == chunk.DefaultChunkSize && sd.bytes > 0 && err.ChunkStreamID != control {
		s.report(ChunkUnannounced, from, 0, 0, "%v; the %v never sent Set Chunk Size, so its chunks must be 128 bytes, and they are probably larger", err, from)
		return
	}
	s.report(ChunkGarbage, from, 0, 0, "the chunk stream makes no sense: %v; a wrong chunk size, lost bytes or another protocol", err)
}
