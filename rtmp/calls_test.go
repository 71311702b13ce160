package rtmp_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"leat/amf"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// callFunc answers calls by a function.
type callFunc func(ctx context.Context, c *rtmp.Conn, call *rtmp.Call) (any, error)

func (f callFunc) ServeCall(ctx context.Context, c *rtmp.Conn, call *rtmp.Call) (any, error) {
	return f(ctx, c, call)
}

// callServer is a server that answers calls.
type callServer struct {
	relay
	callFunc
}

// connServer tells of its connections, and answers nothing.
type connServer struct {
	relay
	conns chan *rtmp.Conn
}

func (s *connServer) ServeConnect(_ context.Context, r *rtmp.ConnectRequest) error {
	s.conns <- r.Conn
	return nil
}

// echo returns the arguments, or what the method's name asks for.
func echo(ctx context.Context, c *rtmp.Conn, call *rtmp.Call) (any, error) {
	switch call.Name {
	case "refuse":
		return nil, rtmp.Refuse(rtmp.CodeCallProhibited, "not for you")
	case "fail":
		return nil, errors.New("secret reason")
	case "impossible":
		return make(chan int), nil
	case "back":
		return c.Call(ctx, "echo", call.Args...)
	case "echo":
		return call.Args, nil
	}
	return nil, rtmp.Refuse(rtmp.CodeCallFailed, "Method not found (%s).", call.Name)
}

func TestCalls(t *testing.T) {
	for _, encoding := range []int{0, 3} {
		t.Run(fmt.Sprint("object encoding ", encoding), func(t *testing.T) {
			srv := rtmptest.NewServer(t, &callServer{callFunc: echo})
			c := srv.Dial(t, "/live", &rtmp.DialConfig{Handler: callFunc(echo), ObjectEncoding: encoding})
			args := []any{"a", 1.5, nil, true, amf.Undefined{}, []any{"b"}, amf.NewObject("k", "v")}
			for _, method := range []string{"echo", "back"} { // back: from the server to the client and back
				got, err := c.Call(t.Context(), method, args...)
				if err != nil || !reflect.DeepEqual(got, args) {
					t.Errorf("%s returned %v, %v", method, got, err)
				}
			}
			refusal := func(method string, code rtmp.Code, text string) {
				t.Helper()
				_, err := c.Call(t.Context(), method)
				if e, ok := errors.AsType[*rtmp.StatusError](err); !ok || !e.Remote || e.Code != string(code) || e.Description != text || e.Level != rtmp.LevelError {
					t.Errorf("%s returned %v", method, err)
				}
			}
			refusal("refuse", rtmp.CodeCallProhibited, "not for you")
			refusal("fail", rtmp.CodeCallFailed, "The server could not do this; its log says why.")
			refusal("impossible", rtmp.CodeCallFailed, "The result has no form that could be sent.")
			refusal("nonsense", rtmp.CodeCallFailed, "Method not found (nonsense).")

			// What only AMF3 has needs a peer that agreed to it.
			got, err := c.Call(t.Context(), "back", []byte{1, 2})
			switch _, noForm := errors.AsType[*amf.EncodeError](err); {
			case encoding == 0 && !noForm:
				t.Errorf("a byte array over AMF0: %v, %v", got, err)
			case encoding == 3 && (err != nil || !reflect.DeepEqual(got, []any{[]byte{1, 2}})):
				t.Errorf("a byte array over AMF3: %v, %v", got, err)
			}
		})
	}
}

// Neither end has methods: both say so, and only to who asked.
func TestCallsWithoutHandler(t *testing.T) {
	conns := make(chan *rtmp.Conn, 1)
	srv := rtmptest.NewServer(t, &connServer{conns: conns})
	c := srv.Dial(t, "/live", nil)
	for side, conn := range map[string]*rtmp.Conn{"server": c, "client": <-conns} {
		if err := conn.Notify("x"); err != nil {
			t.Fatal(err)
		}
		_, err := conn.Call(t.Context(), "x")
		if e, ok := errors.AsType[*rtmp.StatusError](err); !ok || e.Code != string(rtmp.CodeCallFailed) || e.Description != "Method not found (x)." {
			t.Errorf("the %s answered %v", side, err)
		}
	}
}

// hold answers when the test lets it.
type hold struct {
	begun   chan string
	release chan struct{}
}

