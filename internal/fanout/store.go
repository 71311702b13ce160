package fanout

import (
	"math"
	"slices"
	"time"

	"leat/media"
)

const (
	minBlock = 64 << 10
	maxBlock = 1 << 20
	// blockTime is how much of the stream a block should hold: enough that most sweeps stay within one
	// block, little enough that memory follows the players closely.
	blockTime = 500 * time.Millisecond

	messageBytes = 88 // memory of a message in the index: many small ones must not outgrow their bytes unseen

	never = math.MaxInt64 // a time, offset or sequence number that does not come
)

// block is a piece of the log. buf and ends are only appended to, within their
// capacity or by moving, so a copy of the struct made under Log.mu can be read without it.
type block struct {
	start int64   // offset in the log of buf[0]
	seq   int64   // sequence number of its first message
	buf   []byte  // whole messages
	ends  []int32 // where in buf each message ends
	first time.Duration
	last  time.Duration // timestamps of its first and last packet
	at    int64         // arrival of its newest message
}

// message is an entry of the index.
type message struct {
	off    int64         // offset in the log; those of consecutive messages are adjacent
	at     int64         // arrival, nanoseconds of the Sweeper's clock
	ts     time.Duration // timestamp; that of the packet before it for control bytes
	number uint64        // of the packet that it comes of, or of the one before it
	blk    *block        // where its bytes are; nil when they were dropped
	pos, n int32         // their place in blk.buf
	kind   media.Kind    // 0 for control bytes
	frame  bool          // audio or video that is not configuration
	key    bool          // start of a GOP
}

func (m *message) bytes() []byte { return m.blk.buf[m.pos : m.pos+m.n] }

// isVideoFrame says that a lagging player does without the message.
func (m *message) isVideoFrame() bool { return m.frame && m.kind == media.Video }

// store is the memory of a Log: contiguous bytes in blocks, an index of messages by sequence number that may
// reach further back, and lean copies for that part. Guarded by Log.mu.
type store struct {
	blocks []*block
	ring   []message // by sequence number; its length is a power of two
	first  int64     // oldest message of the index
	next   int64     // number of the message to come
	head   int64     // offset of the byte to come
	held   int       // bytes of memory: capacity of blocks, length of lean copies
}

func (s *store) at(seq int64) *message { return &s.ring[seq&int64(len(s.ring)-1)] }

// memory returns how many bytes the store takes.
func (s *store) memory() int { return s.held + int(s.next-s.first)*messageBytes }

// current returns the block that is being filled, nil when there is none.
func (s *store) current() *block {
	if len(s.blocks) == 0 {
		return nil
	}
	return s.blocks[len(s.blocks)-1]
}

// open begins a block with room for need bytes.
func (s *store) open(need int) *block {
	size := max(need, s.blockSize())
	blk := &block{start: s.head, seq: s.next, buf: make([]byte, 0, size)}
	if cur := s.current(); cur != nil && len(cur.buf) == 0 {
		s.held -= cap(cur.buf)
		s.blocks = s.blocks[:len(s.blocks)-1]
	}
	s.blocks = append(s.blocks, blk)
	s.held += size
	return blk
}

// blockSize returns the size for a new block, by the bitrate of the one before it.
func (s *store) blockSize() int {
	cur := s.current()
	if cur == nil {
		return minBlock
	}
	span := cur.last - cur.first
	if span < time.Millisecond {
		return min(max(cap(cur.buf), minBlock), maxBlock)
	}
	want := int64(len(cur.buf)) * int64(blockTime) / int64(span)
	size := int64(minBlock)
	for size < want && size < maxBlock {
		size *= 2
	}
	return int(size)
}

// add enters the n bytes that were just appended to blk, the current block, as m.
func (s *store) add(blk *block, n int, m message) {
	m.off, m.blk, m.pos, m.n = s.head, blk, int32(len(blk.buf)-n), int32(n)
	if s.next-s.first == int64(len(s.ring)) {
		s.grow()
	}
	if len(blk.ends) == 0 {
		blk.first = m.ts
	}
	blk.ends = append(blk.ends, int32(len(blk.buf)))
	blk.last, blk.at = m.ts, m.at
	*s.at(s.next) = m
	s.next++
	s.head += int64(n)
}

// grow doubles the index.
func (s *store) grow() {
	bigger := make([]message, max(64, 2*len(s.ring)))
	for seq := s.first; seq < s.next; seq++ {
		bigger[seq&int64(len(bigger)-1)] = *s.at(seq)
	}
	s.ring = bigger
}

// evict drops the oldest block. Of its messages from sequence number keep on, all but video frames are copied into a lean block.
func (s *store) evict(keep int64) {
	blk := s.blocks[0]
	s.blocks = slices.Delete(s.blocks, 0, 1)
	s.held -= cap(blk.buf)
	end := blk.seq + int64(len(blk.ends))
	size := 0
	for seq := max(blk.seq, keep); seq < end; seq++ {
		if m := s.at(seq); !m.isVideoFrame() {
			size += int(m.n)
		}
	}
	lean := &block{buf: make([]byte, 0, size)}
	s.held += size
	for seq := max(blk.seq, s.first); seq < end; seq++ {
		m := s.at(seq)
		if seq < keep || m.isVideoFrame() {
			m.blk = nil
			continue
		}
		lean.buf = append(lean.buf, m.bytes()...)
		m.blk, m.pos = lean, int32(len(lean.buf))-m.n
	}
	s.forget(keep)
}

// forget drops messages before sequence number keep from the index, as far as they are no longer in a block.
func (s *store) forget(keep int64) {
	end := s.next
	if len(s.blocks) > 0 {
		end = s.blocks[0].seq
	}
	for s.first < min(keep, end) {
		s.drop()
	}
}

// drop removes the oldest message, which is in no block, from the index.
func (s *store) drop() {
	m := s.at(s.first)
	if m.blk != nil {
		s.held -= int(m.n)
	}
	*m = message{}
	s.first++
}
