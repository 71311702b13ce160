package sendqueue

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"leat/media"
)

// Limits say when a queue leaves something out. The zero value is what suits a live stream.
type Limits struct {
	// DropDisposable is how long video may wait before frames that no other needs are left out; 0 means 700 ms, and a
	// negative value never.
	DropDisposable time.Duration
	// DropToKey is how long video may wait before all of it up to a key frame is left out; 0 means 900 ms, and a
	// negative value never.
	DropToKey time.Duration
	// Bytes bounds the bodies in the queue; 0 means 32 MiB. One packet fits always, whatever its size.
	Bytes int
	// Wait makes Put wait for room instead of leaving anything out; the two ages count for nothing then.
	Wait bool
}

const (
	defaultDropDisposable = 700 * time.Millisecond
	defaultDropToKey      = 900 * time.Millisecond
	defaultBytes          = 32 << 20
)

// Stats is what a queue holds and what it has left out since it was made.
type Stats struct {
	Packets int           // waiting
	Bytes   int           // of their bodies
	Age     time.Duration // how long the oldest of them has waited

	Disposable int64 // frames left out that no other frame needed
	Dropped    int64 // other video frames left out because of their age, or for want of a key frame before them
	Overflowed int64 // packets of any kind left out beyond Limits.Bytes
	Missed     int64 // packets of any kind, but headers, that came while the queue was suspended
}

// Queue is packets on their way to one target. Put and End belong to one goroutine, Next, Suspend, Resume and Abandon to
// one other; Stats may be called by any.
type Queue struct {
	limits Limits

	news chan struct{} // capacity 1: Next has something to look at
	room chan struct{} // capacity 1: Put has

	mu        sync.Mutex
	items     []item
	bytes     int
	ended     bool
	abandoned bool
	suspended bool
	headers   media.Headers   // in force at the head of items
	again     []*media.Packet // headers to be given out once more, before items
	tracks    map[uint8]*track
	stats     Stats
}

// item is a packet and when it came.
type item struct {
	packet *media.Packet
	since  time.Time
}

// track is what the queue knows of a video track.
type track struct {
	needsKey   bool // frames are left out until a key frame comes: to Put, with Limits.Wait to Next
	lengthSize int  // of the NAL units; 0: not known
}

// New returns an empty queue. It is not suspended.
func New(l Limits) *Queue {
	l.DropDisposable = withDefault(l.DropDisposable, defaultDropDisposable)
	l.DropToKey = withDefault(l.DropToKey, defaultDropToKey)
	l.Bytes = withDefault(l.Bytes, defaultBytes)
	return &Queue{limits: l, news: make(chan struct{}, 1), room: make(chan struct{}, 1), tracks: map[uint8]*track{}}
}

func withDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Put adds p, and leaves out what the limits demand. It does not block but with Limits.Wait: then it waits for room until ctx
// is done, and returns its cause. After End it panics.
func (q *Queue) Put(ctx context.Context, p *media.Packet) error {
	for {
		if q.put(p) {
			return nil
		}
		select {
		case <-q.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// put returns false when there is no room and p must wait.
func (q *Queue) put(p *media.Packet) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		panic("sendqueue: Put after End")
	}
	if q.abandoned {
		return true
	}
	if q.limits.Wait {
		if len(q.items) > 0 && q.bytes+len(p.Body) > q.limits.Bytes {
			return false
		}
		q.add(p)
		return true
	}
	if q.suspended {
		q.pass(p, &q.stats.Missed)
		return true
	}
	q.dropByAge(time.Now())
	if len(q.items) > 0 && q.bytes+len(p.Body) > q.limits.Bytes {
		q.forget(&q.stats.Overflowed)
		q.restart()
	}
	if q.wants(p) {
		q.add(p)
	}
	return true
}

func (q *Queue) add(p *media.Packet) {
	q.items = append(q.items, item{p, time.Now()})
	q.bytes += len(p.Body)
	notify(q.news)
}

// End says that nothing more will come. Next returns what is there and then io.EOF.
func (q *Queue) End() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	notify(q.news)
}

// Next takes out the oldest packet. It blocks until there is one, until End was called (io.EOF), or until ctx is done, whose cause
// it returns then. While the queue is suspended it returns nothing.
func (q *Queue) Next(ctx context.Context) (*media.Packet, error) {
	for {
		if p, over := q.take(); p != nil {
			return p, nil
		} else if over {
			return nil, io.EOF
		}
		select {
		case <-q.news:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// take returns nil when there is nothing, and whether that is for good.
func (q *Queue) take() (p *media.Packet, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.suspended && len(q.items) > 0 {
		if len(q.again) > 0 {
			header := *q.again[0]
			header.Timestamp = q.items[0].packet.Timestamp
			q.again = q.again[1:]
			return &header, false
		}
		p := q.items[0].packet
		q.items[0] = item{} // no reference is left in the array
		q.items = q.items[1:]
		q.bytes -= len(p.Body)
		notify(q.room)
		q.headers.Apply(p)
		if !q.limits.Wait || q.wants(p) {
			return p, false
		}
	}
	return nil, q.ended && len(q.items) == 0
}

// Suspend says that there is no connection: what waits and what comes is thrown away but for headers, or with
// Limits.Wait kept as far as there is room.
func (q *Queue) Suspend() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.suspended = true
	if !q.limits.Wait {
		q.forget(&q.stats.Missed)
	}
}

// Resume says that there is a new connection, which needs the headers first, and video from a key frame on. Tracks of which
// nothing was put yet begin as they come.
func (q *Queue) Resume() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.suspended = false
	q.restart()
	notify(q.news)
}

// Abandon says that nothing will be taken out any more: what waits is forgotten, and Put returns at once.
func (q *Queue) Abandon() {
	q.mu.Lock()
	q.abandoned = true
	q.items, q.bytes, q.again = nil, 0, nil
	q.mu.Unlock()
	notify(q.room)
}

// restart makes the stream go on with the headers in force and then key frames.
func (q *Queue) restart() {
	q.again = q.headers.Packets()
	for _, t := range q.tracks {
		t.needsKey = true
	}
}

// forget throws all away but what the headers say.
func (q *Queue) forget(count *int64) {
	for _, i := range q.items {
		q.pass(i.packet, count)
	}
	clear(q.items)
	q.items, q.bytes = q.items[:0], 0
}

// pass lets a packet go by: a header is remembered, anything else counted.
func (q *Queue) pass(p *media.Packet, count *int64) {
	switch {
	case !q.headers.Apply(p):
		*count++
	case p.Kind == media.Video:
		q.track(p.Track).configure(p)
	}
}

// Stats returns what waits and what was left out.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Packets, s.Bytes = len(q.items), q.bytes
	if s.Packets > 0 {
		s.Age = time.Since(q.items[0].since)
	}
	return s
}

// notify puts a token into a channel of capacity 1 that has none.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// drop removes the packets for which is returns true and counts them.
func (q *Queue) drop(is func(*media.Packet) bool, count *int64) {
	q.items = slices.DeleteFunc(q.items, func(i item) bool {
		if !is(i.packet) {
			return false
		}
		q.bytes -= len(i.packet.Body)
		*count++
		return true
	})
}
