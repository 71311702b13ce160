package record

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"leat/internal/format"
	"leat/internal/store"
	"leat/live"
	"leat/media"
)

// Mode says what becomes of what was recorded of the stream before.
type Mode uint8

// The modes.
const (
	New           Mode = iota // a new take
	Append                    // the newest take goes on, one frame after its last
	AppendWithGap             // the newest take goes on, with the time that has passed between
)

// Spec says how a stream is recorded. The zero value makes one FLV file, which replaces all earlier takes.
type Spec struct {
	Mode Mode
	// Format is the container; empty means FLV. Only takes of the same format are gone on with in the same file.
	Format Format
	// KeepVersions is how many earlier takes of the stream stay when a new one has its first key frame. Negative means all.
	KeepVersions int
	// A segment is ended at the first key frame at which it has lasted for SegmentTime or holds SegmentSize bytes. Zero
	// means no limit.
	SegmentTime time.Duration
	SegmentSize int64
	// Template makes the names of files; nil means the default one.
	Template *Template
	// Notify is told what happens, one call at a time, and must not block; nil means nobody.
	Notify func(Event)
}

// EventKind says what happened to a recording.
type EventKind uint8

// The events of a recording.
const (
	EventStarted EventKind = iota + 1 // always the first
	EventFailed                       // what comes now is not recorded; recording is tried again
	EventResumed                      // after EventFailed
	EventStopped                      // always the last
)

// Event is news of a recording.
type Event struct {
	Kind EventKind
	Err  error // why, with EventFailed
}

// Recorder records one stream.
type Recorder struct {
	recordings *Recordings
	key        media.Key
	spec       Spec
	sub        *live.Subscription
	log        *slog.Logger
	before     <-chan struct{} // closed when the stream's last recording is complete; nil: there is none
	stop       context.CancelFunc
	done       chan struct{}
	notify     atomic.Pointer[func(Event)]

	// Used by run only.
	headers  media.Headers
	hasVideo bool
	main     int // the video track at whose key frames segments begin; -1: none was seen
	held     []*media.Packet
	heldSize int
	last     *store.Recording // newest segment of the take; nil: none yet
	lastBase time.Duration    // timestamp of its time 0
	seg      *segment         // nil: waiting for a place to begin
	failed   bool
	retry    time.Time // not to be tried before
	look     time.Time // when to look at the disk
	segments int
}

func newRecorder(r *Recordings, sub *live.Subscription, key media.Key, spec Spec, stop context.CancelFunc) *Recorder {
	spec.Format = cmp.Or(spec.Format, FLV)
	if spec.Template == nil {
		spec.Template = r.opts.Templates[0]
	}
	c := &Recorder{
		recordings: r, key: key, spec: spec, sub: sub, log: r.log.With("stream", key.String()),
		stop: stop, done: make(chan struct{}), main: -1,
	}
	c.SetNotify(spec.Notify)
	return c
}

// Stop ends the recording soon. It does not block.
func (c *Recorder) Stop() { c.stop() }

// Done is closed when the recording has ended and its file is complete.
func (c *Recorder) Done() <-chan struct{} { return c.done }

// SetNotify replaces the function that is told what happens; nil tells nobody. A call of the old one may still be under way.
func (c *Recorder) SetNotify(notify func(Event)) {
	if notify == nil {
		notify = func(Event) {}
	}
	c.notify.Store(&notify)
}

func (c *Recorder) tell(kind EventKind, err error) { (*c.notify.Load())(Event{Kind: kind, Err: err}) }

// run ends with the stream or with ctx.
func (c *Recorder) run(ctx context.Context) {
	defer close(c.done)
	defer c.recordings.ended(c)
	defer c.sub.Close()
	c.tell(EventStarted, nil)
	c.await(ctx)
	writing := context.WithoutCancel(ctx)
	for {
		item, err := c.sub.Next(ctx)
		switch {
		case err != nil:
			c.finish(writing, err)
			return
		case item.Event == live.EventSkipped:
			c.skipped(item.Skipped)
		case item.Packet != nil:
			c.packet(writing, item.Packet)
		}
	}
}

// await waits until the files are in order, and the recording before this one is complete. The subscription holds what comes
// meanwhile.
func (c *Recorder) await(ctx context.Context) {
	for _, ready := range []<-chan struct{}{c.recordings.ready, c.before} {
		if ready == nil {
			continue
		}
		select {
		case <-ready:
		case <-ctx.Done():
		}
	}
}

