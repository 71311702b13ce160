package tunnel

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// A duplex is the application's end of a tunnel: everything of a net.Conn but Close.
type duplex struct {
	local, remote   net.Addr
	in, out         queue
	readBy, writeBy deadline
	writing         sync.Mutex // held by Write: the bytes of two calls do not mix
}

func (d *duplex) Read(p []byte) (int, error) {
	return d.in.read(p, d.readBy.passed())
}

// Write returns when p is queued for the peer. It waits while the peer is behind by more than the queue holds.
func (d *duplex) Write(p []byte) (int, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	return d.out.write(p, d.writeBy.passed())
}

func (d *duplex) LocalAddr() net.Addr  { return d.local }
func (d *duplex) RemoteAddr() net.Addr { return d.remote }

func (d *duplex) SetDeadline(t time.Time) error {
	d.readBy.set(t)
	d.writeBy.set(t)
	return nil
}

func (d *duplex) SetReadDeadline(t time.Time) error {
	d.readBy.set(t)
	return nil
}

func (d *duplex) SetWriteDeadline(t time.Time) error {
	d.writeBy.set(t)
	return nil
}

// stopTimers is for the end of the connection.
func (d *duplex) stopTimers() {
	d.readBy.set(time.Time{})
	d.writeBy.set(time.Time{})
}

// A deadline turns a time that can be moved into a channel that is closed once it has passed.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	change int           // counts calls of set, so that a late timer knows that it is not meant
	done   chan struct{} // made at first use
}

// set moves the deadline; the zero time means never. Who waits on the channel is woken by the new deadline too.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.change++
	if d.done == nil || isClosed(d.done) {
		d.done = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		close(d.done)
		return
	}
	change := d.change
	d.timer = time.AfterFunc(left, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.change == change {
			close(d.done)
		}
	})
}

// passed returns the channel for one call that may wait.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
	}
	return d.done
}

// An addr is an address that is no IP address and port.
type addr string

func (addr) Network() string  { return "rtmpt" }
func (a addr) String() string { return string(a) }

// parseAddr returns a *net.TCPAddr if s is one, as http.Request.RemoteAddr usually is.
func parseAddr(s string) net.Addr {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return net.TCPAddrFromAddrPort(a)
	}
	return addr(s)
}
