package rtmptest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// sink is the handler under test: it counts what is published.
type sink struct{ packets chan int }

func (s sink) ServePublish(ctx context.Context, p *rtmp.PublishStream) error {
	n, err := media.Copy(ctx, nowhere{}, p)
	s.packets <- int(n)
	return err
}

func (sink) ServePlay(context.Context, *rtmp.PlayStream) error {
	return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "Nothing plays here.")
}

type nowhere struct{}

func (nowhere) WritePacket(context.Context, *media.Packet) error { return nil }

// A server and a client meet in memory. In a test NewServer and its Dial do the same in two lines.
func ExampleListener() {
	h := sink{make(chan int, 1)}
	l := rtmptest.NewListener()
	srv := &rtmp.Server{Handler: h, Logger: slog.New(slog.DiscardHandler)}
	served := make(chan error)
	go func() { served <- srv.Serve(l) }()

	ctx := context.Background()
	conn, err := rtmp.Dial(ctx, "rtmp://example.invalid/live/cam", &rtmp.DialConfig{Dial: l.DialContext})
	if err != nil {
		fmt.Println(err)
		return
	}
	pub, err := conn.Publish(ctx, "", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range mediatest.AVC(time.Second) {
		if err := pub.WritePacket(ctx, p); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(errors.Join(pub.Close(), conn.Flush(ctx), conn.Close()))
	fmt.Println(<-h.packets, "packets")
	fmt.Println(srv.Close(), <-served)
	// Output:
	// <nil>
	// 75 packets
	// <nil> rtmp: server closed
}

// A line breaks in the middle of a stream: what becomes of the publisher?
func ExampleFault() {
	l := rtmptest.NewListener()
	srv := &rtmp.Server{Handler: sink{make(chan int, 1)}, Logger: slog.New(slog.DiscardHandler)}
	served := make(chan error)
	go func() { served <- srv.Serve(l) }()
	defer func() { fmt.Println(srv.Close(), <-served) }()

	ctx := context.Background()
	conn, err := rtmp.Dial(ctx, "rtmp://example.invalid/live/cam", &rtmp.DialConfig{
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := l.Dial(ctx)
			if err != nil {
				return nil, err
			}
			return rtmptest.NewFault(c, rtmptest.FaultConfig{CutWrite: 8000}), nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	pub, err := conn.Publish(ctx, "", nil)
	for err == nil {
		err = pub.WritePacket(ctx, mediatest.Opus(time.Second)[1])
	}
	<-pub.Done()
	fmt.Println(errors.Is(conn.CloseReason(), syscall.ECONNRESET))
	// Output:
	// true
	// <nil> rtmp: server closed
}
