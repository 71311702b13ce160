//go:build !unix

package sockets

import "errors"

// canRaw says that Read and Write work here on what a syscall.RawConn gives. On Windows a
// descriptor is a handle that the runtime's poller drives by completion, so connections read and write the ordinary way.
const canRaw = false

// ErrAgain is what Read returns when there is nothing to read now.
var ErrAgain = errors.New("sockets: no access to the socket's descriptor on this system")

// Read is never called here.
func Read(uintptr, []byte) (int, error) { return 0, ErrAgain }

// Write is never called here.
func Write(uintptr, []byte) (int, error) { return 0, ErrAgain }
