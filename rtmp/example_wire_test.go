package rtmp_test

import (
	"context"
	"fmt"
	"time"

	"leat/media"
	"leat/rtmp"
)

// What rtmpdump takes in one text.
func ExampleParseOptions() {
	o, err := rtmp.ParseOptions(`rtmp://media.example.com/vod/dir/clip.mp4 conn=S:me buffer=5000 start=90000 token=a\20b`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(o.URL.App, o.URL.Name)
	fmt.Println(o.Conn, o.Buffer, o.Start)
	fmt.Printf("%q\n", o.Token)
	_, err = rtmp.ParseOptions("rtmp://media.example.com/live/studio live=1 colour=red")
	fmt.Println(err)
	// Output:
	// vod/dir mp4:clip
	// [me] 5s 1m30s
	// "a b"
	// rtmp: option "colour": there is no such option
}

// A stream key may hold parameters, such as a token.
func ExampleSplitName() {
	name, query, err := rtmp.SplitName("studio?token=s3cret&lang=en")
	if err != nil {
		fmt.Println(err)
		return
	}
	token, ok := rtmp.QueryValue(query, "token")
	fmt.Println(name, token, ok)
	// Output: studio s3cret true
}

// A packet as it goes over the wire: a chunk header of format 0, and the body in chunks of at most 128 bytes.
func ExampleEncoder() {
	e := rtmp.Encoder{StreamID: 1, ChunkSize: 128}
	b := e.Append(nil, &media.Packet{
		Kind: media.Audio, Codec: media.CodecAAC, Timestamp: time.Second, Body: make([]byte, 200),
	})
	fmt.Printf("% x and 128 bytes\n", b[:12])
	fmt.Printf("% x and %d bytes\n", b[12+128:12+128+1], len(b)-12-128-1)
	// Output:
	// 04 00 03 e8 00 00 c8 08 01 00 00 00 and 128 bytes
	// c4 and 72 bytes
}

// A Trace is told what happens on a connection, here of what the server answers to play.
func ExampleTrace() {
	dial, end := serveLobby()
	defer end()
	dial.Trace = &rtmp.Trace{
		Received: func(m rtmp.TraceMessage) {
			if m.StreamID != 0 && m.Type == 9 {
				fmt.Println("video at", m.Timestamp, "ms in", len(m.Body), "bytes")
			}
		},
		Closed: func(r *rtmp.CloseReason) { fmt.Println("the connection was ended by the side", r.Side) },
	}
	ctx := context.Background()
	conn, err := rtmp.Dial(ctx, "rtmp://example.invalid/live/clip", dial)
	if err != nil {
		fmt.Println(err)
		return
	}
	player, err := conn.Play(ctx, "", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := media.Copy(ctx, nowhere{}, player); err != nil {
		fmt.Println(err)
	}
	if err := conn.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// video at 0 ms in 51 bytes
	// video at 0 ms in 403 bytes
	// video at 40 ms in 36 bytes
	// video at 80 ms in 19 bytes
	// video at 120 ms in 18 bytes
	// video at 160 ms in 39 bytes
	// the connection was ended by the side local
}
