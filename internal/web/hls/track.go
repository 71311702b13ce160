package hls

import (
	"bytes"
	"fmt"
	"time"

	"leat/internal/format/codec"
	"leat/internal/format/mp4"
	"leat/media"
)

type trackID struct {
	kind   media.Kind
	number uint8
}

func (id trackID) String() string { return fmt.Sprintf("%v%d", id.kind, id.number) }

// part is a fragment.
type part struct {
	data        []byte
	duration    time.Duration
	independent bool // a decoder can begin with it
}

// frameCost is what a frame takes besides its bytes.
const frameCost = 64

// segment is parts up to where a player can begin again.
type segment struct {
	number   uint64
	parts    []part
	start    time.Time // when it was published; zero if not known
	duration time.Duration
	size     int
}

// track is one track of a live stream. The muxer's pump writes it; with muxer.mu held where requests read.
type track struct {
	id     trackID
	m      *muxer
	writer *mp4.Writer
	about  *media.Packet // header or first frame: what the track is
	info   codec.Info

	init       []byte
	segments   []*segment // complete ones, oldest first
	current    *segment   // nil before the first frame
	partTarget time.Duration
	target     time.Duration
	peak       int // bits per second

	waits  int           // bytes of the frames in the part in the making, with frameCost for each
	cuts   int           // muxer.cuts when its segment began
	from   time.Duration // where the part in the making begins
	last   time.Duration // the newest frame
	step   time.Duration // between the last two
	key    bool          // the part in the making begins with a key frame
	filled bool          // there is a frame in it
	made   []byte        // what the writer has written
}

func (m *muxer) newTrack(p *media.Packet) *track {
	t := &track{id: trackID{p.Kind, p.Track}, m: m, target: m.options.Segment}
	t.writer = mp4.NewWriter(t, &mp4.WriterOptions{FragmentDuration: time.Hour, Live: true})
	t.cuts = m.cuts
	return t
}

// learn takes note of what p says of the track.
func (t *track) learn(p *media.Packet) {
	if len(p.Data) == 0 || p.Name != "" {
		return
	}
	info, err := codec.Describe(p)
	if err != nil {
		return // frames of most codecs say nothing
	}
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	if t.about == nil || p.Config {
		t.about = p
	}
	t.info = info.Merge(t.info)
}

// Write is what the mp4.Writer writes to.
func (t *track) Write(b []byte) (int, error) {
	init, rest := mp4.SplitInit(b)
	if len(init) > 0 {
		t.m.mu.Lock()
		t.init = bytes.Clone(init)
		t.m.mu.Unlock()
	}
	t.made = append(t.made, rest...)
	return len(b), nil
}

// begin begins a segment at p.
func (t *track) begin(p *media.Packet, number uint64) {
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	t.current = &segment{number: number, start: p.Received}
	t.from = p.Timestamp
}

// cutPart ends a part at a time, which is that of next if there is one.
func (t *track) cutPart(at time.Duration, next *media.Packet) error {
	if !t.filled || t.current == nil {
		return nil
	}
	if err := t.writer.Cut(next); err != nil {
		return err
	}
	p := part{data: t.made, duration: max(at-t.from, time.Millisecond), independent: t.key || t.id.kind == media.Audio}
	t.made, t.filled, t.key, t.waits = nil, false, false, 0
	t.from = at
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	t.current.parts = append(t.current.parts, p)
	t.current.duration += p.duration
	t.current.size += len(p.data)
	if p.duration > t.partTarget {
		t.partTarget = p.duration + partSlack
	}
	return nil
}

// partSlack is what a part may be longer than the first: timestamps are rounded.
const partSlack = 5 * time.Millisecond

// cutSegment ends a segment.
func (t *track) cutSegment(at time.Duration, next *media.Packet) error {
	if err := t.cutPart(at, next); err != nil {
		return err
	}
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	s := t.current
	t.current = nil
	if s == nil || len(s.parts) == 0 {
		return nil
	}
	t.segments = append(t.segments, s)
	t.target = max(t.target, s.duration)
	if s.duration >= 100*time.Millisecond {
		t.peak = max(t.peak, int(float64(s.size)*8/s.duration.Seconds()))
	}
	t.trim()
	return nil
}

// trim lets go of the oldest segments. t.m.mu is held.
func (t *track) trim() {
	keep, most := t.m.options.Window+spareSegments, t.m.server.bound(maxTrackBytes)
	for len(t.segments) > leastSegments && (len(t.segments) > keep || t.size() > most) {
		t.segments[0] = nil
		t.segments = t.segments[1:]
	}
}

// leastSegments are what players need in any case.
const leastSegments = 3

// spareSegments stay after they have left the playlist, for players that have it.
const spareSegments = 3

// isFull reports whether the segment in the making can take no more. That happens to tracks which do not lead, when the one that does is
// silent.
func (t *track) isFull() bool { return t.current.size+t.waits >= t.m.server.bound(maxTrackBytes) }

func (t *track) size() int {
	n := 0
	for _, s := range t.segments {
		n += s.size
	}
	return n
}

// frame takes a frame, behind the cuts that are due before it.
func (t *track) frame(p *media.Packet) error {
	if t.current != nil && t.filled && t.m.options.Part > 0 && p.Timestamp-t.from >= t.m.options.Part {
		if err := t.cutPart(p.Timestamp, p); err != nil {
			return err
		}
	}
	err := t.writer.WritePacket(t.m.ctx, p)
	if err != nil {
		return err
	}
	t.waits += len(p.Data) + frameCost
	if !t.filled {
		t.key, t.filled = p.Key, true
	}
	if step := p.Timestamp - t.last; step > 0 && step < time.Second {
		t.step = step
	}
	t.last = p.Timestamp
	return nil
}

// end completes what there is: nothing comes any more.
func (t *track) end() error { return t.cutSegment(t.last+t.step, nil) }
