package sockets

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

// place is the descriptor in which a socket lies, and says how soon is told of it.
type place uint8

const (
	prompt place = iota // at once; lies in the runtime's poller
	media               // at once, or every millisecond when there is much; lies in prompt while there is not
	eased               // after ease; wakes nobody
	places
)

const (
	// ease is about how long a patient socket waits.
	ease = 50 * time.Millisecond
	// mostSteps is in how many steps all patient sockets are looked after in that time when there are many, so that those in a hurry do not
	// wait for all of them. stepSize is how many make it worth one more.
	mostSteps = 5
	stepSize  = 8
	// rest is how long the leader does not listen for media after it has been woken for it often: to be woken costs as much as to read.
	rest = time.Millisecond
	// often is in how many events it sees how often they come: it rests when there is more than one for each rest.
	often = 16
)

// poller asks the kernel for news of sockets. Loop.mu guards all but wait.
type poller struct {
	fds  [places]int
	n    [places]int // sockets
	file *os.File    // prompt, as the runtime's poller knows it
	raw  syscall.RawConn

	// The leader's.
	look   func(fd uintptr) bool // made once, so that a wait allocates nothing
	events []syscall.EpollEvent
	found  int

	resting bool
	seen    int       // events of media since then
	since   time.Time // seen is counted from here
	step    time.Time // the next one
}

func newPoller() (*poller, error) {
	p := &poller{}
	for i := range p.fds {
		fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
		if err != nil {
			for _, fd := range p.fds[:i] {
				err = errors.Join(err, syscall.Close(fd))
			}
			return nil, os.NewSyscallError("epoll_create1", err)
		}
		p.fds[i] = fd
	}
	err := syscall.SetNonblock(p.fds[prompt], true) // or the runtime would not take it into its poller
	p.file = os.NewFile(uintptr(p.fds[prompt]), "epoll")
	if err == nil {
		p.raw, err = p.file.SyscallConn()
	}
	if err == nil {
		err = p.listen(syscall.EPOLL_CTL_ADD)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("a poller of sockets: %w", err)
	}
	p.look = func(fd uintptr) bool {
		p.found = waitEvents(fd, p.events)
		return p.found > 0
	}
	return p, nil
}

// close ends a wait that is under way. Nothing was written that could be lost.
func (p *poller) close() {
	_ = p.file.Close()
	_ = syscall.Close(p.fds[media])
	_ = syscall.Close(p.fds[eased])
}

// wait returns how many events of prompt have come; none when it is time for more.
func (p *poller) wait(events []syscall.EpollEvent) (int, error) {
	p.events, p.found = events, 0
	err := p.raw.Read(p.look)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return p.found, err
}

// gather hands out the n events that wait has returned, and what else is due. The leader calls it.
func (p *poller) gather(events []syscall.EpollEvent, n int, arrived func([]syscall.EpollEvent)) {
	arrived(events[:n])
	switch {
	case n == 0: // it is time
		p.tick(events, arrived)
	case slices.ContainsFunc(events[:n], ofMedia):
		p.takeMedia(events, arrived)
		if p.seen >= often {
			p.pace(time.Now())
		}
	}
}

// ofMedia reports whether an event says that there are some in media.
func ofMedia(e syscall.EpollEvent) bool { return e.Pad == 0 }

func (p *poller) tick(events []syscall.EpollEvent, arrived func([]syscall.EpollEvent)) {
	now := time.Now()
	if p.resting {
		p.takeMedia(events, arrived)
		p.pace(now)
	}
	if p.n[eased] > 0 && !now.Before(p.step) {
		p.takeEased(events, arrived)
		p.step = now.Add(ease / time.Duration(p.steps()))
	}
	p.wind(now)
}

// takeMedia takes all there is: only what comes after that is told of.
func (p *poller) takeMedia(events []syscall.EpollEvent, arrived func([]syscall.EpollEvent)) {
	for {
		n := waitEvents(uintptr(p.fds[media]), events)
		arrived(events[:n])
		p.seen += n
		if n < len(events) {
			return
		}
	}
}

func (p *poller) steps() int { return min(mostSteps, 1+p.n[eased]/stepSize) }

// takeEased takes the share of one step, those first who have had news for longest.
func (p *poller) takeEased(events []syscall.EpollEvent, arrived func([]syscall.EpollEvent)) {
	for share := (p.n[eased] + p.steps() - 1) / p.steps(); share > 0; {
		n := waitEvents(uintptr(p.fds[eased]), events[:min(share, len(events))])
		if n == 0 {
			return
		}
		arrived(events[:n])
		share -= n
	}
}

// pace decides whether to rest.
func (p *poller) pace(now time.Time) {
	lasted := now.Sub(p.since)
	if p.seen < often && lasted < often*rest {
		return
	}
	resting := p.seen >= often && lasted <= often*rest
	p.seen, p.since = 0, now
	if resting == p.resting {
		return
	}
	p.resting = resting
	p.never(p.listen(syscall.EPOLL_CTL_MOD))
	p.wind(now)
}

// listen lets prompt tell of what comes to media, or not.
func (p *poller) listen(op int) error {
	e := syscall.EpollEvent{Events: syscall.EPOLLIN | edges, Fd: int32(p.fds[media])}
	if p.resting {
		e.Events = 0
	}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(p.fds[prompt], op, p.fds[media], &e))
}

// wind says until when to wait.
func (p *poller) wind(now time.Time) {
	var at time.Time
	if p.n[eased] > 0 {
		at = p.step
	}
	if next := now.Add(rest); p.resting && (at.IsZero() || next.Before(at)) {
		at = next
	}
	p.never(p.file.SetReadDeadline(at))
}

// never is what the kernel and the runtime would have to refuse now, and have not when the poller was made: sockets would be deaf.
func (p *poller) never(err error) {
	if err != nil && !errors.Is(err, os.ErrClosed) {
		panic("sockets: " + err.Error())
	}
}

func (p *poller) add(s *Socket, to place) error {
	if err := p.control(s, to, syscall.EPOLL_CTL_ADD); err != nil {
		return err
	}
	s.lies.Store(uint32(to))
	if p.n[to]++; to == eased && p.n[to] == 1 {
		now := time.Now()
		p.step = now.Add(ease)
		p.wind(now)
	}
	return nil
}

// move changes a socket's place. It is told at once there of what it has not been told of before.
func (p *poller) move(s *Socket, to place) error {
	from := s.place()
	if err := p.add(s, to); err != nil {
		return err
	}
	p.n[from]--
	return p.control(s, from, syscall.EPOLL_CTL_DEL)
}

func (p *poller) control(s *Socket, at place, op int) error {
	e := syscall.EpollEvent{Events: toRead, Fd: int32(s.fd), Pad: s.generation}
	if s.asked.Load() {
		e.Events = toBoth
	}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(p.fds[at], op, s.fd, &e))
}
