package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"leat/rtmp/rtmptest"
)

// hosts is a network in memory: who listens where, by host and port. On it a verb can run in a bubble, where time is fake.
type hosts map[string]*rtmptest.Listener

func (h hosts) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l, ok := h[address]
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return l.Dial(ctx)
}

// runOn runs a verb on a network in memory.
func runOn(t *testing.T, h hosts, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &err, dial: h.dial})
	return code, out.String(), err.String()
}
