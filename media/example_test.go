package media_test

import (
	"context"
	"fmt"
	"io"
	"time"

	"leat/media"
)

// clip is a media.Reader of packets that are there already.
type clip []*media.Packet

func (c *clip) ReadPacket(context.Context) (*media.Packet, error) {
	if len(*c) == 0 {
		return nil, io.EOF
	}
	p := (*c)[0]
	*c = (*c)[1:]
	return p, nil
}

// keyFrames is a media.Writer that passes on what a slide show needs.
type keyFrames struct{ to media.Writer }

func (k keyFrames) WritePacket(ctx context.Context, p *media.Packet) error {
	if p.Kind != media.Video || !p.Config && !p.Key {
		return nil
	}
	return k.to.WritePacket(ctx, p)
}

// counter is a media.Writer, too.
type counter struct{ packets, bytes int }

func (c *counter) WritePacket(_ context.Context, p *media.Packet) error {
	c.packets++
	c.bytes += len(p.Body)
	return nil
}

// Readers and writers combine as those of package io do.
func ExampleCopy() {
	src := &clip{
		{Kind: media.Video, Codec: media.CodecAVC, Config: true, Body: make([]byte, 50)},
		{Kind: media.Video, Codec: media.CodecAVC, Key: true, Body: make([]byte, 9000)},
		{Kind: media.Audio, Codec: media.CodecAAC, Body: make([]byte, 300)},
		{Kind: media.Video, Codec: media.CodecAVC, Timestamp: 40 * time.Millisecond, Body: make([]byte, 700)},
	}
	var dst counter
	n, err := media.Copy(context.Background(), keyFrames{&dst}, src)
	fmt.Println(n, "packets read,", err)
	fmt.Println(dst.packets, "packets of", dst.bytes, "bytes passed on")
	// Output:
	// 4 packets read, <nil>
	// 2 packets of 9050 bytes passed on
}

// Headers keeps what a late joiner needs before the first frame.
func ExampleHeaders() {
	var h media.Headers
	h.Apply(&media.Packet{Kind: media.Audio, Codec: media.CodecAAC, Config: true, Body: []byte{0xaf, 0, 0x11, 0x90}})
	h.Apply(&media.Packet{Kind: media.Audio, Codec: media.CodecAAC, Body: []byte{0xaf, 1, 0x21}})
	h.Apply(&media.Packet{Kind: media.Data, Name: media.NameMetadata, Config: true, Body: []byte("…")})
	for _, p := range h.Packets() {
		fmt.Println(p.Kind, p.Codec, p.Name)
	}
	// Output:
	// data  onMetaData
	// audio mp4a
}

func ExampleKey() {
	fmt.Println(media.Key{App: "live", Name: "mill"})
	fmt.Println(media.Key{App: "live", Instance: "eu", Name: "mill"})
	// Output:
	// live/mill
	// live/eu/mill
}

// The protocol's clock has 32 bits of milliseconds, and wraps after 49 days.
func ExampleTimeline() {
	var line media.Timeline
	for _, ts := range []uint32{4294967256, 4294967276, 0, 20} {
		at := line.Unwrap(ts)
		fmt.Println(ts, at, media.WireTime(at) == ts)
	}
	// Output:
	// 4294967256 1193h2m47.256s true
	// 4294967276 1193h2m47.276s true
	// 0 1193h2m47.296s true
	// 20 1193h2m47.316s true
}

func ExampleParseFourCC() {
	codec, ok := media.ParseFourCC("hvc1")
	fmt.Println(codec, codec == media.CodecHEVC, ok)
	// Output: hvc1 true true
}
