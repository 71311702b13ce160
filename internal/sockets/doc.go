// Package sockets reads and writes descriptors without waiting, and waits for many of them at once.
//
// A goroutine for each connection that waits costs memory (its stack, its entry in the runtime's poller) and time: each time that something
// comes, a stack that has long left the cache is fetched again. A Loop waits for all sockets together, and calls the owner of one when it can
// be read.
//
// To be woken costs as much as to read, so a Loop is woken less often than something comes: under load it looks once a millisecond, and those
// who can wait (Socket.Patient) are looked after every 50 ms.
//
// Systems without epoll have no Loop (ErrUnsupported). There, and for connections that are dialled, a goroutine waits for each, and uses Read
// and Write of this package by way of a syscall.RawConn. A connection inside TLS is read by a goroutine, too, and written to without one (Sealed).
package sockets

import "errors"

// Owner is who reads a Socket and writes to it.
type Owner interface {
	// Readable is called when there may be something to read. It reads until there is nothing: until a Read brings ErrAgain or, unless
	// over is set, less than there was room for. With over set the end is there, which no event tells of again. It is not called while it
	// runs, and it may block. When it returns false it is never called again: the socket is to be closed or detached.
	Readable(over bool) (more bool)
	// Writable is called when there is room to write again, and perhaps at other times until Close. It must not block.
	Writable()
}

// ErrUnsupported is what NewLoop returns where there is none.
var ErrUnsupported = errors.ErrUnsupported
