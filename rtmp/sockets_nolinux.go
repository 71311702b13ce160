//go:build !linux

package rtmp

// limitUnsent has no effect on this system: the kernel's send buffer hides what it has not sent.
func (c *Conn) limitUnsent() {}
