package rtmp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"leat/flv"
	"leat/live"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// archive is a server that counts what is published, and tells of each stream when it has ended.
type archive chan string

// ServePublish reads until the client ends the stream.
func (a archive) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	n, err := media.Copy(ctx, nowhere{}, s)
	a <- fmt.Sprint(s.Key(), ": ", n, " packets")
	return err
}

// ServePlay plays nothing.
func (archive) ServePlay(context.Context, *rtmp.PlayStream) error {
	return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "Nothing plays here.")
}

// publish sends a stream to one server, to its end.
func publish(ctx context.Context, url string, dial *rtmp.DialConfig, from media.Reader) error {
	conn, err := rtmp.Dial(ctx, url, dial)
	if err != nil {
		return err
	}
	pub, err := conn.Publish(ctx, "", nil)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	_, err = media.Copy(ctx, pub, from)
	return errors.Join(err, pub.Close(), conn.Flush(ctx), conn.Close())
}

// One stream goes to several servers: each has a place of its own in it, so that none waits for another.
func ExampleConn_Publish_severalTargets() {
	one, two := make(archive, 1), make(archive, 1)
	ctx, key := context.Background(), media.Key{App: "live", Name: "studio"}
	hub := live.NewHub(nil)
	defer hub.Close()
	var targets sync.WaitGroup
	for _, a := range []archive{one, two} {
		dial, end := serve(a)
		defer end()
		sub := hub.Subscribe(key, nil) // before the publisher: it gets everything from the first packet on
		targets.Go(func() {
			defer sub.Close()
			if err := publish(ctx, "rtmp://example.invalid/live/studio", dial, sub); err != nil {
				fmt.Println(err)
			}
		})
	}
	pub, err := hub.Publish(key, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range mediatest.AVC(200 * time.Millisecond) {
		if err := pub.WritePacket(ctx, p); err != nil {
			fmt.Println(err)
		}
	}
	pub.Close(true)
	targets.Wait()
	fmt.Println("one:", <-one)
	fmt.Println("two:", <-two)
	// Output:
	// one: live/studio: 18 packets
	// two: live/studio: 18 packets
}

// A relay is a Player that is copied to a Publisher, packet by packet as they are.
func ExampleConn_Play_relay() {
	from, endFrom := serveLobby()
	defer endFrom()
	target := make(archive, 1)
	to, endTo := serve(target)
	defer endTo()
	ctx := context.Background()
	conn, err := rtmp.Dial(ctx, "rtmp://from.invalid/live/clip", from)
	if err != nil {
		fmt.Println(err)
		return
	}
	player, err := conn.Play(ctx, "", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := errors.Join(publish(ctx, "rtmp://to.invalid/copies/clip", to, player), conn.Close()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(<-target)
	// Output: copies/clip: 18 packets
}

// What rtmpdump does: an address with its options, asked for as librtmp asks, saved as FLV. Data messages of the
// server itself, such as onStatus, are among the packets.
func ExamplePlayOptions_librtmp() {
	dial, end := serveLobby()
	defer end()
	ctx := context.Background()
	o, err := rtmp.ParseOptions(`rtmp://example.invalid/live/clip conn=S:me live=1`)
	if err != nil {
		fmt.Println(err)
		return
	}
	dial.Player, dial.Args, dial.Token = true, o.Conn, o.Token
	conn, err := rtmp.DialURL(ctx, o.URL, dial)
	if err != nil {
		fmt.Println(err)
		return
	}
	play := &rtmp.PlayOptions{Start: o.Start, BufferLength: o.Buffer, LibRTMP: &rtmp.LibRTMPPlay{}}
	if o.Live {
		play.Start = rtmp.StartLive
	}
	player, err := conn.Play(ctx, "", play)
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	w := flv.NewWriter(&file)
	n, err := media.Copy(ctx, w, player)
	if err := errors.Join(err, w.Close(), conn.Close()); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%d packets in a file that begins with %q\n", n, file.Next(3))
	// Output: 20 packets in a file that begins with "FLV"
}