func (h *hold) ServeCall(ctx context.Context, _ *rtmp.Conn, call *rtmp.Call) (any, error) {
	h.begun <- call.Name
	select {
	case <-h.release:
		return call.Name, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Answers find their calls in whatever order they come; a caller that stops to wait harms no other.
func TestCallTransactions(t *testing.T) {
	first, second := make(chan struct{}), make(chan struct{})
	srv := rtmptest.NewServer(t, &callServer{callFunc: func(_ context.Context, _ *rtmp.Conn, call *rtmp.Call) (any, error) {
		if call.Name == "first" {
			close(first)
			<-second
		}
		return call.Name, nil
	}})
	c := srv.Dial(t, "/live", nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	tired := errors.New("tired of waiting")
	given := make(chan error, 1)
	go func() {
		_, err := c.Call(ctx, "first")
		given <- err
	}()
	<-first
	if v, err := c.Call(t.Context(), "second"); v != "second" || err != nil {
		t.Errorf("the second call returned %v, %v", v, err)
	}
	cancel(tired)
	if err := <-given; !errors.Is(err, tired) {
		t.Errorf("the first call returned %v", err)
	}
	close(second) // its answer comes to nobody
	if v, err := c.Call(t.Context(), "third"); v != "third" || err != nil {
		t.Errorf("the third call returned %v, %v", v, err)
	}
}

// Each end bounds the calls that it makes and those that it serves.
func TestCallLimits(t *testing.T) {
	limits := rtmp.Limits{PendingCalls: 2}
	for _, test := range []struct {
		name           string
		client, server rtmp.Limits
		fromServer     bool
		tooMany        func(err error) bool
	}{
		{name: "client makes", client: limits, tooMany: isTooMany},
		{name: "server makes", server: limits, fromServer: true, tooMany: isTooMany},
		{name: "server serves", server: limits, tooMany: isRefused},
		{name: "client serves", client: limits, fromServer: true, tooMany: isRefused},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &hold{begun: make(chan string, 2), release: make(chan struct{})}
			conns := make(chan *rtmp.Conn, 1)
			srv := rtmptest.Start(t, &rtmp.Server{Handler: &holdServer{connServer: connServer{conns: conns}, hold: h}, Limits: test.server})
			c := srv.Dial(t, "/live", &rtmp.DialConfig{Handler: h, Limits: test.client})
			if server := <-conns; test.fromServer {
				c = server
			}
			var calls sync.WaitGroup
			for range 2 {
				calls.Go(func() {
					v, err := c.Call(t.Context(), "x")
					for isTooMany(err) { // while the ends measure their bandwidth
						v, err = c.Call(t.Context(), "x")
					}
					if v != "x" || err != nil {
						t.Errorf("a call within the limit returned %v, %v", v, err)
					}
				})
			}
			<-h.begun
			<-h.begun
			if _, err := c.Call(t.Context(), "y"); !test.tooMany(err) {
				t.Errorf("the third call returned %v", err)
			}
			close(h.release)
			calls.Wait()
			v, err := c.Call(t.Context(), "z")
			for isTooMany(err) {
				v, err = c.Call(t.Context(), "z")
			}
			if v != "z" || err != nil {
				t.Errorf("a call after them returned %v, %v", v, err)
			}
		})
	}
}

// holdServer is a connServer that answers as hold does.
type holdServer struct {
	connServer
	*hold
}

func isTooMany(err error) bool { return errors.Is(err, rtmp.ErrTooManyCalls) }

func isRefused(err error) bool {
	e, ok := errors.AsType[*rtmp.StatusError](err)
	return ok && e.Description == "Too many calls of this connection are under way."
}

// The end of the connection ends the calls of both ends.
func TestCallsEndWithConnection(t *testing.T) {
	h := &hold{begun: make(chan string, 2)}
	conns := make(chan *rtmp.Conn, 1)
	srv := rtmptest.NewServer(t, &holdServer{connServer: connServer{conns: conns}, hold: h})
	c := srv.Dial(t, "/live", &rtmp.DialConfig{Handler: h})
	ended := make(chan error, 2)
	for _, conn := range []*rtmp.Conn{c, <-conns} {
		go func() {
			_, err := conn.Call(t.Context(), "x")
			ended <- err
		}()
		<-h.begun
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("a call returned without an error")
		}
	}
}
