package mediatest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"leat/media"
)

// patience is how long the suite waits for a call that must return.
const patience = 5 * time.Second

// TestReader checks a media.Reader against the contract: it delivers what it was given, in order and unchanged; the
// end is io.EOF and stays io.EOF; and the end of a context unblocks it.
//
// open returns a Reader that delivers packets and then either ends or, if ends is false, waits for more that never
// comes. It cleans up with t.Cleanup.
func TestReader(t *testing.T, open func(t *testing.T, packets []*media.Packet, ends bool) media.Reader) {
	t.Helper()
	for _, stream := range []struct {
		name    string
		packets []*media.Packet
	}{
		{"AVC", AVC(2 * time.Second)},
		{"HEVC", HEVC(time.Second)},
		{"AV1", AV1(time.Second)},
		{"Opus", Opus(time.Second)},
	} {
		t.Run(stream.name, func(t *testing.T) {
			before := cloneAll(stream.packets)
			got := readAll(t, open(t, stream.packets, true))
			if d := DiffAll(got, before); d != "" {
				t.Error(d)
			}
			if d := DiffAll(stream.packets, before); d != "" {
				t.Errorf("the Reader changed packets it was given: %s", d)
			}
		})
	}
	t.Run("end stays", func(t *testing.T) { testEnd(t, open(t, Opus(100*time.Millisecond), true)) })
	t.Run("cancel", func(t *testing.T) {
		packets := Opus(100 * time.Millisecond)
		testReadCancel(t, open(t, packets, false), len(packets))
	})
}

// readAll reads to the end.
func readAll(t *testing.T, r media.Reader) []*media.Packet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []*media.Packet
	for {
		p, err := r.ReadPacket(ctx)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatalf("after %d packets: %v", len(got), err)
		}
		got = append(got, p)
	}
}

func testEnd(t *testing.T, r media.Reader) {
	t.Helper()
	readAll(t, r)
	for range 3 {
		if p, err := r.ReadPacket(t.Context()); !errors.Is(err, io.EOF) || p != nil {
			t.Fatalf("after the end: packet %v, error %v, want io.EOF", p, err)
		}
	}
}

// testReadCancel reads the n packets there are and cancels the next call.
func testReadCancel(t *testing.T, r media.Reader, n int) {
	t.Helper()
	for i := range n {
		if _, err := r.ReadPacket(t.Context()); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := r.ReadPacket(ctx)
		result <- err
	}()
	cancel()
	wantCancelled(t, result)
	go func() {
		_, err := r.ReadPacket(ctx)
		result <- err
	}()
	wantCancelled(t, result)
}

func wantCancelled(t *testing.T, result <-chan error) {
	t.Helper()
	select {
	case err := <-result:
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want context.Canceled", err)
		}
	case <-time.After(patience):
		t.Fatal("ReadPacket does not return when its context is done")
	}
}

// TestWriter checks a media.Writer against the contract: it takes the packets of a stream and does not change them,
// and with a context that is done it returns at once, with the context's error or none.
//
// open returns a Writer that takes all it is given. It cleans up with t.Cleanup.
func TestWriter(t *testing.T, open func(t *testing.T) media.Writer) {
	t.Helper()
	for _, stream := range []struct {
		name    string
		packets []*media.Packet
	}{
		{"AVC", AVC(2 * time.Second)},
		{"HEVC", HEVC(time.Second)},
		{"AV1", AV1(time.Second)},
		{"Opus", Opus(time.Second)},
		{"edges", edges()},
	} {
		t.Run(stream.name, func(t *testing.T) {
			before := cloneAll(stream.packets)
			w := open(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for i, p := range stream.packets {
				if err := w.WritePacket(ctx, p); err != nil {
					t.Fatalf("packet %d: %v", i, err)
				}
			}
			if d := DiffAll(stream.packets, before); d != "" {
				t.Errorf("the Writer changed a packet: %s", d)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) { testWriteCancelled(t, open(t)) })
}

// edges returns what every Writer must take in its stride.
func edges() []*media.Packet {
	return []*media.Packet{
		{Kind: media.Audio}, // silence
		{Kind: media.Video}, // an empty message
		{Kind: media.Data, Config: true, Name: "onMetaData"},   // the removal of a stored message
		{Kind: media.Data, Body: []byte{0x00, 0x01, 0x02}},     // no handler name
		{Kind: media.Video, Body: []byte{0x9f, 'x'}},           // a reserved packet type, cut short
		{Kind: media.Audio, Body: []byte{0xff, 1, 2, 3}},       // a codec without a name
		{Kind: media.Video, Body: []byte{0x57, 0}},             // a command
		{Kind: media.Video, Track: 7, Body: []byte{0x96, 0xf}}, // a reserved layout of tracks
	}
}

func testWriteCancelled(t *testing.T, w media.Writer) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result := make(chan error, 1)
	go func() { result <- w.WritePacket(ctx, Opus(time.Millisecond)[0]) }()
	select {
	case err := <-result:
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled or none", err)
		}
	case <-time.After(patience):
		t.Error("WritePacket does not return although its context is done")
	}
}
