package rtmp

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

func TestSetPeerBandwidth(t *testing.T) {
	type step struct {
		size  uint32
		limit message.LimitType
		want  uint64 // limit in force behind it
		reply uint32 // Window Acknowledgement Size; 0: none
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"hard is taken", []step{{100_000, message.LimitHard, 100_000, 100_000}, {200_000, message.LimitHard, 200_000, 200_000}}},
		{"soft is the lower of the two", []step{{100_000, message.LimitSoft, 100_000, 100_000}, {200_000, message.LimitSoft, 100_000, 200_000}, {90_000, message.LimitSoft, 90_000, 90_000}}},
		{"dynamic behind hard is hard", []step{{100_000, message.LimitHard, 100_000, 100_000}, {200_000, message.LimitDynamic, 200_000, 200_000}, {300_000, message.LimitDynamic, 300_000, 300_000}}},
		{"dynamic alone is nothing", []step{{100_000, message.LimitDynamic, 0, 0}}},
		{"dynamic behind soft is nothing", []step{{100_000, message.LimitSoft, 100_000, 100_000}, {200_000, message.LimitDynamic, 100_000, 0}}},
		{"the same window is answered once", []step{{100_000, message.LimitHard, 100_000, 100_000}, {100_000, message.LimitHard, 100_000, 0}}},
		{"a type that does not exist", []step{{100_000, 3, 0, 0}}},
		{"nothing is no limit and no window", []step{{0, message.LimitHard, 0, 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var f flow
			for i, s := range tt.steps {
				reply := f.setPeerBandwidth(&message.SetPeerBandwidth{Size: s.size, Limit: s.limit})
				var size uint32
				if was, ok := reply.(*message.WindowAckSize); ok {
					size = was.Size
				}
				if f.limit != s.want || size != s.reply {
					t.Errorf("step %d: limit %d, answer %d; want %d, %d", i, f.limit, size, s.want, s.reply)
				}
			}
		})
	}
}

func TestWindow(t *testing.T) {
	const limit = 1_000_000
	type step struct {
		sent uint64
		ack  int64 // negative: none
		want int
	}
	for _, tt := range []struct {
		name  string
		limit uint64
		steps []step
	}{
		{"nothing is held back before the first acknowledgement", limit, []step{{5_000_000, -1, math.MaxInt}}},
		{"it closes and opens", limit, []step{{1000, 1000, limit}, {1_001_000, -1, 0}, {1_001_000, 401_000, 400_000}, {1_001_000, 1_001_000, limit}}},
		{"the total wraps", limit, []step{{1<<32 - 1000, 1<<32 - 1000, limit}, {1<<32 + 499_000, 499_000, limit}, {1<<32 + 599_000, -1, limit - 100_000}}},
		{"the peer does not count the handshake", limit, []step{{3073, 0, limit}, {1_003_073, -1, 0}, {1_003_073, 1_000_000, limit}}},
		{"the peer counts more than was sent", limit, []step{{1000, 5000, limit}, {2000, 9000, limit}, {3000, -1, limit - 1000}}},
		{"the peer begins anew", limit, []step{{900_000, 0xF0000000, limit}, {1_800_000, 100, limit}, {2_700_000, 900_100, limit}}},
		{"many gigabytes before the first acknowledgement", limit, []step{{3 << 32, 17, limit}, {3<<32 + 1000, 1017, limit}}},
		{"a tiny limit has a floor", 100, []step{{1000, 1000, minPeerWindow}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := flow{limit: tt.limit}
			for i, s := range tt.steps {
				if s.ack >= 0 {
					f.acknowledged(uint32(s.ack), s.sent)
				}
				if got := f.window(s.sent); got != s.want {
					t.Errorf("step %d: window %d, want %d", i, got, s.want)
				}
			}
		})
	}
}

// TestAcknowledgementWraps: what is acknowledged counts modulo 2^32, and goes on to be due at each half of the window.
func TestAcknowledgementWraps(t *testing.T) {
	c := newConn(nopConn{}, nil, Limits{}.withDefaults(), discard)
	c.out.flushing = true // nothing is written
	c.flow.ackWindow = 1000
	r := chunk.NewReader(chunk.Limits{})
	for _, step := range []struct {
		received uint64
		acked    []uint32
	}{
		{1<<32 - 1, []uint32{1<<32 - 1}},
		{1<<32 + 498, nil},
		{1<<32 + 499, []uint32{499}},
		{1<<33 + 7, []uint32{7}},
	} {
		c.in.bytes.Store(step.received)
		if err := c.acknowledge(); err != nil {
			t.Fatal(err)
		}
		var acked []uint32
		if err := r.Feed(c.out.buf, func(m *chunk.Message) error {
			acked = append(acked, binary.BigEndian.Uint32(m.Body))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		c.out.buf = nil
		if !slices.Equal(acked, step.acked) {
			t.Errorf("after %d bytes %d are acknowledged, want %d", step.received, acked, step.acked)
		}
	}
}
