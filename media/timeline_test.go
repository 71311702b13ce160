package media

import (
	"math"
	"testing"
	"time"
)

func TestTimelineUnwrap(t *testing.T) {
	tests := []struct {
		name string
		in   []uint32
		want []int64 // ms
	}{
		{"first as it is", []uint32{4294967295}, []int64{4294967295}},
		{"forward", []uint32{0, 40, 80}, []int64{0, 40, 80}},
		{"standing", []uint32{7, 7, 7}, []int64{7, 7, 7}},
		{"over 24 bits", []uint32{0xfffffe, 0xffffff, 0x1000000}, []int64{0xfffffe, 0xffffff, 0x1000000}},
		{"over 2^31", []uint32{1<<31 - 1, 1 << 31, 1<<31 + 1}, []int64{1<<31 - 1, 1 << 31, 1<<31 + 1}},
		{"over 2^32", []uint32{math.MaxUint32 - 9, math.MaxUint32, 10}, []int64{1<<32 - 10, 1<<32 - 1, 1<<32 + 10}},
		{"over 2^32 out of order", []uint32{math.MaxUint32, 20, math.MaxUint32 - 5, 40}, []int64{1<<32 - 1, 1<<32 + 20, 1<<32 - 6, 1<<32 + 40}},
		{"RFC 1982", []uint32{4000000000, 10000}, []int64{4000000000, 1<<32 + 10000}},
		{"RFC 1982 back", []uint32{4000000000, 3000000000}, []int64{4000000000, 3000000000}},
		{"back", []uint32{1000, 200}, []int64{1000, 200}},
		{"back behind zero", []uint32{5, math.MaxUint32}, []int64{5, -1}},
		{"half the circle is back", []uint32{1 << 31, 0}, []int64{1 << 31, 0}},
		{"more than half the circle forward is back", []uint32{0, 1<<31 + 1}, []int64{0, -(1<<31 - 1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var line Timeline
			for i, ts := range tt.in {
				got := line.Unwrap(ts)
				if want := time.Duration(tt.want[i]) * time.Millisecond; got != want {
					t.Fatalf("value %d: unwrap(%d) = %v, want %v", i, ts, got, want)
				}
				if back := WireTime(got); back != ts {
					t.Fatalf("value %d: WireTime(%v) = %d, want %d", i, got, back, ts)
				}
			}
		})
	}
}

func TestTimelineTwoMonths(t *testing.T) {
	var line Timeline
	const step = 6 * time.Hour
	for d := time.Duration(0); d < 60*24*time.Hour; d += step {
		if got := line.Unwrap(WireTime(d)); got != d {
			t.Fatalf("got %v, want %v", got, d)
		}
	}
}

// A peer that jumps as far as it can with every message does not drive the timeline out of its range.
func TestTimelineStaysInRange(t *testing.T) {
	for _, jump := range []uint32{1<<31 - 1, 1<<31 + 1} {
		var line Timeline
		var ts uint32
		for range 20000 {
			ts += jump
			got := line.Unwrap(ts)
			if back := WireTime(got); back != ts {
				t.Fatalf("WireTime(%v) = %d, want %d", got, back, ts)
			}
			if got > (timelineSpan+1)*time.Millisecond || got < -(timelineSpan+1)*time.Millisecond {
				t.Fatalf("the timeline reached %v", got)
			}
		}
	}
}

func TestWireTimeRoundsDown(t *testing.T) {
	tests := []struct {
		in   time.Duration
		want uint32
	}{
		{0, 0},
		{1999 * time.Microsecond, 1},
		{-time.Microsecond, math.MaxUint32},
		{-1500 * time.Microsecond, math.MaxUint32 - 1},
		{(1<<32 + 5) * time.Millisecond, 5},
	}
	for _, tt := range tests {
		if got := WireTime(tt.in); got != tt.want {
			t.Errorf("WireTime(%v) = %d, want %d", tt.in, got, tt.want)
		}
	}
}
