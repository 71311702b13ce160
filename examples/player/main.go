// Command player writes what an RTMP server plays to standard output, as an FLV file, until the stream ends.
//
//	go run ./examples/player rtmp://localhost/live/film > film.flv
//	go run ./examples/player rtmp://localhost/live/film | ffplay -
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"

	"leat/flv"
	"leat/media"
	"leat/rtmp"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: player rtmp://host/app/name > FILE.flv")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := play(ctx, os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func play(ctx context.Context, url string) error {
	conn, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	player, err := conn.Play(ctx, "", nil) // "": the name in the URL
	if err != nil {
		return err
	}
	log.Printf("playing %s", url)
	file := flv.NewWriter(os.Stdout)
	n, err := media.Copy(ctx, file, player)
	log.Printf("received %d packets", n)
	if errors.Is(err, context.Canceled) {
		err = nil // interrupted: what has come is a whole file
	}
	return errors.Join(err, file.Close())
}
