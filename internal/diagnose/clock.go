package diagnose

import (
	"time"

	"leat/media"
	"leat/rtmp"
)

// What is taken for a mistake, and not for the jitter of a good encoder.
const (
	backwardStep = 20 * time.Millisecond
	jumpAhead    = 2 * time.Second
	silence      = 3 * time.Second
	stuckFrames  = 100
	longGOP      = 10500 * time.Millisecond // x264's own default is 250 frames: 10 s and a bit
	shortGOP     = 4 * time.Second          // intervals below it may differ as they like
	clockWindow  = 15 * time.Second
	rateWindow   = 10 * time.Second
	muchSkew     = 1500 * time.Millisecond
	skewMessages = 50
	stopped      = 10 * time.Second
)

// time looks at a timestamp.
func (f *flow) time(t *track, m *rtmp.TraceMessage) {
	if t.frames == 0 || t.restarts {
		t.restarts = false
		if t.frames == 0 {
			t.begun = time.Duration(m.Timestamp) * time.Millisecond
		}
		t.last = time.Duration(m.Timestamp) * time.Millisecond
		t.raw, t.same = m.Timestamp, 0
		t.lastKey = t.last
		t.windowBegun, t.windowBytes = t.last, 0
		return
	}
	step := time.Duration(int32(m.Timestamp-t.raw)) * time.Millisecond
	var wait time.Duration
	if f.lastAt > 0 {
		wait = f.s.now - f.lastAt
	}
	t.raw = m.Timestamp
	t.last += step
	t.maxGap = max(t.maxGap, step)
	if step != 0 {
		t.same = 0
	} else if t.same++; t.same == stuckFrames {
		f.report(Stuck, m, "%d messages of %v in a row have the timestamp %d ms: the encoder has no clock, and players show nothing or a still", stuckFrames, t.kind, m.Timestamp)
	}
	switch {
	case step <= -backwardStep:
		f.report(Backwards, m, "the timestamps of %v went back by %v, to %d ms: players stall until the old time is reached again; look for a restarted source or a clock that was set", t.kind, -step, m.Timestamp)
		f.windowAt = 0
	case step > jumpAhead && step > f.s.now-t.lastAt+jumpAhead:
		f.report(Jump, m, "the timestamps of %v jumped by %v within %v: players wait that long, or stop; look for a source that was changed or a clock that was set", t.kind, step, rounded(f.s.now-t.lastAt))
		f.windowAt = 0
	case wait > silence:
		f.report(Gap, m, "no audio or video came for %v: the encoder stopped, or the network did; players run out of data", rounded(wait))
		f.windowAt = 0
	}
	f.pace(t, m)
}

// pace compares the timeline with the clock, over stretches.
func (f *flow) pace(t *track, m *rtmp.TraceMessage) {
	if f.from != FromClient || t.kind == media.Audio && f.video.frames > 0 {
		return
	}
	if f.windowAt == 0 {
		f.windowAt, f.windowFrom = f.s.now, t.last
		return
	}
	clock, timeline := f.s.now-f.windowAt, t.last-f.windowFrom
	switch {
	case timeline >= clockWindow && clock < timeline*2/3:
		f.report(TooFast, m, "%v of the stream came in %v: it is sent faster than it plays, and live players cannot follow; ffmpeg wants -re in front of the input", rounded(timeline), rounded(clock))
	case clock >= clockWindow && timeline < clock*4/5:
		f.report(TooSlow, m, "only %v of the stream came in %v: the encoder cannot keep up, or the network is too slow; players stutter. Lower the bit rate or the picture size", rounded(timeline), rounded(clock))
	}
	if clock >= clockWindow || timeline >= clockWindow {
		f.windowAt, f.windowFrom = f.s.now, t.last
	}
}

