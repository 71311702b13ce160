package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"leat/internal/diagnose"
	"leat/rtmp"
)

const (
	maxTraced   = 64               // connections at once; more wait in the system's queue
	dialTimeout = 10 * time.Second // to reach the server
	slowWrite   = 3 * time.Second  // after which a side counts as one that does not read
	deadWrite   = 2 * time.Minute  // after which it is given up
)

// tracer is a proxy that listens in.
type tracer struct {
	cmd    *traceCommand
	target *rtmp.URL
	out    *diagnose.Output
	begun  time.Time

	mu      sync.Mutex // guards capture
	capture *diagnose.CaptureWriter
	broken  error // why nothing is recorded any more
}

func (c *traceCommand) proxy(ctx context.Context, std streams, out *diagnose.Output) (err error) {
	target, err := rtmp.ParseURL(c.To)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if target.Tunneled() {
		return &exitError{exitUsage, fmt.Errorf("leat trace cannot follow %s: it passes the bytes of rtmp:// and rtmps:// on", target.Scheme)}
	}
	t := &tracer{cmd: c, target: target, out: out, begun: time.Now()}
	if c.Record != "" {
		f, err := os.OpenFile(c.Record, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it holds secrets
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if t.capture, err = diagnose.NewCaptureWriter(f); err != nil {
			return err
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address for --listen, or end what listens there", c.Listen, err)
	}
	if _, err := fmt.Fprintf(std.err, "leat: listening on %s, passing on to %s; end with Ctrl-C\n", l.Addr(), target.Address()); err != nil {
		return errors.Join(err, l.Close())
	}
	return errors.Join(t.serve(ctx, l), t.broken, out.Err())
}

// serve accepts until ctx is done, and returns when all connections have ended.
func (t *tracer) serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // Accept says so
	defer stop()
	var conns sync.WaitGroup
	defer conns.Wait()
	defer cancel()
	room := make(chan struct{}, maxTraced)
	for id := uint64(1); ; id++ {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		nc, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		conns.Go(func() {
			defer func() { <-room }()
			(&traced{tracer: t, id: id, begun: time.Now(), printer: t.cmd.printer(t.out, id)}).run(ctx, nc)
		})
	}
}

// record saves a piece; what does not fit one record becomes several.
func (t *tracer) record(typ diagnose.RecordType, conn uint64, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.capture == nil || t.broken != nil {
		return
	}
	if err := t.capture.Write(diagnose.Record{Type: typ, Conn: conn, At: time.Since(t.begun), Data: b}); err != nil {
		t.broken = fmt.Errorf("nothing is recorded any more: %w", err)
	}
}

// traced is one connection.
type traced struct {
	*tracer
	id    uint64
	begun time.Time

	mu      sync.Mutex // guards printer: both directions feed it
	printer *diagnose.Printer
}

// run passes bytes on until both sides have ended. It closes nc.
func (c *traced) run(ctx context.Context, nc net.Conn) {
	who := fmt.Sprintf("from %s to %s", nc.RemoteAddr(), c.target.Address())
	c.printer.Begin(who)
	c.record(diagnose.RecordOpened, c.id, []byte(who))
	how := c.pass(ctx, nc)
	c.record(diagnose.RecordClosed, c.id, []byte(how))
	c.printer.End(time.Since(c.begun), how)
}

// pass returns how the connection ended.
func (c *traced) pass(ctx context.Context, client net.Conn) string {
	server, err := c.dial(ctx)
	if err != nil {
		return errors.Join(err, client.Close()).Error()
	}
	stop := context.AfterFunc(ctx, func() { _ = errors.Join(client.Close(), server.Close()) })
	defer stop()
	var both sync.WaitGroup
	var first sync.Once
	how := ""
	for from, pair := range [2][2]net.Conn{diagnose.FromClient: {client, server}, diagnose.FromServer: {server, client}} {
		both.Go(func() {
			err := c.copy(diagnose.Direction(from), pair[1], pair[0])
			first.Do(func() { how = endText(diagnose.Direction(from), err) })
			if err != nil {
				_ = errors.Join(client.Close(), server.Close()) // wakes the other direction
				return
			}
			if half, ok := pair[1].(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
				_ = pair[0].SetReadDeadline(time.Now().Add(dialTimeout))
				_ = pair[1].SetReadDeadline(time.Now().Add(dialTimeout)) // for the last answers
				return
			}
			_ = errors.Join(client.Close(), server.Close())
		})
	}
	both.Wait()
	_ = errors.Join(client.Close(), server.Close()) // closed already, or nobody is there to hear of it
	if ctx.Err() != nil {
		return "leat trace was ended"
	}
	return how
}

func endText(from diagnose.Direction, err error) string {
	if err == nil {
		return fmt.Sprintf("the %v closed the connection", from)
	}
	return fmt.Sprintf("the connection broke while the %v was read: %v", from, err)
}

// copy returns nil when src has ended.
func (c *traced) copy(from diagnose.Direction, dst, src net.Conn) error {
	typ := diagnose.RecordClient
	if from == diagnose.FromServer {
		typ = diagnose.RecordServer
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			at := time.Since(c.begun)
			c.record(typ, c.id, buf[:n])
			c.feed(from, at, buf[:n])
			if err := c.write(from, dst, buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *traced) feed(from diagnose.Direction, at time.Duration, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.printer.Feed(from, at, b)
}

// write passes bytes on, and says when the other side does not take them.
func (c *traced) write(from diagnose.Direction, dst net.Conn, b []byte) error {
	begun := time.Now()
	if err := dst.SetWriteDeadline(begun.Add(deadWrite)); err != nil {
		return err
	}
	_, err := dst.Write(b)
	if took := time.Since(begun); took > slowWrite {
		other := 1 - from
		c.mu.Lock()
		defer c.mu.Unlock()
		c.printer.Report(time.Since(c.begun), diagnose.NotReading, other,
			fmt.Sprintf("the %v read nothing for %v, and the %v had to wait: it, or the network to it, is too slow", other, took.Round(100*time.Millisecond), from))
	}
	return err
}

// dial opens the connection to the server.
func (c *traced) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return dialPlain(ctx, c.target, c.cmd.Insecure)
}

// dialPlain opens what carries the bytes of RTMP: TCP, and TLS if the URL says so. Its errors are for the user.
func dialPlain(ctx context.Context, u *rtmp.URL, insecure bool) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", u.Address())
	if err != nil {
		return nil, notConnected(&rtmp.DialError{Step: "connecting", Addr: u.Address(), Err: err})
	}
	if !u.TLS() {
		return nc, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Host, InsecureSkipVerify: insecure} //nolint:gosec // asked for by a flag
	tc := tls.Client(nc, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(notConnected(&rtmp.DialError{Step: "TLS", Addr: u.Address(), Err: err}), nc.Close())
	}
	return tc, nil
}

func notConnected(e *rtmp.DialError) error {
	return fmt.Errorf("cannot connect to %s: %s", e.Addr, explainDial(e))
}
