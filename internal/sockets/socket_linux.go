package sockets

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
)

// The kernel is asked for edges: it tells of what has come, and not that it is still there.
const (
	edges      = 1 << 31 // EPOLLET, which package syscall has as a negative number
	toRead     = syscall.EPOLLIN | syscall.EPOLLRDHUP | edges
	toBoth     = toRead | syscall.EPOLLOUT
	endOfInput = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
)

// Socket is a TCP connection that a Loop waits for. It is read inside Owner.Readable only, and closed or detached before Start, or when that
// returns false for the first time; everything else may be called from any goroutine.
type Socket struct {
	loop  *Loop
	owner Owner
	fd    int
	users atomic.Int32  // calls that use fd; closing is added by Close
	state atomic.Uint32 // of Readable
	asked atomic.Bool   // the kernel was asked to tell of room
	lies  atomic.Uint32 // its place, which the loop's mu guards from changes

	// The loop's, guarded by its mu.
	generation int32   // tells it from others that had the same descriptor; 0: it is not waited for
	bits       uint32  // its news, while it waits in a queue
	next       *Socket // that waits behind it
	quick      bool    // the leader calls the owner itself
	strikes    uint8   // how often it has been held up by that

	local, remote netip.AddrPort
}

// The bits of Socket.state.
const (
	busy  = 1 << iota // Readable runs
	again             // and is to run once more
	over              // nothing more will come behind what is there
)

// closing is more than calls can be under way.
const closing = 1 << 30

// Adopt takes a connection out of the hands of the runtime's poller: nc is closed, and its socket lives on as the one that is returned, which
// is a user of the loop until it is closed. On an error, as when there are too many descriptors, nothing has changed.
func (l *Loop) Adopt(nc *net.TCPConn) (*Socket, error) {
	local, ok := nc.LocalAddr().(*net.TCPAddr)
	remote, ok2 := nc.RemoteAddr().(*net.TCPAddr)
	raw, err := nc.SyscallConn()
	if err != nil || !ok || !ok2 {
		return nil, errors.Join(net.ErrClosed, err)
	}
	var fd int
	var failed error
	err = raw.Control(func(theirs uintptr) { fd, failed = duplicate(theirs) })
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	if !l.Use() {
		return nil, errors.Join(net.ErrClosed, syscall.Close(fd))
	}
	if err := nc.Close(); err != nil {
		l.Release()
		return nil, errors.Join(err, syscall.Close(fd))
	}
	return &Socket{loop: l, fd: fd, local: unmapped(local), remote: unmapped(remote)}, nil
}

