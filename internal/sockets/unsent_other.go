//go:build !linux

package sockets

// LimitUnsent does nothing on this system: its send buffer hides what it has not sent.
func LimitUnsent(uintptr, int) error { return nil }
