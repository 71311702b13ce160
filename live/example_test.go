package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"leat/live"
	"leat/media"
)

// queue is a media.Reader of packets that are there already.
type queue []*media.Packet

func (q *queue) ReadPacket(context.Context) (*media.Packet, error) {
	if len(*q) == 0 {
		return nil, io.EOF
	}
	p := (*q)[0]
	*q = (*q)[1:]
	return p, nil
}

// printer is a media.Writer that prints a line for each packet.
type printer struct{ w io.Writer }

func (p printer) WritePacket(_ context.Context, pkt *media.Packet) error {
	what := "frame"
	switch {
	case pkt.Config:
		what = "header"
	case pkt.Key:
		what = "key frame"
	}
	_, err := fmt.Fprintln(p.w, pkt.Timestamp, pkt.Kind, what)
	return err
}

// camera returns a header and frames, with a key frame every third frame.
func camera() *queue {
	q := queue{{Kind: media.Video, Codec: media.CodecAVC, Config: true, Body: []byte("configuration")}}
	for n := range 5 {
		q = append(q, &media.Packet{
			Kind: media.Video, Codec: media.CodecAVC, Key: n%3 == 0,
			Timestamp: time.Duration(n) * 40 * time.Millisecond,
			Body:      []byte("picture"),
		})
	}
	return &q
}

// A server is mostly a copy between a publisher, the hub and whoever wants the stream.
func Example() {
	ctx := context.Background()
	hub := live.NewHub(nil)
	defer hub.Close()
	key := media.Key{App: "live", Name: "mill"}

	pub, err := hub.Publish(key, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := media.Copy(ctx, pub, camera()); err != nil {
		fmt.Println(err)
		return
	}

	// A newcomer begins at the newest key frame, with the headers in force there.
	sub := hub.Subscribe(key, nil)
	defer sub.Close()
	pub.Close(true)
	n, err := media.Copy(ctx, printer{os.Stdout}, sub)
	fmt.Println(n, err)
	// Output:
	// 120ms video header
	// 120ms video key frame
	// 160ms video frame
	// 3 <nil>
}

// A subscription that follows outlives the publishers of its stream and hears of them.
func ExampleSubscription_Next() {
	ctx := context.Background()
	hub := live.NewHub(nil)
	key := media.Key{App: "live", Name: "mill"}
	sub := hub.Subscribe(key, &live.SubscribeOptions{Name: "archive", Follow: true, Lossless: 64 << 20})
	defer sub.Close()

	for range 2 {
		pub, err := hub.Publish(key, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := media.Copy(ctx, pub, camera()); err != nil {
			fmt.Println(err)
			return
		}
		pub.Close(true)
		for published := true; published; {
			item, err := sub.Next(ctx)
			if err != nil {
				fmt.Println(err)
				return
			}
			switch {
			case item.Packet == nil:
				fmt.Println(item.Event)
				published = item.Event != live.EventUnpublished
			case item.Packet.Key:
				fmt.Println("key frame at", item.Packet.Timestamp)
			}
		}
	}
	hub.Close()
	_, err := sub.Next(ctx)
	fmt.Println(errors.Is(err, io.EOF))
	// Output:
	// published
	// key frame at 0s
	// key frame at 120ms
	// unpublished
	// published
	// key frame at 200ms
	// key frame at 320ms
	// unpublished
	// true
}

// A reader that only hands packets on reads them on the publisher's goroutine, and is woken for the end.
func ExampleSubscribeOptions_direct() {
	ctx := context.Background()
	hub := live.NewHub(nil)
	defer hub.Close()
	key := media.Key{App: "live", Name: "mill"}

	var reading sync.Mutex
	var sub *live.Subscription
	read := func() error { // all there is
		for {
			item, ok, err := sub.TryNext()
			if !ok {
				return err
			}
			if item.Packet != nil {
				fmt.Println(item.Number, item.Packet.Timestamp)
			}
		}
	}
	sub = hub.Subscribe(key, &live.SubscribeOptions{Direct: func() bool {
		if !reading.TryLock() { // the other goroutine reads, and is to look once more
			return false
		}
		defer reading.Unlock()
		return read() == nil
	}})
	defer sub.Close()

	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			reading.Lock()
			err := read()
			reading.Unlock()
			if err != nil || sub.Wait(ctx) != nil {
				fmt.Println(err)
				return
			}
		}
	})
	pub, err := hub.Publish(key, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := media.Copy(ctx, pub, camera()); err != nil {
		fmt.Println(err)
	}
	pub.Close(true)
	reader.Wait()
	// Output:
	// 1 0s
	// 2 0s
	// 3 40ms
	// 4 80ms
	// 5 120ms
	// 6 160ms
	// EOF
}

func ExampleHub_Publish() {
	hub := live.NewHub(&live.Config{Policy: live.PolicyReject})
	defer hub.Close()
	key := media.Key{App: "live", Name: "mill"}
	pub, err := hub.Publish(key, nil)
	fmt.Println(err)
	_, err = hub.Publish(key, nil)
	fmt.Println(err, errors.Is(err, live.ErrBusy))

	// The name is free as soon as its publisher has closed.
	pub.Close(false)
	_, err = hub.Publish(key, nil)
	fmt.Println(err)
	// Output:
	// <nil>
	// publish live/mill: live: stream has a publisher true
	// <nil>
}

func ExampleHub_Streams() {
	hub := live.NewHub(nil)
	defer hub.Close()
	pub, err := hub.Publish(media.Key{App: "live", Name: "mill"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pub.Close(true)
	if _, err := media.Copy(context.Background(), pub, camera()); err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range hub.Streams() {
		fmt.Println(s.Key, s.Publisher.Packets, s.Publisher.Bytes)
		for _, t := range s.Publisher.Tracks {
			fmt.Println(t.Kind, t.Codec, s.Publisher.KeyInterval)
		}
	}
	// Output:
	// live/mill 6 48
	// video avc1 120ms
}
