package bench

import (
	"net"
	"sync"
	"time"
)

// A tap is the network connection under the client that joins as a player. It shows everything that comes to look, and
// later takes the connection away from the client: the client's next Read waits until the tap is closed.
type tap struct {
	net.Conn
	look func([]byte)

	reading sync.Mutex // held during the client's Read

	mu    sync.Mutex
	taken bool
	over  chan struct{} // closed when a client that waits is to give up
	ended bool
}

func newTap(nc net.Conn, look func([]byte)) *tap {
	return &tap{Conn: nc, look: look, over: make(chan struct{})}
}

// Read is for the client. It never fills b, so that the client has no reason to make a larger one.
func (t *tap) Read(b []byte) (int, error) {
	t.reading.Lock()
	if t.isTaken() {
		t.reading.Unlock()
		<-t.over
		return 0, net.ErrClosed
	}
	defer t.reading.Unlock()
	n, err := t.Conn.Read(b[:max(len(b)-1, 1)])
	t.look(b[:n])
	return n, err
}

func (t *tap) isTaken() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.taken
}

// take ends the client's reading. Afterwards the connection below belongs to the caller, and all that the client has read
// was shown to look.
func (t *tap) take() error {
	t.mu.Lock()
	t.taken = true
	err := t.Conn.SetReadDeadline(time.Unix(1, 0))
	t.mu.Unlock()
	if err != nil {
		return err
	}
	t.reading.Lock()
	defer t.reading.Unlock()
	return t.Conn.SetReadDeadline(time.Time{})
}

// SetReadDeadline is for the client, which sets deadlines to end a Read.
func (t *tap) SetReadDeadline(at time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken {
		t.end()
		return nil
	}
	return t.Conn.SetReadDeadline(at)
}

// SetDeadline is SetReadDeadline for both directions.
func (t *tap) SetDeadline(at time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken {
		t.end()
		return nil
	}
	return t.Conn.SetDeadline(at)
}

// end lets a client that waits go. mu is held.
func (t *tap) end() {
	if !t.ended {
		t.ended = true
		close(t.over)
	}
}

// release lets the client go. It is called when the connection below has been closed.
func (t *tap) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = true
	t.end()
}

// Close is for the client, which may only close what was not taken.
func (t *tap) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.taken
	t.end()
	if taken {
		return nil
	}
	return t.Conn.Close()
}
