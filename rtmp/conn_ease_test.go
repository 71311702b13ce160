package rtmp

import (
	"testing"
	"time"
)

// TestMood: a peer is read in intervals while nobody waits for what it sends and that is little, and no longer when one of both changes.
func TestMood(t *testing.T) {
	now := time.Now()
	var in intake
	read := func(n int, messages func()) mood {
		messages()
		now = now.Add(10 * time.Millisecond)
		return in.read(n, now)
	}
	waiting, both := in.wait, func() { in.hurry(); in.wait() }
	if got := read(1000, waiting); got != patient {
		t.Errorf("after what nobody waits for: %d", got)
	}
	if got := read(1000, func() {}); got != indifferent {
		t.Errorf("after a part of a message: %d", got)
	}
	if got := read(1000, both); got != hurried {
		t.Errorf("after what somebody waits for, and something else: %d", got)
	}
	if got := read(1000, waiting); got != patient {
		t.Errorf("after what somebody waited for before: %d", got)
	}
	if got := read(easeRead, waiting); got != hurried {
		t.Errorf("after so much at once: %d", got)
	}
	const twice = 2 * easeBytes / 100 // of what is allowed in 10 ms
	reads := 0
	for read(twice, waiting) == patient && reads < 1000 {
		reads++
	}
	if reads < 80 || reads > 120 {
		t.Errorf("twice as many bytes as may come were taken for little in %d reads, one every 10 ms", reads)
	}
	for range 300 {
		read(twice, waiting)
	}
	reads = 0
	for read(100, waiting) == hurried && reads < 1000 {
		reads++
	}
	if reads < 80 || reads > 120 {
		t.Errorf("after many bytes it took %d reads, one every 10 ms, until there were few again", reads)
	}
	var none *intake
	none.hurry() // before there is media
}