// keys looks at the distance of key frames.
func (f *flow) keys(t *track, fr *frame, m *rtmp.TraceMessage) {
	if !fr.key {
		switch since := t.last - t.lastKey; {
		case t.keys == 0 && (since > longGOP || t.frames == 600):
			f.report(NoKeyFrame, m, "no key frame has come in %v and %d frames: nobody can begin to watch; set a key frame interval in the encoder, 2 s is usual", rounded(since), t.frames)
		case t.keys > 0 && since > longGOP && !t.saidLong:
			t.saidLong = true
			f.report(KeyLong, m, "there was no key frame for %v: players that join wait as long, and HLS and recordings cannot cut; set a key frame interval of 2 s in the encoder", rounded(since))
		}
		return
	}
	if t.keys > 0 {
		gop := t.last - t.lastKey
		if t.gops == 0 || gop < t.gopMin {
			t.gopMin = gop
		}
		t.gopMax = max(t.gopMax, gop)
		t.gopSum += gop
		t.gops++
	}
	t.keys++
	t.lastKey, t.saidLong = t.last, false
}

// irregular is asked at the end: an early answer would change.
func (f *flow) irregular(m *rtmp.TraceMessage) {
	t := &f.video
	if t.gops >= 5 && t.gopMax > shortGOP && t.gopMax > 3*t.gopMin {
		f.report(KeyIrregular, m, "key frames come after %v to %v: segments and joining times differ as much; turn scene detection off in the encoder (x264: scenecut=0)", rounded(t.gopMin), rounded(t.gopMax))
	}
}

// rates measures bit rates over stretches of the timeline.
func (f *flow) rates(t *track, size int, m *rtmp.TraceMessage) {
	t.windowBytes += int64(size)
	span := t.last - t.windowBegun
	if span < rateWindow {
		return
	}
	rate := float64(t.windowBytes) * 8 / span.Seconds()
	t.maxBitRate = max(t.maxBitRate, rate)
	t.windowBegun, t.windowBytes = t.last, 0
	f.compareBits(t, rate, m)
	f.compareFrames(t, m)
}

// compare looks at audio and video together.
func (f *flow) compare(t, other *track, m *rtmp.TraceMessage) {
	if other.frames == 0 {
		f.missing(t, other, m)
		return
	}
	silent := f.s.now - other.lastAt
	if other.frames > 10 && silent > stopped && silent > 10*other.step() && t.last-other.last > stopped/2 {
		f.report(Stopped, m, "%v has stopped after %v, and %v goes on: look at the source and at the encoder", other.kind, rounded(other.last-other.begun), t.kind)
	}
	if silent > time.Second || f.s.now-t.lastAt > time.Second || t.restarts || other.restarts {
		f.skewed = 0
		return
	}
	f.skew = f.video.last - f.audio.last
	if abs(f.skew) > abs(f.maxSkew) {
		f.maxSkew = f.skew
	}
	if abs(f.skew) <= muchSkew {
		f.skewed = 0
		return
	}
	if f.skewed++; f.skewed == skewMessages {
		ahead, behind := media.Video, media.Audio
		if f.skew < 0 {
			ahead, behind = behind, ahead
		}
		f.report(Skew, m, "%v that arrives with %v is %v ahead of it: players buffer as much, or lips and sound do not match; the encoder takes them from two clocks", ahead, behind, rounded(abs(f.skew)))
	}
}

// missing looks for a track that metadata has announced.
func (f *flow) missing(t, other *track, m *rtmp.TraceMessage) {
	announced := other.kind == media.Audio && f.metadata.audio || other.kind == media.Video && f.metadata.video
	if announced && t.last-t.begun > stopped && !other.seen {
		f.report(TrackMissing, m, "onMetaData announces %v, and none has come in %v: players wait for it before they begin", other.kind, rounded(t.last-t.begun))
	}
}

// step is the time from one frame to the next, on average.
func (t *track) step() time.Duration {
	if t.frames < 2 {
		return 0
	}
	return (t.last - t.begun) / time.Duration(t.frames-1)
}

func abs(d time.Duration) time.Duration { return max(d, -d) }

// rounded makes a duration fit for a sentence.
func rounded(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
