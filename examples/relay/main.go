// Command relay plays a stream from one RTMP server and publishes it to another, untouched, until it ends.
//
//	go run ./examples/relay rtmp://localhost/live/film rtmp://example.com/live/film
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"

	"leat/media"
	"leat/rtmp"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: relay rtmp://from/app/name rtmp://to/app/name")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := relay(ctx, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

// relay is a whole relay in twenty lines.
func relay(ctx context.Context, from, to string) error {
	source, err := rtmp.Dial(ctx, from, nil)
	if err != nil {
		return err
	}
	defer source.Close()
	player, err := source.Play(ctx, "", nil) // "": the name in the URL
	if err != nil {
		return err
	}
	target, err := rtmp.Dial(ctx, to, nil)
	if err != nil {
		return err
	}
	defer target.Close()
	pub, err := target.Publish(ctx, "", nil)
	if err != nil {
		return err
	}
	_, err = media.Copy(ctx, pub, player)
	return errors.Join(err, pub.Close(), target.Flush(ctx))
}
