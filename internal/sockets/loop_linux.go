package sockets

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

const (
	// batch is how many events are fetched at once.
	batch = 256
	// idleWorkers is how many workers a loop begins with, and keeps when they have nothing to do. More than these come while owners block.
	idleWorkers = 4
)

// Loop waits for sockets. One goroutine waits for all of them, by an epoll descriptor that lies in the runtime's poller; workers
// call the owners of those where something has come to be. There is always one more worker than owners that block.
type Loop struct {
	epfd int
	file *os.File // epfd, as the runtime's poller knows it

	mu          sync.Mutex
	sockets     []*Socket // by descriptor
	first, last *Socket   // of those that a worker is to look after
	idle        []*worker // the one that has worked last at the end
	waking      bool      // a worker is on its way to the next socket
	generation  int32     // of the socket entered last
	users       int       // listeners and sockets, and who has made it
	closed      bool
	wg          sync.WaitGroup
}

type worker struct{ wake chan struct{} }

// NewLoop returns a loop without sockets. The caller is its first user.
func NewLoop() (*Loop, error) {
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(epfd, true); err != nil { // or the runtime would not take it into its poller
		return nil, errors.Join(os.NewSyscallError("fcntl", err), syscall.Close(epfd))
	}
	l := &Loop{epfd: epfd, file: os.NewFile(uintptr(epfd), "epoll"), users: 1}
	raw, err := l.file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	l.wg.Go(func() { l.poll(raw) })
	for range idleWorkers {
		w := &worker{wake: make(chan struct{}, 1)}
		l.idle = append(l.idle, w)
		l.wg.Go(func() { l.wait(w) })
	}
	return l, nil
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
		for _, w := range l.idle {
			close(w.wake)
		}
		l.idle = nil
	}
	l.mu.Unlock()
	if last {
		_ = l.file.Close() // ends poll, and waits for it; nothing was written that could be lost
	}
}

// Wait blocks until the goroutines of a loop without users have ended. A worker must not call it.
func (l *Loop) Wait() { l.wg.Wait() }

// poll fetches events until the loop is closed.
func (l *Loop) poll(raw syscall.RawConn) {
	events := make([]syscall.EpollEvent, batch)
	err := raw.Read(func(fd uintptr) bool {
		for {
			n := waitEvents(fd, events)
			l.arrived(events[:n])
			if n < len(events) {
				return false // what comes from now on is news to the runtime's poller
			}
		}
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed { // never, unless the kernel takes back what it has granted; nothing would be heard of any socket again
		panic("sockets: the poller cannot wait any more: " + fmt.Sprint(err))
	}
}

func (l *Loop) arrived(events []syscall.EpollEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range events {
		e := &events[i]
		if s := l.sockets[e.Fd]; s != nil && s.generation == e.Pad { // else it was closed, and its descriptor may be another's
			l.enqueue(s, e.Events)
		}
	}
	l.rouse()
}

// push is arrived for an event of our own.
func (l *Loop) push(s *Socket, bits uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.generation != 0 {
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
	case l.first == nil:
		l.first, l.last = s, s
	default:
		l.last.next, l.last = s, s
	}
}

// dequeue is called with mu held.
func (l *Loop) dequeue() (*Socket, uint32) {
	s := l.first
	if s == nil {
		return nil, 0
	}
	bits := s.bits
	l.first, s.next, s.bits = s.next, nil, 0
	return s, bits
}

// rouse sends a worker to the next socket, unless there is none or one is on its way. Called with mu held.
func (l *Loop) rouse() {
	if l.waking || l.first == nil {
		return
	}
	l.waking = true
	if n := len(l.idle); n > 0 {
		w := l.idle[n-1]
		l.idle = l.idle[:n-1]
		w.wake <- struct{}{} // it is empty: w rests
		return
	}
	w := &worker{wake: make(chan struct{}, 1)}
	l.wg.Go(func() { l.work(w) })
}

// work looks after sockets, for as long as w is wanted.
func (l *Loop) work(w *worker) {
	for {
		l.mu.Lock()
		l.waking = false
		for s, bits := l.dequeue(); s != nil; s, bits = l.dequeue() {
			l.rouse() // before the owner is called, who may block
			l.mu.Unlock()
			s.handle(bits)
			l.mu.Lock()
		}
		if l.closed || len(l.idle) >= idleWorkers {
			l.mu.Unlock()
			return
		}
		l.idle = append(l.idle, w)
		l.mu.Unlock()
		if _, more := <-w.wake; !more {
			return
		}
	}
}

// wait is work for a worker that is idle.
func (l *Loop) wait(w *worker) {
	if _, more := <-w.wake; more {
		l.work(w)
	}
}

// add begins to wait for a socket.
func (l *Loop) add(s *Socket) error {
	l.mu.Lock()
	for s.fd >= len(l.sockets) {
		l.sockets = append(l.sockets, nil)
	}
	l.sockets[s.fd] = s
	if l.generation++; l.generation == 0 {
		l.generation = 1
	}
	s.generation = l.generation
	l.mu.Unlock()
	return l.control(s, syscall.EPOLL_CTL_ADD, toRead)
}

// remove ends the wait for a socket, whose descriptor is still open.
func (l *Loop) remove(s *Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.generation != 0 {
		l.sockets[s.fd] = nil
		s.generation = 0
	}
}

// control changes what the kernel tells of a socket.
func (l *Loop) control(s *Socket, op int, interest uint32) error {
	l.mu.Lock()
	e := syscall.EpollEvent{Events: interest, Fd: int32(s.fd), Pad: s.generation}
	l.mu.Unlock()
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(l.epfd, op, s.fd, &e))
}
