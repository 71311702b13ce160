// Command publisher sends an FLV file from standard input to an RTMP server, as fast as it is meant to be seen.
//
//	go run ./examples/publisher rtmp://localhost/live/film < film.flv
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"time"

	"leat/flv"
	"leat/media"
	"leat/rtmp"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: publisher rtmp://host/app/name < FILE.flv")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := publish(ctx, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func publish(ctx context.Context, url string) error {
	conn, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	pub, err := conn.Publish(ctx, "", nil) // "": the name in the URL
	if err != nil {
		return err
	}
	if _, err := media.Copy(ctx, &pace{to: pub, start: time.Now()}, flv.NewReader(os.Stdin)); err != nil {
		return err
	}
	if err := pub.Close(); err != nil {
		return err
	}
	return conn.Flush(ctx) // until the last frame is on its way
}

// pace passes each packet on at its time.
type pace struct {
	to    media.Writer
	start time.Time
}

// WritePacket blocks until the packet is due.
func (p *pace) WritePacket(ctx context.Context, pkt *media.Packet) error {
	select {
	case <-time.After(time.Until(p.start.Add(pkt.Timestamp))):
		return p.to.WritePacket(ctx, pkt)
	case <-ctx.Done():
		return ctx.Err()
	}
}
