package flv

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

var (
	benchVideo = append([]byte{0x27, 1, 0, 0, 40}, make([]byte, 4096)...)
	benchAudio = append([]byte{0xaf, 1}, make([]byte, 256)...)
)

// BenchmarkAppendPackets is the way of every message of a publisher: one allocation, the Packet.
func BenchmarkAppendPackets(b *testing.B) {
	for _, test := range []struct {
		name string
		tag  TagType
		body []byte
	}{
		{"AVC", TagVideo, benchVideo},
		{"AAC", TagAudio, benchAudio},
		{"HEVC", TagVideo, append([]byte{0xa1, 'h', 'v', 'c', '1', 0, 0, 40}, make([]byte, 4096)...)},
		{"OneTrack", TagAudio, append([]byte{0x95, 0x01, 'O', 'p', 'u', 's', 3}, make([]byte, 256)...)},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			packets := make([]*media.Packet, 0, 1)
			for b.Loop() {
				var err error
				if packets, err = AppendPackets(packets[:0], test.tag, at, test.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAppendPacketsAllocates holds the benchmark's promise.
func TestAppendPacketsAllocates(t *testing.T) {
	packets := make([]*media.Packet, 0, 1)
	for _, test := range []struct {
		tag  TagType
		body []byte
	}{{TagVideo, benchVideo}, {TagAudio, benchAudio}} {
		allocs := testing.AllocsPerRun(100, func() {
			packets, _ = AppendPackets(packets[:0], test.tag, at, test.body)
		})
		if allocs > 1 {
			t.Errorf("%v: %v allocations, want 1", test.tag, allocs)
		}
	}
}

func BenchmarkAppendTag(b *testing.B) {
	p := &media.Packet{Kind: media.Video, Body: benchVideo}
	b.ReportAllocs()
	b.SetBytes(int64(len(p.Body)))
	buf := make([]byte, 0, 8192)
	for b.Loop() {
		buf = AppendTag(buf[:0], p, 1234)
	}
}

func BenchmarkReader(b *testing.B) {
	text := file(mediatest.AVC(10 * time.Second))
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r := NewReader(bytes.NewReader(text))
		for {
			if _, err := r.ReadPacket(b.Context()); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
