package sockets

import (
	"net"
	"runtime"
	"sync"
	"syscall"
)

const (
	// batch is how many events are fetched at once.
	batch = 256
	// idleWorkers is how many workers a loop keeps that have nothing to do. More come while owners block.
	idleWorkers = 4
	// crowd is how many quick sockets wait when another worker helps the leader, if there is a processor for it.
	crowd = 8
)

// Loop waits for sockets. One of its workers is the leader: it waits for all of them,
// and calls the owners of quick ones itself, since to wake somebody for each would cost more than the call. The others call owners
// that may block, and there is always one more of them than do. Should an owner hold up the leader nevertheless, watch makes another worker
// the leader.
type Loop struct {
	quit chan struct{} // closed with closed

	mu         sync.Mutex
	poller     *poller
	sockets    []*Socket // by descriptor
	generation int32     // of the socket entered last
	quick      queue     // have news, and are the leader's
	others     queue     // have news, and are the workers'
	leader     *worker
	turns      uint64        // owners that the leader has called
	held       *Socket       // the one that it is calling; nil: none
	idle       []*worker     // the one that has worked last at the end
	waking     bool          // a worker is on its way to the next socket
	unwatched  bool          // watch rests
	alert      chan struct{} // wakes it
	users      int           // sockets, and who has asked for more
	closed     bool
	parallel   bool // there is a processor for those who help the leader
	wg         sync.WaitGroup
}

type worker struct {
	wake chan struct{}

	events []syscall.EpollEvent // a leader's
}

// queue holds sockets in the order in which they came to have news. Loop.mu guards it.
type queue struct {
	first, last *Socket
	n           int
}

func (q *queue) push(s *Socket) {
	if q.n++; q.n == 1 {
		q.first = s
	} else {
		q.last.next = s
	}
	q.last = s
}

// pop returns a socket and its news; nil when there is none.
func (q *queue) pop() (*Socket, uint32) {
	s := q.first
	if s == nil {
		return nil, 0
	}
	q.n--
	q.first, s.next = s.next, nil
	bits := s.bits
	s.bits = 0
	return s, bits
}

// NewLoop returns a loop without sockets. The caller is its first user.
func NewLoop() (*Loop, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	l := &Loop{poller: p, users: 1, quit: make(chan struct{}), alert: make(chan struct{}, 1), parallel: runtime.GOMAXPROCS(0) > 1}
	l.leader = newWorker()
	l.wg.Go(func() { l.work(l.leader) })
	for range idleWorkers {
		w := newWorker()
		l.idle = append(l.idle, w)
		l.wg.Go(func() {
			if w.wait() {
				l.work(w)
			}
		})
	}
	l.wg.Go(l.watch)
	return l, nil
}

func newWorker() *worker { return &worker{wake: make(chan struct{}, 1)} }

// wait returns false when there will be no more work.
func (w *worker) wait() bool {
	_, more := <-w.wake
	return more
}

// Use adds a user, who will call Release. It returns false when the loop has ended.
func (l *Loop) Use() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.users++
	return true
}

// Release takes a user away. With the last one the loop's goroutines end.
func (l *Loop) Release() {
	l.mu.Lock()
	l.users--
	last := l.users == 0
	if last {
		l.closed = true
		close(l.quit)
		for _, w := range l.idle {
			close(w.wake)
		}
		l.idle = nil
	}
	l.mu.Unlock()
	if last {
		l.poller.close() // ends the leader's wait
	}
}

// Wait blocks until the goroutines of a loop without users have ended. An owner must not call it.
func (l *Loop) Wait() { l.wg.Wait() }

// work does what w is for, until it is not wanted any more.
func (l *Loop) work(w *worker) {
	for {
		l.lead(w)
		l.help()
		if !l.rest(w) || !w.wait() {
			return
		}
	}
}

// lead waits for sockets and looks after the quick ones, for as long as w is the leader.
func (l *Loop) lead(w *worker) {
	for {
		for l.turn(w) {
		}
		if !l.leads(w) || !l.fetch(w) {
			return
		}
	}
}

func (l *Loop) leads(w *worker) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leader == w && !l.closed
}

