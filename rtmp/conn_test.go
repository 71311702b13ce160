package rtmp

import (
	"log/slog"
	"net"
)

var discard = slog.New(slog.DiscardHandler)

// nopConn is a connection for tests that never touch it.
type nopConn struct{ net.Conn }
