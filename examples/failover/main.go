// Command failover relays a stream that several servers have: it plays from the first, from the next one when that fails, and
// publishes all of it to the last as one stream, whose timestamps go on.
//
//	go run ./examples/failover rtmp://one.example/live/film rtmp://two.example/live/film rtmp://localhost/live/film
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"sync"
	"time"

	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// key is what the stream is called in the hub, which puts what comes from the origins on one timeline.
var key = media.Key{App: "failover", Name: "stream"}

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: failover rtmp://origin/app/name... rtmp://target/app/name")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	log.SetFlags(0)
	last := len(os.Args) - 1
	if err := relay(ctx, os.Args[1:last], os.Args[last]); err != nil {
		log.Fatal(err)
	}
}

func relay(ctx context.Context, origins []string, target string) error {
	hub := live.NewHub(&live.Config{PublisherGrace: time.Minute}) // for which the target waits for an origin
	defer hub.Close()
	sub := hub.Subscribe(key, nil)
	defer sub.Close()
	ctx, cancel := context.WithCancel(ctx)
	var fetching sync.WaitGroup
	fetching.Go(func() { fetch(ctx, hub, origins) })
	err := publish(ctx, sub, target)
	cancel()
	fetching.Wait()
	return err
}

// fetch plays from one origin after the other, until the stream is over.
func fetch(ctx context.Context, hub *live.Hub, origins []string) {
	for i := 0; ctx.Err() == nil; i++ {
		url := origins[i%len(origins)]
		err := play(ctx, hub, url)
		if err == nil {
			return // the stream has ended at the origin: no failure
		}
		log.Printf("%s failed: %v", url, err)
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func play(ctx context.Context, hub *live.Hub, url string) (err error) {
	conn, err := rtmp.Dial(ctx, url, &rtmp.DialConfig{Player: true, Timeout: 3 * time.Second})
	if err != nil {
		return err
	}
	defer conn.Close()
	player, err := conn.Play(ctx, "", nil)
	if err != nil {
		return err
	}
	pub, err := hub.Publish(key, nil)
	if err != nil {
		return err
	}
	defer func() { pub.Close(err == nil) }() // after an error the target waits for the next origin
	log.Printf("playing %s", url)
	_, err = media.Copy(ctx, pub, player)
	return err
}

func publish(ctx context.Context, from media.Reader, url string) error {
	conn, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	pub, err := conn.Publish(ctx, "", nil)
	if err != nil {
		return err
	}
	_, err = media.Copy(ctx, pub, from)
	return errors.Join(err, pub.Close(), conn.Flush(ctx))
}
