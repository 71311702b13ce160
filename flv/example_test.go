package flv_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"leat/flv"
	"leat/media"
	"leat/media/mediatest"
)

// A stream is written to a file and read again.
func Example() {
	ctx := context.Background()
	var file bytes.Buffer
	w := flv.NewWriter(&file)
	for _, p := range mediatest.AVC(40 * time.Millisecond) {
		if err := w.WritePacket(ctx, p); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
		return
	}

	n, err := media.Copy(ctx, printer{}, flv.NewReader(&file))
	fmt.Println(n, "packets", err)
	// Output:
	// 0s data "onMetaData"
	// 0s video avc1 header
	// 0s audio mp4a header
	// 0s audio mp4a
	// 0s video avc1 key frame, shown at 40ms
	// 21ms audio mp4a
	// 6 packets <nil>
}

// printer is a media.Writer.
type printer struct{}

func (printer) WritePacket(_ context.Context, p *media.Packet) error {
	switch {
	case p.Kind == media.Data:
		fmt.Printf("%v %v %q\n", p.Timestamp, p.Kind, p.Name)
	case p.Config:
		fmt.Println(p.Timestamp, p.Kind, p.Codec, "header")
	case p.Key:
		fmt.Printf("%v %v %v key frame, shown at %v\n", p.Timestamp, p.Kind, p.Codec, p.Timestamp+p.Offset)
	default:
		fmt.Println(p.Timestamp, p.Kind, p.Codec)
	}
	return nil
}

// The payload of an RTMP message, or the body of a tag, is made into packets: mostly one, and one for each track of a message that holds
// several.
func ExampleAppendPackets() {
	body := []byte{0x96, 0x11, 'a', 'v', '0', '1', 0, 0, 0, 2, 0x12, 0, 1, 0, 0, 3, 0x12, 0, 0x0a}
	packets, err := flv.AppendPackets(nil, flv.TagVideo, 40*time.Millisecond, body)
	for _, p := range packets {
		fmt.Printf("%v track %d, %v at %v, key frame %v, data % x\n", p.Kind, p.Track, p.Codec, p.Timestamp, p.Key, p.Data)
	}
	fmt.Println(err)
	// Output:
	// video track 0, av01 at 40ms, key frame true, data 12 00
	// video track 1, av01 at 40ms, key frame true, data 12 00 0a
	// <nil>
}

// The first bytes of a video message say what it holds.
func ExampleParseVideoHeader() {
	body := []byte{0x91, 'h', 'v', 'c', '1', 0, 0, 40, 0, 0, 0, 4, 0x26, 1, 2, 3}
	h, n, err := flv.ParseVideoHeader(body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v, key frame %v, shown %d ms later, %d bytes of data\n",
		h.FourCC, h.FrameType == flv.FrameKey, h.CompositionTime, len(body)-n)
	// Output: hvc1, key frame true, shown 40 ms later, 8 bytes of data
}

// The same HEVC frame in the layout of Enhanced RTMP, and by the number that was in use before.
func ExampleAppendVideoHeader() {
	for _, h := range []flv.VideoHeader{
		{Enhanced: true, FrameType: flv.FrameKey, PacketType: flv.VideoCodedFrames, FourCC: media.CodecHEVC, CompositionTime: 40},
		{FrameType: flv.FrameKey, CodecID: flv.VideoHEVC, AVCPacketType: flv.AVCNALU, CompositionTime: 40},
	} {
		b, err := flv.AppendVideoHeader(nil, &h)
		fmt.Printf("% x %v\n", b, err)
	}
	// Output:
	// 91 68 76 63 31 00 00 28 <nil>
	// 1c 01 00 00 28 <nil>
}
