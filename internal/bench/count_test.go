package bench

import (
	"testing"
	"time"
)

func TestSequence(t *testing.T) {
	for _, test := range []struct {
		name    string
		numbers []uint32
		want    faults
	}{
		{"all in order", []uint32{7, 8, 9}, faults{}},
		{"over the end of the numbers", []uint32{1<<32 - 1, 0, 1}, faults{}},
		{"a gap of two", []uint32{1, 2, 5, 6}, faults{lost: 2, gaps: 1}},
		{"two gaps", []uint32{1, 3, 5}, faults{lost: 2, gaps: 2}},
		{"twice", []uint32{1, 2, 2, 3}, faults{repeated: 1}},
		{"the first twice", []uint32{1, 1}, faults{repeated: 1}},
		{"late", []uint32{1, 3, 2, 4}, faults{gaps: 1, outOfOrder: 1}},
		{"late and twice", []uint32{1, 3, 2, 2}, faults{gaps: 1, outOfOrder: 1, repeated: 1}},
		{"from before the first", []uint32{5, 4}, faults{outOfOrder: 1}},
		{"from long ago", []uint32{1, 2, 100, 2}, faults{lost: 97, gaps: 1, repeated: 1}},
	} {
		var s sequence
		for _, n := range test.numbers {
			s.take(n)
		}
		if s.faults != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, s.faults, test.want)
		}
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	h.add(time.Hour) // before the window
	last := h.begin()
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	h.add(-time.Second) // clocks of one machine do not go backwards; if they do it counts as nothing
	c := h.take(&last)
	got := c.spread()
	if got.Count != 1001 || got.Max != 1000 {
		t.Errorf("%+v, want 1,001 delays up to 1 s", got)
	}
	for _, q := range []struct{ got, want float64 }{{got.P50, 500}, {got.P90, 900}, {got.P99, 990}} {
		if q.got < q.want*.97 || q.got > q.want*1.03 {
			t.Errorf("a quantile is %v, want %v within 3 %%", q.got, q.want)
		}
	}
	if empty := h.take(&last); empty.total != 0 {
		t.Errorf("%d delays were taken twice", empty.total)
	}
	if got := new(counts).spread(); got != (Spread{}) {
		t.Errorf("nothing has the spread %v", got)
	}
}

// TestBuckets looks at every bucket: they lie side by side, and none is wider than a thirty-second of where it begins.
func TestBuckets(t *testing.T) {
	for i := range histogramSize - 1 {
		from, to := bucketStart(i), bucketStart(i+1)
		if to <= from || to-from > max(from/fine, 1) {
			t.Fatalf("bucket %d goes from %d to %d", i, from, to)
		}
		if bucketOf(from) != i || bucketOf(to-1) != i {
			t.Fatalf("%d to %d are in the buckets %d and %d, want %d", from, to-1, bucketOf(from), bucketOf(to-1), i)
		}
	}
	if last := bucketOf(1 << 62); last != histogramSize-1 {
		t.Errorf("what is larger than all is in bucket %d of %d", last, histogramSize)
	}
}
