package rtc

import "time"

// clocks put the two tracks of a publisher on one timeline, which begins with the first packet.
type clocks struct {
	audio, video clock
	origin       time.Time
}

// clock is that of one track.
type clock struct {
	rate int64 // ticks in a second

	known bool
	last  uint32        // newest RTP timestamp
	ticks int64         // its distance from the first, unwrapped
	base  time.Duration // place of the first on the timeline
	used  bool          // frames have been placed

	reported bool
	wall     time.Duration // the sender's own clock at the first timestamp, by its newest report
}

const (
	maxSlew = 2 * time.Millisecond // for each frame, on the way to the place that reports ask for
	maxSkew = 10 * time.Second     // between arrival and reports; beyond it the reports are wrong
)

// since is the time of ticks.
func (c *clock) since(ticks int64) time.Duration {
	return time.Duration(ticks/c.rate)*time.Second + time.Duration(ticks%c.rate)*time.Second/time.Duration(c.rate)
}

// place returns where a frame of a track stands that came now, in whole milliseconds as RTMP has them.
func (s *clocks) place(c *clock, timestamp uint32, now time.Time) time.Duration {
	if s.origin.IsZero() {
		s.origin = now
	}
	if !c.known {
		c.known, c.last, c.base = true, timestamp, max(now.Sub(s.origin), 0) // the other track's was perhaps read later and placed first
	}
	c.ticks += int64(int32(timestamp - c.last))
	c.last = timestamp
	if c == &s.video {
		s.slew()
	}
	c.used = true
	return max(c.base+c.since(c.ticks), 0).Truncate(time.Millisecond)
}

// slew moves the video to where the reports say it belongs beside the audio: at once before the first frame, then by a little.
func (s *clocks) slew() {
	a, v := &s.audio, &s.video
	if !a.reported || !v.reported {
		return
	}
	off := a.base + v.wall - a.wall - v.base
	switch {
	case off.Abs() > maxSkew:
		return
	case v.used:
		off = min(max(off, -maxSlew), maxSlew)
	}
	v.base += off
}

// report takes a sender report: a moment of the sender's own clock, as NTP has it, and the RTP timestamp of then. Before the first
// frame of the track it says nothing.
func (c *clock) report(ntpTime uint64, timestamp uint32) {
	if !c.known {
		return
	}
	seconds, fraction := ntpTime>>32, ntpTime&0xffffffff
	at := time.Duration(seconds)*time.Second + time.Duration(fraction*uint64(time.Second)>>32)
	c.wall = at - c.since(c.ticks+int64(int32(timestamp-c.last)))
	c.reported = true
}
