//go:build !unix

package rtmp

import "errors"

// rawSockets says that reads and writes on a socket's descriptor through syscall.RawConn work here. On Windows a
// descriptor is a handle that the runtime's poller drives by completion, so connections read and write the ordinary way.
const rawSockets = false

var errAgain = errors.New("rtmp: no access to the socket's descriptor on this system")

func readSocket(uintptr, []byte) (int, error) { return 0, errAgain }

func writeSome(uintptr, []byte) (int, error) { return 0, errAgain }
