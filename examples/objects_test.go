package examples_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"

	"leat/internal/sharedobject"
	"leat/rtmp"
)

func TestCalls(t *testing.T) {
	var out bytes.Buffer
	start(t, pipes{out: &out}, "calls", "Ada").waitForEnd(t)
	want := "Hello, Ada! <nil>\n<nil> NetConnection.Call.Failed: There is no method \"dance\".\n"
	if out.String() != want {
		t.Errorf("calls printed\n%s\nwant\n%s", out.String(), want)
	}
}

// objectServer keeps shared objects, as leat does.
type objectServer struct{ *sharedobject.Objects }

func (objectServer) ServePublish(context.Context, *rtmp.PublishStream) error {
	return errors.ErrUnsupported
}

func (objectServer) ServePlay(context.Context, *rtmp.PlayStream) error { return errors.ErrUnsupported }

// Two chat one after the other, while somebody else listens and keeps the object alive.
func TestSharedObject(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	objects := sharedobject.New(sharedobject.Config{Logger: log})
	srv := &rtmp.Server{Handler: objectServer{objects}, Logger: log}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, rtmp.ErrServerClosed) {
			t.Error(err)
		}
		objects.Close()
	})
	h, err := objects.Open(sharedobject.Key{App: "live", Name: "chat"}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	url := "rtmp://" + l.Addr().String() + "/live/chat"
	for _, last := range []string{"<nil>", "bye"} {
		var out bytes.Buffer
		p := start(t, pipes{in: bytes.NewBufferString("hello\nbye\n"), out: &out}, "sharedobject", url)
		p.waitFor(t, "the last line was "+last)
		p.waitForEnd(t)
		if out.String() != "hello\nbye\n" {
			t.Errorf("a chatter saw %q", out.String())
		}
	}
}
