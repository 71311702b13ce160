package tunnel

import (
	"os"
	"sync"
)

// keptCapacity is how much memory a queue keeps when it runs empty.
const keptCapacity = 16 << 10

// A queue is a bounded stream of bytes from those who write to those who read. Waiting is ended by the other side, by
// end, or by a channel of the caller.
type queue struct {
	limit int
	watch func() // if set, called with mu held when there are new bytes and when a reader begins to wait

	mu      sync.Mutex
	buf     []byte // buf[head:] has not been read
	head    int
	readers int           // waiting in read
	wake    chan struct{} // if not nil, closed at the next change

	ended    bool
	readErr  error // what read returns behind the last byte
	writeErr error
}

// read waits for bytes, and fails with the error of end behind the last of them, or with os.ErrDeadlineExceeded once
// expired is closed, even if there are bytes.
func (q *queue) read(p []byte, expired <-chan struct{}) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.ended && q.empty():
			return 0, q.readErr
		case isClosed(expired):
			return 0, os.ErrDeadlineExceeded
		case !q.empty() || len(p) == 0:
			n := copy(p, q.buf[q.head:])
			q.consume(n)
			return n, nil
		}
		q.readers++
		q.notify()
		q.wait(expired)
		q.readers--
	}
}

// write waits for room until all of p is in, and fails with the error of end, or with os.ErrDeadlineExceeded once
// expired is closed. It returns how many bytes it has put in. Writers take turns by means of their own.
func (q *queue) write(p []byte, expired <-chan struct{}) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.ended:
			return n, q.writeErr
		case isClosed(expired):
			return n, os.ErrDeadlineExceeded
		}
		room := min(q.limit-(len(q.buf)-q.head), len(p)-n)
		if room > 0 {
			if q.head > 0 && len(q.buf)+room > cap(q.buf) {
				q.buf = append(q.buf[:0], q.buf[q.head:]...)
				q.head = 0
			}
			q.buf = append(q.buf, p[n:n+room]...)
			n += room
			q.notify()
			q.changed()
		}
		if n == len(p) {
			return n, nil
		}
		q.wait(expired)
	}
}

// appendTo takes up to limit bytes without waiting and appends them to dst.
func (q *queue) appendTo(dst []byte, limit int) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.buf)-q.head, limit)
	dst = append(dst, q.buf[q.head:q.head+n]...)
	q.consume(n)
	return dst
}

// await returns when there are bytes, or after end, or once expired is closed.
func (q *queue) await(expired <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.empty() && !q.ended && !isClosed(expired) {
		q.wait(expired)
	}
}

// end lets readers fail with readErr behind the last byte, and writers with writeErr at once. The first call sets the
// errors. With discard what is queued is dropped, in a later call too.
func (q *queue) end(readErr, writeErr error, discard bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.ended {
		q.ended, q.readErr, q.writeErr = true, readErr, writeErr
	}
	if discard {
		q.buf, q.head = nil, 0
	}
	q.notify()
	q.changed()
}

// status reports whether there are bytes, whether somebody waits for some in vain, and whether the queue has been ended.
func (q *queue) status() (filled, wanted, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.empty(), q.readers > 0 && q.empty(), q.ended
}

func (q *queue) empty() bool { return q.head == len(q.buf) }

func (q *queue) consume(n int) {
	q.head += n
	if q.empty() {
		q.head, q.buf = 0, q.buf[:0]
		if cap(q.buf) > keptCapacity {
			q.buf = nil
		}
	}
	q.changed()
}

// wait releases mu until something changes or expired is closed.
func (q *queue) wait(expired <-chan struct{}) {
	if q.wake == nil {
		q.wake = make(chan struct{})
	}
	wake := q.wake
	q.mu.Unlock()
	select {
	case <-wake:
	case <-expired:
	}
	q.mu.Lock()
}

func (q *queue) changed() {
	if q.wake != nil {
		close(q.wake)
		q.wake = nil
	}
}

func (q *queue) notify() {
	if q.watch != nil {
		q.watch()
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
