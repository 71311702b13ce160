package main

import (
	"context"
	"slices"
	"time"

	"leat/internal/format/codec"
	"leat/media"
)

// analysis is what was learned from the packets of a stream.
type analysis struct {
	tracks        []*track  // in the order in which they appeared
	firstReceived time.Time // when the first packet of the stream came; zero in a file
	firstKey      time.Time // when the first key frame came; zero in a file and before it
}

// track is one audio or video track of a stream.
type track struct {
	id          trackID
	info        codec.Info
	frames      int64
	bytes       int64         // of coded data
	first, last time.Duration // decode times
	start       time.Duration // presentation time of the first frame
	keys        int64
	firstKey    time.Duration
	lastKey     time.Duration
	shown       []time.Duration // presentation times of the latest frames
	reordered   int             // how many frames are decoded before one that is shown first, at most
}

// run adds packets until enough reports true (nil) or reading fails.
func (a *analysis) run(ctx context.Context, src media.Reader, enough func() bool) error {
	for {
		p, err := src.ReadPacket(ctx)
		if err != nil {
			return err
		}
		if isSessionMessage(p) {
			continue
		}
		a.add(p)
		if enough() {
			return nil
		}
	}
}

// isSessionMessage reports data messages from a server to its player, which some programs write into files: their times are not on
// the stream's timeline.
func isSessionMessage(p *media.Packet) bool {
	if p.Kind != media.Data {
		return false
	}
	switch p.Name {
	case "|RtmpSampleAccess", "onStatus", "onPlayStatus":
		return true
	}
	return false
}

func (a *analysis) add(p *media.Packet) {
	if a.firstReceived.IsZero() {
		a.firstReceived = p.Received
	}
	if p.Kind == media.Data || len(p.Body) == 0 {
		return
	}
	if p.Key && a.firstKey.IsZero() {
		a.firstKey = p.Received
	}
	t := a.track(trackID{p.Kind, p.Track})
	// What a damaged record does not say is left out; its frames count all the same.
	info, _ := codec.Describe(p)
	t.info = info.Merge(t.info)
	if !p.Config && len(p.Data) > 0 {
		t.frame(p)
	}
}

// track returns the track of id. There are at most 512: two kinds, and a byte for the number.
func (a *analysis) track(id trackID) *track {
	i := slices.IndexFunc(a.tracks, func(t *track) bool { return t.id == id })
	if i < 0 {
		i = len(a.tracks)
		a.tracks = append(a.tracks, &track{id: id})
	}
	return a.tracks[i]
}

// maxReorder is the most frames that a decoder of H.264 or H.265 can hold back.
const maxReorder = 16

func (t *track) frame(p *media.Packet) {
	shown := p.Timestamp + p.Offset
	if t.frames == 0 {
		t.first, t.start = p.Timestamp, shown
	}
	t.last = max(t.last, p.Timestamp)
	t.frames++
	t.bytes += int64(len(p.Data))
	if p.Key {
		if t.keys == 0 {
			t.firstKey = p.Timestamp
		}
		t.lastKey = p.Timestamp
		t.keys++
	}
	later := 0
	for _, s := range t.shown {
		if s > shown {
			later++
		}
	}
	t.reordered = max(t.reordered, later)
	if len(t.shown) == maxReorder {
		t.shown = slices.Delete(t.shown, 0, 1)
	}
	t.shown = append(t.shown, shown)
}

// start is the decode time of the first frame of all tracks.
func (a *analysis) start() time.Duration {
	var start time.Duration
	begun := false
	for _, t := range a.tracks {
		if t.frames > 0 && (!begun || t.first < start) {
			start, begun = t.first, true
		}
	}
	return start
}

// end is where the last frame of all tracks ends.
func (a *analysis) end() time.Duration {
	var end time.Duration
	for _, t := range a.tracks {
		if t.frames > 0 {
			end = max(end, t.last+t.step())
		}
	}
	return end
}

// step is the time from one frame to the next, on average.
func (t *track) step() time.Duration {
	if t.frames < 2 {
		return 0
	}
	return (t.last - t.first) / time.Duration(t.frames-1)
}

// frameRate is frames per second; 0 when it is not known.
func (t *track) frameRate() float64 {
	if t.frames < 2 || t.last <= t.first {
		return 0
	}
	return float64(t.frames-1) / (t.last - t.first).Seconds()
}

// bitRate is bits per second of coded data; 0 when it is not known.
func (t *track) bitRate() float64 {
	if t.frames == 0 {
		return 0
	}
	return float64(t.bytes*8) / float64(t.frames) * t.frameRate()
}

// keyInterval is the time from one key frame to the next, on average; 0 before the second.
func (t *track) keyInterval() time.Duration {
	if t.keys < 2 {
		return 0
	}
	return (t.lastKey - t.firstKey) / time.Duration(t.keys-1)
}

// enoughFrames is how many frames of a track give a fair frame rate and bit rate.
const enoughFrames = 25

// enough reports whether nothing would be added by looking for longer: both kinds have come, and each track has frames
// and a description, and video its distance of key frames.
func (a *analysis) enough() bool {
	var audio, video bool
	for _, t := range a.tracks {
		switch t.id.kind {
		case media.Audio:
			audio = true
			if t.info.SampleRate == 0 {
				return false
			}
		case media.Video:
			video = true
			if t.info.Width == 0 || t.keys < 2 {
				return false
			}
		}
		if t.frames < enoughFrames {
			return false
		}
	}
	return audio && video
}
