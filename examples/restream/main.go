// Command restream publishes the FLV stream on its standard input to several RTMP servers at once. Each has a connection and a
// place in the stream of its own: one that is slow misses video up to a key frame, one that fails is given up, and the
// others notice neither.
//
//	ffmpeg -re -i film.mp4 -c copy -f flv - | go run ./examples/restream rtmp://one.example/live/KEY rtmps://two.example/app/KEY
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"sync"

	"leat/flv"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: restream rtmp://host/app/name... < FILE.flv")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	log.SetFlags(0)
	if err := restream(ctx, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func restream(ctx context.Context, urls []string) error {
	hub, key := live.NewHub(nil), media.Key{App: "restream", Name: "stdin"}
	defer hub.Close()
	var targets sync.WaitGroup
	for _, url := range urls {
		sub := hub.Subscribe(key, nil) // before the publisher: it gets everything from the first packet on
		targets.Go(func() {
			defer sub.Close()
			if err := publish(ctx, url, sub); err != nil {
				log.Printf("%s: %v", url, err)
				return
			}
			log.Printf("%s: published to the end", url)
		})
	}
	pub, err := hub.Publish(key, nil)
	if err != nil {
		return err
	}
	_, err = media.Copy(ctx, pub, flv.NewReader(os.Stdin))
	pub.Close(true)
	targets.Wait()
	return err
}

func publish(ctx context.Context, url string, from media.Reader) error {
	conn, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	pub, err := conn.Publish(ctx, "", nil) // "": the name in the URL
	if err != nil {
		return err
	}
	log.Printf("%s: publishing", url)
	_, err = media.Copy(ctx, pub, from)
	return errors.Join(err, pub.Close(), conn.Flush(ctx))
}
