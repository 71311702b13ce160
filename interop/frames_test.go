//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"leat/flv"
	"leat/media"
)

// frame is what every judge can say of a frame: times in milliseconds, and the MD5 of the coded data.
type frame struct {
	dts, pts int64
	sum      string
}

// recording is what a program has received, or a file holds.
type recording struct {
	video, audio []frame
	// packets is everything in its order, from programs that keep the bytes as they came; nil from those that demultiplex.
	packets []*media.Packet
	// streams is how many streams the program has found; 0 if it does not say.
	streams int
	habits  habits
}

func (r *recording) add(kind string, f frame) {
	switch kind {
	case "video":
		r.video = append(r.video, f)
	case "audio":
		r.audio = append(r.audio, f)
	}
}

// part says how much of a stream is expected.
type part int

const (
	whole part = iota
	tail       // what a late joiner gets: all from some point on
	head       // all up to some point
)

// diff says in a line how r differs from that part of want, and "" if it does not. Times may differ by a constant.
func (r *recording) diff(want *recording, p part) string {
	got := len(r.video) + len(r.audio)
	if got == 0 {
		return "no frames"
	}
	if p == whole && r.habits.last && got == len(want.video)+len(want.audio)-1 {
		p = head
	}
	var shift *int64
	for _, kind := range []struct {
		name      string
		got, want []frame
	}{{"video", r.video, want.video}, {"audio", r.audio, want.audio}} {
		if d := diffFrames(kind.got, kind.want, p, &shift); d != "" {
			return kind.name + ": " + d
		}
	}
	return ""
}

// diffFrames compares the frames of one kind. The first pair sets the shift in time, if it is nil.
func diffFrames(got, want []frame, p part, shift **int64) string {
	if len(got) > len(want) || p == whole && len(got) != len(want) || len(got) == 0 && len(want) > 0 {
		return fmt.Sprintf("%d frames, want %d", len(got), len(want))
	}
	if p == tail {
		want = want[len(want)-len(got):]
	}
	for i, g := range got {
		w := want[i]
		if *shift == nil {
			*shift = new(g.dts - w.dts)
		}
		if g.sum != w.sum {
			return fmt.Sprintf("frame %d of %d: MD5 %s, want %s", i, len(got), g.sum, w.sum)
		}
		if g.dts-**shift != w.dts || g.pts-**shift != w.pts {
			return fmt.Sprintf("frame %d of %d: dts %d pts %d, want %d and %d", i, len(got), g.dts-**shift, g.pts-**shift, w.dts, w.pts)
		}
	}
	return ""
}

// diffBodies compares the messages of two recordings that kept them, metadata left out: bytes and total order.
func (r *recording) diffBodies(want *recording) string {
	got, all := messages(r.packets, r.habits), messages(want.packets, r.habits)
	if r.habits.last && len(got) == len(all)-1 {
		all = all[:len(got)]
	}
	for i := range min(len(got), len(all)) {
		if got[i] != all[i] {
			return fmt.Sprintf("message %d of %d: %s, want %s", i, len(all), got[i], all[i])
		}
	}
	if len(got) != len(all) {
		return fmt.Sprintf("%d messages, want %d", len(got), len(all))
	}
	return ""
}

func messages(packets []*media.Packet, h habits) []string {
	const small = 5
	var out []string
	for _, p := range packets {
		if p.Kind == media.Data || h.small && p.Kind == media.Video && len(p.Body) <= small {
			continue
		}
		out = append(out, fmt.Sprintf("%v of %d bytes, MD5 %x", p.Kind, len(p.Body), md5.Sum(p.Body)))
	}
	return out
}

// recordingOf makes a recording of packets.
func recordingOf(packets []*media.Packet) *recording {
	r := &recording{packets: packets}
	for _, p := range packets {
		if p.Config || len(p.Data) == 0 {
			continue
		}
		sum := md5.Sum(p.Data)
		dts := p.Timestamp.Milliseconds()
		r.add(p.Kind.String(), frame{dts: dts, pts: dts + p.Offset.Milliseconds(), sum: hex.EncodeToString(sum[:])})
	}
	return r
}

// readFLV reads an FLV file with our own reader. A file whose program was stopped may end within a tag.
func readFLV(t *testing.T, path string) *recording {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := readAll(t.Context(), flv.NewReader(bytes.NewReader(file)))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("%s: %v", path, err)
	}
	return recordingOf(packets)
}

// readAll reads to the end.
func readAll(ctx context.Context, r media.Reader) ([]*media.Packet, error) {
	var packets []*media.Packet
	for {
		p, err := r.ReadPacket(ctx)
		if errors.Is(err, io.EOF) {
			return packets, nil
		}
		if err != nil {
			return packets, err
		}
		packets = append(packets, p)
	}
}

// readFrameMD5 reads the output of ffmpeg's framemd5 muxer:
//
//	#media_type 0: video
//	#tb 0: 1/1000
//	0, dts, pts, duration, size, MD5
//
// A frame with side data has further fields.
func readFrameMD5(t *testing.T, path string) *recording {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{}
	kinds := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "#media_type "); ok {
			index, kind, _ := strings.Cut(rest, ": ")
			kinds[index] = kind
			r.streams++
			continue
		}
		if rest, ok := strings.CutPrefix(line, "#tb "); ok && !strings.HasSuffix(rest, ": 1/1000") {
			t.Fatalf("%s: the time base is %s", path, rest)
		}
		fields := strings.Split(line, ",")
		if strings.HasPrefix(line, "#") || len(fields) < 6 {
			continue
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		r.add(kinds[fields[0]], frame{dts: integer(t, fields[1]), pts: integer(t, fields[2]), sum: fields[5]})
	}
	return r
}

func integer(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// readProbe reads the JSON of ffprobe with -show_streams -show_packets -show_data_hash MD5.
func readProbe(t *testing.T, path string) *recording {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var probe struct {
		Packets []struct {
			Kind     string `json:"codec_type"`
			DTS, PTS int64
			Hash     string `json:"data_hash"`
		}
		Streams []struct{ Index int }
	}
	if err := json.Unmarshal(text, &probe); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	r := &recording{streams: len(probe.Streams)}
	for _, p := range probe.Packets {
		r.add(p.Kind, frame{dts: p.DTS, pts: p.PTS, sum: strings.TrimPrefix(p.Hash, "MD5:")})
	}
	return r
}