func (c *Recorder) finish(ctx context.Context, why error) {
	if c.seg == nil && !c.hasVideo && len(c.held) > 0 {
		c.begin(ctx, nil)
	}
	c.complete()
	reason := "it was told to"
	if errors.Is(why, io.EOF) {
		reason = "the stream ended"
	}
	c.log.Info("recording ended", "reason", reason, "segments", c.segments)
	c.tell(EventStopped, nil)
}

// skipped makes a gap known.
func (c *Recorder) skipped(packets int) {
	c.log.Warn("the disk was too slow: the recording has a gap; use a faster disk, or record fewer streams", "packets", packets)
	c.complete()
	c.fail(ErrGap)
	c.retry = time.Time{}
}

const (
	lookEvery  = time.Second
	retryAfter = time.Second
	hysteresis = 1 // percent that must be free besides MinFree before recording goes on
)

func (c *Recorder) packet(ctx context.Context, p *media.Packet) {
	c.hasVideo = c.hasVideo || p.Kind == media.Video && len(p.Body) > 0
	c.headers.Apply(p)
	starts := c.starts(p)
	if c.seg != nil && starts && c.seg.isFull(&c.spec, p) {
		c.complete()
	}
	now := time.Now()
	if c.seg != nil && now.After(c.look) {
		c.look = now.Add(lookEvery)
		if err := c.recordings.room(c.recordings.opts.MinFree); err != nil {
			c.complete()
			c.fail(err)
		}
	}
	if c.seg != nil {
		c.write(ctx, p, now)
		return
	}
	switch {
	case p.Config:
	case starts && p.Kind == media.Video:
		c.begin(ctx, p)
	case p.Kind != media.Video:
		c.held = append(c.held, p)
		c.heldSize += len(p.Body) + packetCost
		if starts && (c.last != nil || p.Timestamp-c.held[0].Timestamp >= audioPatience) {
			c.begin(ctx, nil)
			return
		}
		c.trim(p)
	}
}

const (
	// audioPatience is how long a stream must have had audio only before it counts as one without video.
	audioPatience = time.Second
	maxHeld       = 1 << 20
	// packetCost is what a packet that is held counts besides its body, which may be empty.
	packetCost = 192
)

// starts reports whether a segment may begin at p.
func (c *Recorder) starts(p *media.Packet) bool {
	if p.Config || len(p.Body) == 0 {
		return false
	}
	if p.Kind != media.Video {
		return p.Kind == media.Audio && !c.hasVideo
	}
	if !p.Key || c.main >= 0 && int(p.Track) > c.main {
		return false
	}
	c.main = int(p.Track)
	return true
}

// trim keeps what is held before the first key frame within bounds. p is the newest of it.
func (c *Recorder) trim(p *media.Packet) {
	for len(c.held) > 1 && (c.heldSize > maxHeld || p.Timestamp-c.held[0].Timestamp > audioPatience) {
		c.heldSize -= len(c.held[0].Body) + packetCost
		c.held[0] = nil
		c.held = c.held[1:]
	}
}

// begin begins a segment with the headers, what was held and p, which may be nil.
func (c *Recorder) begin(ctx context.Context, p *media.Packet) {
	frames := c.held
	c.held, c.heldSize = nil, 0
	if p != nil {
		frames = append(frames, p)
	}
	now := time.Now()
	if now.Before(c.retry) {
		return
	}
	seg, err := c.open(ctx, frames, now)
	if err != nil {
		c.fail(err)
		return
	}
	c.seg = seg
	if c.failed {
		c.failed = false
		c.tell(EventResumed, nil)
	}
}

func (c *Recorder) write(ctx context.Context, p *media.Packet, now time.Time) {
	err := c.seg.mux.WritePacket(ctx, p)
	if err == nil {
		err = c.appear(c.seg)
	}
	if errors.Is(err, format.ErrNewFile) {
		c.seg.cut = true
		return
	}
	if every := c.recordings.opts.Sync; err == nil && every > 0 && now.Sub(c.seg.synced) >= every {
		c.seg.synced = now
		err = c.seg.file.Sync()
	}
	if err != nil {
		c.complete()
		c.fail(err)
	}
}

// fail says once that recording does not work now.
func (c *Recorder) fail(err error) {
	c.retry = time.Now().Add(retryAfter)
	if c.failed {
		return
	}
	c.failed = true
	c.recordings.failures.Add(1)
	if errors.Is(err, ErrDiskLow) {
		c.log.Warn("recording stopped: the disk is nearly full; it goes on when there is room, the live stream goes on anyway", "err", err)
	} else {
		c.log.Error("recording failed; it is tried again at each key frame, the live stream goes on", "err", err)
	}
	c.tell(EventFailed, err)
}
