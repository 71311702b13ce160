package fanout

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"leat/media"
)

// The tests' wire format: kind, flags, number, timestamp in ms, length, and a payload that follows from number.
const (
	testHeader = 14
	flagFrame  = 1
	flagKey    = 2
)

type testEncoder struct{}

func (testEncoder) Append(dst []byte, p *media.Packet) []byte {
	var flags byte
	if !p.Config && p.Kind != media.Data {
		flags |= flagFrame
	}
	if p.Key {
		flags |= flagKey
	}
	number := binary.BigEndian.Uint32(p.Body)
	return appendTestMessage(dst, p.Kind, flags, number, p.Timestamp, len(p.Body))
}

func appendTestMessage(dst []byte, kind media.Kind, flags byte, number uint32, ts time.Duration, n int) []byte {
	dst = append(dst, byte(kind), flags)
	dst = binary.BigEndian.AppendUint32(dst, number)
	dst = binary.BigEndian.AppendUint32(dst, uint32(ts/time.Millisecond))
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	for i := range n {
		dst = append(dst, byte(number)+byte(i))
	}
	return dst
}

// control is a ready-made message for WriteControl and preludes.
func control(number uint32) []byte { return appendTestMessage(nil, 0, 0, number, 0, 5) }

type testMessage struct {
	kind       media.Kind
	frame, key bool
	number     uint32
	ts         time.Duration
}

// String is short, so that a whole session reads as one line: "V3!" is video key frame 3.
func (m testMessage) String() string {
	s := fmt.Sprintf("%c%d", "CAVD"[m.kind], m.number)
	if m.key {
		s += "!"
	}
	if !m.frame && m.kind != 0 && m.kind != media.Data {
		s += "h"
	}
	return s
}

// split takes b apart and fails the test where it is damaged. rest is an unfinished message at the end.
func split(t *testing.T, b []byte) (msgs []testMessage, rest []byte) {
	t.Helper()
	for len(b) >= testHeader {
		n := int(binary.BigEndian.Uint32(b[10:]))
		m := testMessage{
			kind:   media.Kind(b[0]),
			frame:  b[1]&flagFrame != 0,
			key:    b[1]&flagKey != 0,
			number: binary.BigEndian.Uint32(b[2:]),
			ts:     time.Duration(binary.BigEndian.Uint32(b[6:])) * time.Millisecond,
		}
		if m.kind > media.Data || n > 1<<24 {
			t.Fatalf("damaged after %v: % x", msgs, b[:testHeader])
		}
		if len(b) < testHeader+n {
			break
		}
		for i, v := range b[testHeader : testHeader+n] {
			if v != byte(m.number)+byte(i) {
				t.Fatalf("payload of %v damaged at %d", m, i)
			}
		}
		msgs = append(msgs, m)
		b = b[testHeader+n:]
	}
	return msgs, b
}

var errGone = errors.New("gone")

// outlet is a socket with room for a scripted number of bytes.
type outlet struct {
	t      testing.TB
	mu     sync.Mutex
	room   int // -1: no limit
	got    []byte
	writes int
	fn     func()
	broken bool
	sealed bool          // no TryWrite may come any more
	delay  time.Duration // that each write takes
	starts []time.Time   // of writes
}

func newOutlet(t testing.TB, room int) *outlet { return &outlet{t: t, room: room} }

func (o *outlet) TryWrite(b []byte) (int, error) {
	if !o.mu.TryLock() {
		o.mu.Lock() // a test looks at it
	}
	defer o.mu.Unlock()
	switch {
	case o.sealed:
		o.t.Error("TryWrite after the end")
	case o.fn != nil:
		o.t.Error("TryWrite before the outlet was writable")
	case len(b) == 0:
		o.t.Error("TryWrite of nothing")
	case o.broken:
		return 0, errGone
	}
	o.starts = append(o.starts, time.Now())
	if o.delay > 0 {
		time.Sleep(o.delay)
	}
	n := len(b)
	if o.room >= 0 {
		n = min(n, o.room)
		o.room -= n
	}
	o.got = append(o.got, b[:n]...)
	o.writes++
	return n, nil
}

func (o *outlet) NotifyWritable(fn func()) {
	o.mu.Lock()
	if o.room == 0 {
		o.fn, fn = fn, nil
	}
	o.mu.Unlock()
	if fn != nil {
		fn()
	}
}

// grant makes room; -1 for all to come.
func (o *outlet) grant(n int) {
	o.mu.Lock()
	o.room = n
	fn := o.fn
	o.fn = nil
	o.mu.Unlock()
	if fn != nil {
		fn()
	}
}

// stall takes the room away.
func (o *outlet) stall() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.room = 0
}

// seal says that the player has ended.
func (o *outlet) seal() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sealed = true
}

// take returns what was written since the last take, and in how many writes.
func (o *outlet) take() (b []byte, writes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, writes = o.got, o.writes
	o.got, o.writes = nil, 0
	return b, writes
}

// want fails the test if what was written since the last time is not the messages named.
func (o *outlet) want(why, names string) {
	o.t.Helper()
	t := o.t.(*testing.T)
	b, _ := o.take()
	msgs, rest := split(t, b)
	got := fmt.Sprint(msgs)
	if len(rest) > 0 {
		got += "+"
	}
	if got != "["+names+"]" {
		t.Fatalf("%s:\n got %s\nwant [%s]", why, got, names)
	}
}

// stream makes the packets of a test stream and numbers them.
type stream struct {
	log    *Log
	number uint32
	ts     time.Duration
	size   int // of bodies
}

func (s *stream) write(kind media.Kind, edit func(p *media.Packet)) {
	p := &media.Packet{Kind: kind, Timestamp: s.ts, Body: make([]byte, max(4, s.size))}
	binary.BigEndian.PutUint32(p.Body, s.number)
	s.number++
	if edit != nil {
		edit(p)
	}
	s.log.WritePacket(p)
}

func (s *stream) key()    { s.write(media.Video, func(p *media.Packet) { p.Key = true }) }
func (s *stream) video()  { s.write(media.Video, nil) }
func (s *stream) audio()  { s.write(media.Audio, nil) }
func (s *stream) header() { s.write(media.Video, func(p *media.Packet) { p.Config = true }) }

// ended counts the calls of OnEnd and keeps the reason.
type ended struct {
	mu     sync.Mutex
	calls  int
	reason Reason
}

func (e *ended) onEnd(r Reason) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	e.reason = r
}

func (e *ended) want(t *testing.T, r Reason) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	calls := 1
	if r == 0 {
		calls = 0
	}
	if e.calls != calls || e.reason != r {
		t.Fatalf("OnEnd called %d times, with %v; want %d, %v", e.calls, e.reason, calls, r)
	}
}
