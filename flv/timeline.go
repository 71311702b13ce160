package flv

import "time"

// timeline turns the 32-bit millisecond clock of tags into times that go on rising where it wraps, after 49.7 days.
// A step of less than half the clock is taken in its direction, so that small steps back stay small.
type timeline struct {
	last    uint32
	now     int64 // milliseconds
	started bool
}

func (t *timeline) at(timestamp uint32) time.Duration {
	if !t.started {
		t.started = true
		t.now = int64(timestamp)
	} else {
		t.now += int64(int32(timestamp - t.last))
	}
	t.last = timestamp
	return time.Duration(t.now) * time.Millisecond
}
