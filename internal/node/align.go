package node

import (
	"time"

	"leat/live"
	"leat/media"
)

const (
	// sameInstant is how much the arrival of what one encoder has made at once may differ.
	sameInstant = 200 * time.Millisecond
	// sameClock is how far apart two streams may seem whose publishers count from the same time.
	sameClock = time.Second
	// rounding is by how much the distances of key frames may differ: each timestamp is rounded to a millisecond.
	rounding = 2 * time.Millisecond
)

// shiftBetween returns what is to be added to the timestamps of a stream to get those of another that carries the same content. When
// packets have arrived gives an estimate; where key frames seem to be those of one encoder, the distance between these is the
// answer, and so exact. Streams that seem to count from the same time do so.
func shiftBetween(from, to []live.Recent) time.Duration {
	estimate := time.Duration(0)
	if a, b := born(from), born(to); !a.IsZero() && !b.IsZero() {
		estimate = a.Sub(b).Round(time.Millisecond)
	}
	keysFrom, keysTo := keyTimes(from), keyTimes(to)
	if estimate.Abs() <= sameClock {
		if shift, ok := alignment(keysFrom, keysTo, 0); ok && shift.Abs() <= rounding {
			return 0
		}
	}
	if shift, ok := alignment(keysFrom, keysTo, estimate); ok {
		return shift
	}
	if estimate.Abs() <= sameClock {
		return 0
	}
	return estimate
}

// born returns when a stream was at 0, as its fastest packet says; zero when no packet says when it came.
func born(list []live.Recent) time.Time {
	var earliest time.Time
	for i := range list {
		p := list[i].Packet
		if p.Received.IsZero() || p.Config || p.Kind == media.Data {
			continue
		}
		if at := p.Received.Add(-p.Timestamp); earliest.IsZero() || at.Before(earliest) {
			earliest = at
		}
	}
	return earliest
}

// keyTimes returns the timestamps of the places to begin.
func keyTimes(list []live.Recent) []time.Duration {
	var times []time.Duration
	for i := range list {
		if list[i].Start {
			times = append(times, list[i].Packet.Timestamp)
		}
	}
	return times
}

// alignment looks for each key frame of a stream for the one of another that is nearest to it, moved by about estimate. If all that
// have one are the same distance from it, ok is true, and that is the shift.
func alignment(from, to []time.Duration, estimate time.Duration) (shift time.Duration, ok bool) {
	for _, at := range from {
		nearest := time.Duration(1<<63 - 1)
		for _, key := range to {
			if d := key - at - estimate; d.Abs() < nearest.Abs() {
				nearest = d
			}
		}
		switch {
		case nearest.Abs() > sameInstant:
			continue
		case !ok:
			shift, ok = estimate+nearest, true
		case (estimate + nearest - shift).Abs() > rounding:
			return 0, false
		}
	}
	return shift, ok
}
