//go:build !linux

package sockets

import "net"

// Loop is not to be had on this system; see NewLoop.
type Loop struct{}

// NewLoop returns ErrUnsupported.
func NewLoop() (*Loop, error) { return nil, ErrUnsupported }

// Use is never called.
func (*Loop) Use() bool { return false }

// Release is never called.
func (*Loop) Release() {}

// Wait is never called.
func (*Loop) Wait() {}

// Adopt is never called.
func (*Loop) Adopt(*net.TCPConn) (*Socket, error) { return nil, ErrUnsupported }

// Socket does not exist. None of its methods is ever called.
type Socket struct{}

// Start is never called.
func (*Socket) Start(Owner) error { return ErrUnsupported }

// Wake is never called.
func (*Socket) Wake() {}

// Quick is never called.
func (*Socket) Quick() error { return ErrUnsupported }

// Patient is never called.
func (*Socket) Patient(bool) error { return ErrUnsupported }

// FD is never called.
func (*Socket) FD() uintptr { return 0 }

// Hand is never called.
func (*Socket) Hand(Owner) {}

// Control is never called.
func (*Socket) Control(func(fd uintptr)) error { return ErrUnsupported }

// TryWrite is never called.
func (*Socket) TryWrite([]byte) (int, error) { return 0, ErrUnsupported }

// AwaitRoom is never called.
func (*Socket) AwaitRoom() error { return ErrUnsupported }

// CloseWrite is never called.
func (*Socket) CloseWrite() error { return ErrUnsupported }

// Close is never called.
func (*Socket) Close() error { return ErrUnsupported }

// Detach is never called.
func (*Socket) Detach() (net.Conn, error) { return nil, ErrUnsupported }

// LocalAddr is never called.
func (*Socket) LocalAddr() net.Addr { return nil }

// RemoteAddr is never called.
func (*Socket) RemoteAddr() net.Addr { return nil }