func unmapped(a *net.TCPAddr) netip.AddrPort {
	ap := a.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// duplicate returns another descriptor of the same socket.
func duplicate(fd uintptr) (int, error) {
	again, _, err := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
	if err != 0 {
		return 0, os.NewSyscallError("fcntl", err)
	}
	return int(again), nil
}

// Start begins to wait for s on behalf of o.
func (s *Socket) Start(o Owner) error {
	s.owner = o
	return s.loop.add(s)
}

// Quick says that the owner is not expected to block from now on.
func (s *Socket) Quick() error {
	s.loop.mu.Lock()
	s.quick = true
	s.loop.mu.Unlock()
	return s.move(prompt, media)
}

// Patient says whether the owner of a quick socket can wait, for up to 50 ms, before it is told that there is something to read: it then has
// to read less often.
func (s *Socket) Patient(is bool) error {
	if is {
		return s.move(media, eased)
	}
	return s.move(eased, media)
}

// move does nothing to a socket in another place. It returns net.ErrClosed for one that was closed; on any other error nothing has changed.
func (s *Socket) move(from, to place) error {
	if s.place() != from {
		return nil
	}
	if !s.use() {
		return net.ErrClosed
	}
	defer s.unuse()
	return s.loop.move(s, from, to)
}

func (s *Socket) place() place { return place(s.lies.Load()) }

// Hand makes o the owner from now on. It is called inside Readable.
func (s *Socket) Hand(o Owner) { s.owner = o }

// handle is called by workers, and by several at the same time.
func (s *Socket) handle(bits uint32) {
	if bits&syscall.EPOLLOUT != 0 {
		s.owner.Writable()
	}
	news := uint32(0)
	if bits&(syscall.EPOLLIN|endOfInput) != 0 {
		news = busy | again
	}
	if bits&endOfInput != 0 {
		news |= over
	}
	if news == 0 || s.state.Or(news)&busy != 0 {
		return // who is busy with it finds the news
	}
	for !s.rests() {
		if more := s.owner.Readable(s.state.And(^uint32(again))&over != 0); !more {
			return // it is busy for ever
		}
	}
}

// rests ends the business of who has read, unless there are news.
func (s *Socket) rests() bool {
	return s.state.CompareAndSwap(busy, 0) || s.state.CompareAndSwap(busy|over, over)
}

// Wake makes Readable be called, as if there was something to read.
func (s *Socket) Wake() { s.loop.push(s, syscall.EPOLLIN) }

// FD returns the descriptor, for Read. It is good inside Readable.
func (s *Socket) FD() uintptr { return uintptr(s.fd) }

// Control calls fn with the descriptor, which stays open meanwhile. The error is net.ErrClosed after Close.
func (s *Socket) Control(fn func(fd uintptr)) error {
	if !s.use() {
		return net.ErrClosed
	}
	defer s.unuse()
	fn(uintptr(s.fd))
	return nil
}

// TryWrite is Write to the socket. The error is net.ErrClosed after Close.
func (s *Socket) TryWrite(b []byte) (int, error) {
	if !s.use() {
		return 0, net.ErrClosed
	}
	defer s.unuse()
	return Write(uintptr(s.fd), b)
}

func (s *Socket) use() bool {
	for {
		n := s.users.Load()
		if n >= closing {
			return false
		}
		if s.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *Socket) unuse() {
	if s.users.Add(-1) == closing {
		_ = syscall.Close(s.fd) // Close has returned, and told nobody otherwise
	}
}

// AwaitRoom is called after a write that did not take all: Writable is called when there is room again, from now on after each of
// them.
func (s *Socket) AwaitRoom() error {
	if s.asked.Swap(true) {
		return nil
	}
	if !s.use() {
		return net.ErrClosed
	}
	defer s.unuse()
	return s.loop.change(s, syscall.EPOLL_CTL_MOD)
}

// CloseWrite tells the peer that nothing more comes.
func (s *Socket) CloseWrite() error {
	var failed error
	err := s.Control(func(fd uintptr) { failed = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
	return errors.Join(err, os.NewSyscallError("shutdown", failed))
}

// Close closes the socket, when the last call that uses it has returned. A second call returns net.ErrClosed.
func (s *Socket) Close() error {
	n := s.users.Load()
	for n < closing && !s.users.CompareAndSwap(n, n+closing) {
		n = s.users.Load()
	}
	if n >= closing {
		return net.ErrClosed
	}
	s.loop.remove(s)
	defer s.loop.Release()
	if n > 0 {
		return nil // unuse closes it
	}
	return os.NewSyscallError("close", syscall.Close(s.fd))
}

// Detach takes the socket out of the loop and returns it as a connection of the standard library. In either case s is closed then.
func (s *Socket) Detach() (net.Conn, error) {
	fd, err := duplicate(s.FD())
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	f := os.NewFile(uintptr(fd), "socket")
	if err := errors.Join(s.loop.change(s, syscall.EPOLL_CTL_DEL), s.Close()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	nc, err := net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if nc.RemoteAddr() == nil {
		return nil, errors.Join(net.ErrClosed, nc.Close()) // the peer is gone
	}
	return nc, nil
}

// LocalAddr returns this end's address.
func (s *Socket) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(s.local) }

// RemoteAddr returns the peer's address.
func (s *Socket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.remote) }
