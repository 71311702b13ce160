//go:build !unix

package bench

import (
	"net"
	"time"
)

// A descriptor is a socket whose reads hardly wait.
type descriptor struct{ net.Conn }

// shortest is how long a read looks for something.
const shortest = time.Millisecond

// detach makes a descriptor of nc.
func detach(nc net.Conn) (*descriptor, error) { return &descriptor{nc}, nil }

// Read reads what has come, and returns os.ErrDeadlineExceeded when that is nothing.
func (d *descriptor) Read(b []byte) (int, error) {
	if err := d.SetReadDeadline(time.Now().Add(shortest)); err != nil {
		return 0, err
	}
	return d.Conn.Read(b)
}
