package mediatest

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"leat/media"
)

func TestStreams(t *testing.T) {
	for _, stream := range []struct {
		name    string
		packets []*media.Packet
		codecs  []media.FourCC
		keys    int
	}{
		{"AVC", AVC(2500 * time.Millisecond), []media.FourCC{media.CodecAVC, media.CodecAAC}, 3},
		{"HEVC", HEVC(time.Second), []media.FourCC{media.CodecHEVC, media.CodecAAC}, 1},
		{"AV1", AV1(2 * time.Second), []media.FourCC{media.CodecAV1, media.CodecOpus}, 2},
		{"Opus", Opus(time.Second), []media.FourCC{media.CodecOpus}, 0},
	} {
		t.Run(stream.name, func(t *testing.T) {
			var last time.Duration
			keys, offsets := 0, 0
			for i, p := range stream.packets {
				if p.Timestamp < last {
					t.Fatalf("packet %d steps back to %v", i, p.Timestamp)
				}
				last = p.Timestamp
				if len(p.Data) == 0 || &p.Data[len(p.Data)-1] != &p.Body[len(p.Body)-1] {
					t.Fatalf("packet %d: Data is not the end of Body", i)
				}
				if p.Kind != media.Data && !slices.Contains(stream.codecs, p.Codec) {
					t.Fatalf("packet %d: codec %v", i, p.Codec)
				}
				if p.Key {
					keys++
				}
				if p.Offset > 0 {
					offsets++
				}
			}
			if keys != stream.keys {
				t.Errorf("%d key frames, want %d", keys, stream.keys)
			}
			if bFrames := stream.name == "AVC" || stream.name == "HEVC"; bFrames != (offsets > 0) {
				t.Errorf("%d frames with an offset", offsets)
			}
		})
	}
}

func TestStreamsAreDeterministic(t *testing.T) {
	if d := DiffAll(AVC(time.Second), AVC(time.Second)); d != "" {
		t.Error(d)
	}
}

func TestDiff(t *testing.T) {
	a, b := Opus(time.Second), Opus(time.Second)
	b[1] = clone(b[1])
	b[1].Body[0] ^= 1
	if d := DiffAll(a, b); d == "" {
		t.Error("a changed body is not seen")
	}
	if d := DiffAll(a[:1], a); d == "" {
		t.Error("a missing packet is not seen")
	}
	b[1] = clone(a[1])
	b[1].Key = true
	if d := Diff(a[1], b[1]); d != "Key is false, want true" {
		t.Errorf("Diff = %q", d)
	}
}

// queue is the smallest media.Reader and media.Writer there is.
type queue struct {
	packets []*media.Packet
	ends    bool
}

func (q *queue) ReadPacket(ctx context.Context) (*media.Packet, error) {
	if len(q.packets) > 0 {
		p := q.packets[0]
		q.packets = q.packets[1:]
		return p, nil
	}
	if q.ends {
		return nil, io.EOF
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (q *queue) WritePacket(_ context.Context, p *media.Packet) error {
	q.packets = append(q.packets, p)
	return nil
}

func TestReaderSuite(t *testing.T) {
	TestReader(t, func(_ *testing.T, packets []*media.Packet, ends bool) media.Reader {
		return &queue{packets: packets, ends: ends}
	})
}

func TestWriterSuite(t *testing.T) {
	TestWriter(t, func(*testing.T) media.Writer { return &queue{} })
}
