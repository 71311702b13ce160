package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"leat/flv"
	"leat/media"
	"leat/media/mediatest"
)

// startServer runs `leat serve` in this process until the end of the test.
func startServer(t *testing.T) (url string, log *lineWatch) {
	t.Helper()
	return startServerWith(t, serverArgs...)
}

// serveFiles runs one that plays the files of a folder.
func serveFiles(t *testing.T, dir string) (url string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "leat.yaml")
	if err := os.WriteFile(config, []byte("defaults:\n  play_dir: "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url, _ = startServerWith(t, append(slices.Clip(serverArgs), "--config", config)...)
	return url
}

func startServerWith(t *testing.T, args ...string) (url string, log *lineWatch) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log = newLineWatch()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, streams{err: log}) }() // ends with ctx
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("leat serve ended with %d:\n%s", code, log)
		}
	})
	ready := log.find(readyLine)
	if ready == nil {
		t.Fatalf("the server does not get ready:\n%s", log)
	}
	return ready[1], log
}

// writeTags writes packets as a file that keeps their timestamps.
func writeTags(t *testing.T, name string, packets []*media.Packet) {
	t.Helper()
	b := flv.AppendHeader(nil, true, true)
	for _, p := range packets {
		b = flv.AppendTag(b, p, uint32(p.Timestamp.Milliseconds()))
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readFrames returns what a file holds besides onMetaData, which has other totals in each file.
func readFrames(t *testing.T, name string) []*media.Packet {
	t.Helper()
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r := flv.NewReader(bytes.NewReader(file))
	var packets []*media.Packet
	for {
		p, err := r.ReadPacket(t.Context())
		if errors.Is(err, io.EOF) {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != media.NameMetadata {
			packets = append(packets, p)
		}
	}
}

// withoutMetadata returns the packets besides onMetaData, on a timeline that begins at 0.
func withoutMetadata(packets []*media.Packet, begin time.Duration) []*media.Packet {
	var out []*media.Packet
	for _, p := range packets {
		if p.Name == media.NameMetadata {
			continue
		}
		q := *p
		q.Timestamp -= begin
		out = append(out, &q)
	}
	return out
}

func later(packets []*media.Packet, by time.Duration) []*media.Packet {
	out := make([]*media.Packet, len(packets))
	for i, p := range packets {
		q := *p
		q.Timestamp += by
		out[i] = &q
	}
	return out
}

// TestRoundTrip publishes files with `leat publish` to `leat serve` and plays them with `leat play`: every frame comes out
// byte for byte, in order, at the same distances.
func TestRoundTrip(t *testing.T) {
	url, log := startServer(t)
	const extended = (1<<24 - 700) * time.Millisecond // the timestamp outgrows its 24 bits on the way
	for _, test := range []struct {
		name    string
		packets []*media.Packet
		begin   time.Duration
	}{
		{"avc", mediatest.AVC(3 * time.Second), 0},
		{"hevc", mediatest.HEVC(3 * time.Second), 0},
		{"av1", mediatest.AV1(3 * time.Second), 0},
		{"opus", mediatest.Opus(time.Second), 0},
		{"extended", later(mediatest.AVC(3*time.Second), extended), extended},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			in, out := filepath.Join(dir, "in.flv"), filepath.Join(dir, "out.flv")
			writeTags(t, in, test.packets)
			address := url + "/live/" + test.name
			type result struct {
				code   int
				stderr string
			}
			played := make(chan result, 1)
			go func() { // ends with the stream
				code, _, stderr := leat(t.Context(), "", "play", "-o", out, address)
				played <- result{code, stderr}
			}()
			if log.find(regexp.MustCompile(`msg=playing .*stream=live/`+test.name)) == nil {
				t.Fatalf("the player does not come:\n%s", log)
			}
			if code, _, stderr := leat(t.Context(), "", "publish", "--speed", "0", in, address); code != 0 {
				t.Fatalf("leat publish: %d %s", code, stderr)
			}
			if r := <-played; r.code != 0 || r.stderr != "" {
				t.Fatalf("leat play: %d %s", r.code, r.stderr)
			}
			got, want := readFrames(t, out), withoutMetadata(test.packets, test.begin)
			if diff := mediatest.DiffAll(got, want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPublishMP3: from a file and from a pipe, with the same frames.
func TestPublishMP3(t *testing.T) {
	frame := append([]byte{0xff, 0xfb, 0x90, 0xc0}, bytes.Repeat([]byte{7}, 413)...) // 128 kbit/s, 44.1 kHz
	song := bytes.Repeat(frame, 60)
	file := filepath.Join(t.TempDir(), "song.mp3")
	if err := os.WriteFile(file, song, 0o600); err != nil {
		t.Fatal(err)
	}
	times := 20 // what comes by a pipe as soon as the server has agreed is not lost
	if testing.Short() {
		times = 5
	}
	for i := range times {
		name, stdin := standard, string(song)
		if i == 0 {
			name, stdin = file, ""
		}
		got := newCollector()
		url := "rtmp://" + serveOn(t, listen(t), &peer{publish: got.publish}) + "/live/song"
		code, _, stderr := leat(t.Context(), stdin, "publish", "--speed", "0", name, url)
		frames := 0
		for _, p := range got.all(t) {
			if p.Kind == media.Audio && bytes.Equal(p.Data, frame) && p.Codec == media.CodecMP3 {
				frames++
			}
		}
		if code != exitDone || frames != 60 {
			t.Errorf("%s: code %d, %d frames: %s", name, code, frames, stderr)
		}
	}
}

// TestRecordedTwice: what was recorded, played back and recorded again is the same file.
func TestRecordedTwice(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "source.flv")
	if err := createFLV(source, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	url, log := startServerWith(t, append(slices.Clip(serverArgs), "--data", dir)...)
	recorded := func(from, name string) []byte {
		t.Helper()
		if code, _, stderr := leat(t.Context(), "", "publish", "--type", "record", "--speed", "0", from, url+"/live/"+name); code != exitDone {
			t.Fatalf("publish: code %d: %s", code, stderr)
		}
		if log.find(regexp.MustCompile(`msg="recording ended".*live/`+name)) == nil {
			t.Fatalf("%s was not recorded:\n%s", name, log)
		}
		files, err := filepath.Glob(filepath.Join(dir, "records", "live", name, "*.flv"))
		if err != nil || len(files) != 1 {
			t.Fatalf("files %q, %v", files, err)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := recorded(source, "one")
	again := filepath.Join(dir, "again.flv")
	if code, _, stderr := leat(t.Context(), "", "play", "--start", "0s", "-o", again, url+"/live/one"); code != exitDone {
		t.Fatalf("play: code %d: %s", code, stderr)
	}
	if second := recorded(again, "two"); !bytes.Equal(first, second) {
		t.Errorf("%d bytes, then %d", len(first), len(second))
	}
}
