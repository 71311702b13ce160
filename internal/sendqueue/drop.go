package sendqueue

import (
	"time"

	"leat/media"
)

// isFrame reports whether p is a frame of video: what may be left out.
func isFrame(p *media.Packet) bool { return p.Kind == media.Video && !p.Config }

// wants reports whether p is of use to the target, and counts it if it is not: a frame of a track that needs a key frame first.
// It is asked of every packet on its way in, but with Limits.Wait on its way out: then the queue outlives a connection.
func (q *Queue) wants(p *media.Packet) bool {
	if p.Kind != media.Video {
		return true
	}
	t := q.track(p.Track)
	if p.Config {
		t.configure(p)
		return true
	}
	if p.Key {
		t.needsKey = false
	}
	if t.needsKey {
		q.stats.Dropped++
	}
	return !t.needsKey
}

func (q *Queue) track(id uint8) *track {
	t := q.tracks[id]
	if t == nil {
		t = &track{}
		q.tracks[id] = t
	}
	return t
}

// dropByAge leaves video out that has waited for too long.
func (q *Queue) dropByAge(now time.Time) {
	age := q.videoAge(now)
	if q.limits.DropDisposable >= 0 && age > q.limits.DropDisposable {
		q.drop(func(p *media.Packet) bool { return isFrame(p) && q.track(p.Track).isDisposable(p) }, &q.stats.Disposable)
		age = q.videoAge(now)
	}
	if q.limits.DropToKey < 0 || age <= q.limits.DropToKey {
		return
	}
	for id, t := range q.tracks {
		q.dropToKey(id, t)
	}
}

// videoAge is how long the oldest frame of video has waited.
func (q *Queue) videoAge(now time.Time) time.Duration {
	for _, i := range q.items {
		if isFrame(i.packet) {
			return now.Sub(i.since)
		}
	}
	return 0
}

// dropToKey leaves out the frames of a track in front of its newest key frame. If that is the oldest frame already, it
// stays, because it can be shown by itself, and those behind it go.
func (q *Queue) dropToKey(id uint8, t *track) {
	ofTrack := func(p *media.Packet) bool { return isFrame(p) && p.Track == id }
	var oldest, newestKey *media.Packet
	for _, i := range q.items {
		if !ofTrack(i.packet) {
			continue
		}
		if oldest == nil {
			oldest = i.packet
		}
		if i.packet.Key {
			newestKey = i.packet
		}
	}
	if oldest == nil {
		return
	}
	if newestKey == nil || newestKey == oldest {
		t.needsKey = true
		q.drop(func(p *media.Packet) bool { return ofTrack(p) && p != newestKey }, &q.stats.Dropped)
		return
	}
	reached := false
	q.drop(func(p *media.Packet) bool {
		reached = reached || p == newestKey
		return ofTrack(p) && !reached
	}, &q.stats.Dropped)
}
