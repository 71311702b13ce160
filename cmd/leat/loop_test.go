package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

// list is a media.Reader of packets that can be read again.
type list struct {
	packets []*media.Packet
	next    int
	rewound int
}

func (l *list) ReadPacket(ctx context.Context) (*media.Packet, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if l.next == len(l.packets) {
		return nil, io.EOF
	}
	l.next++
	return l.packets[l.next-1], nil
}

func (l *list) rewind() error {
	l.next = 0
	l.rewound++
	return nil
}

func TestRepeater(t *testing.T) {
	file := later(mediatest.AVC(2*time.Second), 7*time.Second)
	headers := 0
	for headers = 0; file[headers].Config; headers++ {
		file[headers].Timestamp = 0
	}
	end := *file[len(file)-1]
	end.Kind, end.Codec, end.Data, end.Body = media.Video, media.CodecAVC, nil, []byte{0x17, 2, 0, 0, 0}
	src := &list{packets: append(file, &end)}
	r := &repeater{src: src, rewind: src.rewind}

	frames := file[headers:]
	// Audio lasts longer than video: 94 access units of 1024 samples, the last one 22 ms long.
	const length = 2006 * time.Millisecond
	for pass := range 3 {
		if pass == 0 {
			for _, want := range file[:headers] {
				wantPacket(t, r, want, 0)
			}
		}
		for _, want := range frames {
			wantPacket(t, r, want, time.Duration(pass)*length)
		}
	}
	if src.rewound != 2 || r.passes != 2 {
		t.Errorf("%d rewound, %d passes", src.rewound, r.passes)
	}
}

func wantPacket(t *testing.T, r *repeater, want *media.Packet, by time.Duration) {
	t.Helper()
	got, err := r.ReadPacket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Timestamp != want.Timestamp+by || !bytes.Equal(got.Body, want.Body) || got == want {
		t.Fatalf("the %v at %v comes at %v, want %v", want.Kind, want.Timestamp, got.Timestamp, want.Timestamp+by)
	}
}

// TestRepeaterHeaders changes a header in the middle of the file: each pass has to say what is in force.
func TestRepeaterHeaders(t *testing.T) {
	config := func(body string, at time.Duration) *media.Packet {
		return &media.Packet{Kind: media.Audio, Config: true, Body: []byte(body), Timestamp: at}
	}
	frame := func(at time.Duration) *media.Packet {
		return &media.Packet{Kind: media.Audio, Body: []byte("frame"), Timestamp: at}
	}
	src := &list{packets: []*media.Packet{config("first", 0), frame(time.Second), config("second", time.Second), frame(2 * time.Second)}}
	r := &repeater{src: src, rewind: src.rewind}
	want := []struct {
		body string
		at   time.Duration
	}{
		{"first", 0},
		{"frame", time.Second},
		{"second", time.Second},
		{"frame", 2 * time.Second},
		{"first", 3 * time.Second}, // not before what has been
		{"frame", 3 * time.Second},
		{"second", 3 * time.Second},
		{"frame", 4 * time.Second},
	}
	for i, w := range want {
		p, err := r.ReadPacket(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if string(p.Body) != w.body || p.Timestamp != w.at {
			t.Errorf("packet %d is %q at %v, want %q at %v", i, p.Body, p.Timestamp, w.body, w.at)
		}
	}
}

func TestRepeaterEnds(t *testing.T) {
	src := &list{packets: mediatest.AVC(0)}
	r := &repeater{src: src, rewind: src.rewind}
	for range src.packets {
		if _, err := r.ReadPacket(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.ReadPacket(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("a file without frames gives %v", err)
	}

	broken := errors.New("broken")
	again := &list{packets: mediatest.Opus(100 * time.Millisecond)}
	r = &repeater{src: again, rewind: func() error { return broken }}
	for range again.packets {
		if _, err := r.ReadPacket(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.ReadPacket(t.Context()); !errors.Is(err, broken) {
		t.Errorf("a file that cannot be rewound gives %v", err)
	}
}
