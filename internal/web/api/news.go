package api

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of News.
const (
	maxListeners = 16
	maxRecent    = 100 // events kept for newcomers
	maxWaiting   = 256 // events that a listener may be behind
)

// Why there is nothing to listen to.
var (
	errManyListeners = errors.New("api: there are as many listeners as the server takes")
	errNewsClosed    = errors.New("api: the server is shutting down")
)

// News hands events and snapshots to listeners. The zero value is ready for use, its methods may be called from several
// goroutines, and none of them blocks.
type News struct {
	mu        sync.Mutex
	closed    bool
	recent    []Event // a ring when it is full
	next      int     // place of the oldest in a full ring
	listeners map[*listener]struct{}
	count     atomic.Int32
}

// listener is one client of the event stream. What it has not read yet is bounded: of snapshots only the newest waits, and
// events that find no room are counted.
type listener struct {
	snapshot chan *Snapshot // of 1
	events   chan Event
	over     chan struct{} // closed when there will be no more
	missed   int           // guarded by News.mu
}

// Tell hands out an event. A zero At is set to now.
func (n *News) Tell(e Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.recent) < maxRecent {
		n.recent = append(n.recent, e)
	} else {
		n.recent[n.next] = e
		n.next = (n.next + 1) % maxRecent
	}
	for l := range n.listeners {
		e.Missed = l.missed
		select {
		case l.events <- e:
			l.missed = 0
		default:
			l.missed++
		}
	}
}

// Heard reports whether anybody listens, so that nobody need make snapshots for none.
func (n *News) Heard() bool { return n.count.Load() > 0 }

// Show hands out a snapshot, which must not be changed any more. Who has not read the last one gets this instead.
func (n *News) Show(s *Snapshot) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for l := range n.listeners {
		select {
		case <-l.snapshot:
		default:
		}
		l.snapshot <- s // there is room: only this method sends, with the lock held
	}
}

// Close ends all listeners, and there are no others from then on. A second time it does nothing.
func (n *News) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for l := range n.listeners {
		close(l.over)
	}
	n.listeners = nil
	n.count.Store(0)
}

// listen returns a listener to which the recent events have been told already. It must leave.
func (n *News) listen() (*listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return nil, errNewsClosed
	case len(n.listeners) >= maxListeners:
		return nil, errManyListeners
	}
	l := &listener{snapshot: make(chan *Snapshot, 1), events: make(chan Event, maxWaiting), over: make(chan struct{})}
	for i := range n.recent {
		l.events <- n.recent[(n.next+i)%len(n.recent)]
	}
	if n.listeners == nil {
		n.listeners = map[*listener]struct{}{}
	}
	n.listeners[l] = struct{}{}
	n.count.Store(int32(len(n.listeners)))
	return l, nil
}

func (n *News) leave(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners, l)
	n.count.Store(int32(len(n.listeners)))
}
