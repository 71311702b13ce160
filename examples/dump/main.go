// Command dump saves a stream as rtmpdump does: by an address with the options of librtmp, into a file that knows its length.
//
//	go run ./examples/dump "rtmp://localhost/live/studio live=1" studio.flv
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
	if len(os.Args) != 3 {
		log.Fatal(`usage: dump "rtmp://host/app/name option=value..." FILE.flv`)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	log.SetFlags(0)
	if err := dump(ctx, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func dump(ctx context.Context, text, name string) error {
	o, err := rtmp.ParseOptions(text)
	if err != nil {
		return err
	}
	conn, err := rtmp.DialURL(ctx, o.URL, &rtmp.DialConfig{
		Player: true, FlashVer: o.FlashVer, SWFURL: o.SWFURL, PageURL: o.PageURL, Args: o.Conn, Token: o.Token,
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	play := &rtmp.PlayOptions{Start: o.Start, BufferLength: o.Buffer}
	if o.Live {
		play.Start = rtmp.StartLive
	} else if o.Stop > o.Start {
		play.Duration = o.Stop - o.Start
	}
	player, err := conn.Play(ctx, "", play)
	if err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	log.Printf("saving %s", name)
	w := flv.NewWriter(file)
	n, err := media.Copy(ctx, w, player)
	log.Printf("%d packets saved", n)
	if errors.Is(err, context.Canceled) {
		err = nil // interrupted: what has come is a whole file
	}
	return errors.Join(err, w.Close(), file.Close())
}
