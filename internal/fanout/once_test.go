package fanout

import (
	"testing"
	"time"

	"leat/media"
)

// onceOutlet takes everything and remembers where the last write lay in memory.
type onceOutlet struct {
	at *byte
	n  int
}

func (o *onceOutlet) TryWrite(b []byte) (int, error) {
	o.at, o.n = &b[0], len(b)
	return len(b), nil
}

func (o *onceOutlet) NotifyWritable(fn func()) { fn() }

// TestBytesOnce: whatever the number of players, a packet is encoded once, all of them are given the very same bytes, and
// neither packets nor players cost an allocation.
func TestBytesOnce(t *testing.T) {
	sw := NewSweeper(1)
	defer sw.Close()
	l := sw.NewLog(LogConfig{Encoder: testEncoder{}, Merge: Merge(time.Hour), CloseWait: time.Millisecond})
	defer l.Close()
	outlets := make([]onceOutlet, 100)
	for i := range outlets {
		l.Join(&outlets[i], both)
	}
	p := &media.Packet{Kind: media.Video, Key: true, Body: make([]byte, 4000)}
	var v view
	step := func() {
		p.Timestamp += 40 * time.Millisecond
		l.WritePacket(p)
		p.Key = p.Timestamp%time.Second == 0
		v.sweep(l.groups[0], true, false)
	}
	step()
	step() // the first brought them to the head
	for i := range outlets {
		if o := &outlets[i]; o.n != testHeader+len(p.Body) || o.at != outlets[0].at {
			t.Fatalf("player %d got %d bytes at %p, player 0 got %d at %p", i, o.n, o.at, outlets[0].n, outlets[0].at)
		}
	}
	if allocs := testing.AllocsPerRun(500, step); allocs > 0 {
		t.Errorf("%v allocations for a packet and %d players", allocs, len(outlets))
	}
}