// fetch waits for news and hands them out. It returns false when the loop has ended.
func (l *Loop) fetch(w *worker) bool {
	if w.events == nil {
		w.events = make([]syscall.EpollEvent, batch)
	}
	n, err := l.poller.wait(w.events)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if err != nil { // never, unless the kernel takes back what it has granted; nothing would be heard of any socket again
		panic("sockets: the poller cannot wait any more: " + err.Error())
	}
	l.poller.gather(w.events, n, l.arrived)
	l.rouse()
	if l.unwatched && l.quick.n > 0 {
		l.unwatched = false
		l.alert <- struct{}{} // it is empty: watch rests
	}
	return true
}

// arrived is called with mu held.
func (l *Loop) arrived(events []syscall.EpollEvent) {
	for i := range events {
		e := &events[i]
		if int(e.Fd) >= len(l.sockets) {
			continue // it says that there is something in another of the poller's descriptors
		}
		if s := l.sockets[e.Fd]; s != nil && s.generation == e.Pad { // else it was closed, and its descriptor may be another's
			l.enqueue(s, e.Events)
		}
	}
}

// push hands out an event of our own, which need not come from the leader.
func (l *Loop) push(s *Socket, bits uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.generation != 0 {
		s.quick = false // who is woken is to end, and the leader may not be looking
		l.enqueue(s, bits)
		l.rouse()
	}
}

// enqueue is called with mu held. Whatever comes to be of a socket, it waits once.
func (l *Loop) enqueue(s *Socket, bits uint32) {
	waits := s.bits != 0
	s.bits |= bits
	switch {
	case waits:
	case s.quick:
		l.quick.push(s)
	default:
		l.others.push(s)
	}
}

// turn calls the owner of the next quick socket. It returns false when there is none, and when w leads no longer.
func (l *Loop) turn(w *worker) bool {
	l.mu.Lock()
	if l.leader != w {
		l.mu.Unlock()
		return false
	}
	s, bits := l.quick.pop()
	l.held = s
	if s == nil {
		l.mu.Unlock()
		return false
	}
	l.turns++
	l.rouse()
	l.mu.Unlock()
	s.handle(bits)
	return true
}

// wanted reports whether there is something to do for another worker. Called with mu held.
func (l *Loop) wanted() bool {
	return l.others.n > 0 || l.parallel && l.quick.n >= crowd
}

// rouse sends a worker to the next socket, unless there is none for it or one is on its way. Called with mu held.
func (l *Loop) rouse() {
	if l.waking || !l.wanted() {
		return
	}
	l.waking = true
	l.send()
}

// send wakes an idle worker, or a new one, and returns it. Called with mu held.
func (l *Loop) send() *worker {
	if n := len(l.idle); n > 0 {
		w := l.idle[n-1]
		l.idle = l.idle[:n-1]
		w.wake <- struct{}{} // it is empty: w rests
		return w
	}
	w := newWorker()
	l.wg.Go(func() { l.work(w) })
	return w
}

// help looks after sockets whose owners may block, and after quick ones when they are a crowd.
func (l *Loop) help() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waking = false
	for l.wanted() {
		q := &l.others
		if q.n == 0 {
			q = &l.quick
		}
		s, bits := q.pop()
		l.rouse() // before the owner is called, who may block
		l.mu.Unlock()
		s.handle(bits)
		l.mu.Lock()
	}
}

// rest makes w an idle worker, unless there are enough.
func (l *Loop) rest(w *worker) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.idle) >= idleWorkers {
		return false
	}
	l.idle = append(l.idle, w)
	return true
}

// add begins to wait for a socket.
func (l *Loop) add(s *Socket) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s.fd >= len(l.sockets) {
		l.sockets = append(l.sockets, nil)
	}
	l.sockets[s.fd] = s
	if l.generation++; l.generation == 0 {
		l.generation = 1
	}
	s.generation = l.generation
	err := l.poller.add(s, prompt)
	if err != nil {
		l.forget(s)
	}
	return err
}

// move changes how soon is told of a socket.
func (l *Loop) move(s *Socket, from, to place) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case s.generation == 0:
		return net.ErrClosed
	case s.place() != from:
		return nil
	}
	return l.poller.move(s, to)
}

// change makes the kernel tell of room, too, or of nothing any more.
func (l *Loop) change(s *Socket, op int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.poller.control(s, s.place(), op)
}

// remove ends the wait for a socket, whose descriptor is still open.
func (l *Loop) remove(s *Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.generation != 0 {
		l.forget(s)
		l.poller.n[s.place()]--
	}
}

func (l *Loop) forget(s *Socket) {
	l.sockets[s.fd] = nil
	s.generation = 0
}
