//go:build interop

package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"leat/flv"
	"leat/media"
	"leat/rtmp"
)

// films are files that a server plays from a folder, with the names by which players ask for them.
var films = []struct {
	name, file, play string
	args             []string
}{
	{"FLV", "a.flv", "a", concat(testPicture, testTone, h264, aac)},
	{"MP4", "b.mp4", "mp4:b.mp4", concat(testPicture, testTone, h264, aac)},
	{"fragmented MP4", "c.mp4", "mp4:c", concat(testPicture, testTone, h264, aac, []string{"-movflags", "+frag_keyframe+empty_moov"})},
	{"FLV without video", "d.flv", "flv:d", concat(testTone, aac)},
	{"MP3 of constant bit rate", "e.mp3", "mp3:e", concat(testTone, mp3)},
	{"MP3 of variable bit rate", "f.mp3", "f.mp3", concat(testTone, []string{"-c:a", "libmp3lame", "-q:a", "5"})},
}

// filmLength is in seconds.
const filmLength = 12

// cinema is a server with a folder of one film, and what ffmpeg reads in its file.
func cinema(t *testing.T, i int) (s *liveServer, url string, want *recording) {
	t.Helper()
	film := films[i]
	dir := t.TempDir()
	file, flvFile := filepath.Join(dir, film.file), filepath.Join(t.TempDir(), "same.flv")
	output(t, "ffmpeg", concat([]string{"-v", "error"}, film.args, []string{"-t", strconv.Itoa(filmLength), file})...)
	output(t, "ffmpeg", "-v", "error", "-i", file, "-c", "copy", flvFile) // with the times of a timeline in milliseconds
	want = received(t, "-i", flvFile)
	config := filepath.Join(t.TempDir(), "leat.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "defaults:\n  play_dir: %s\n", dir), 0o644); err != nil {
		t.Fatal(err)
	}
	s = serve(t, "--config", config)
	return s, s.url + "/vod/" + film.play, want
}

// received is what ffmpeg reads of an input.
func received(t *testing.T, input ...string) *recording {
	t.Helper()
	sums := filepath.Join(t.TempDir(), "sums.md5")
	output(t, "ffmpeg", concat([]string{"-v", "error"}, input, []string{"-c", "copy", "-copyts", "-f", "framemd5", sums})...)
	return readFrameMD5(t, sums)
}

// sameFrames compares all frames.
func sameFrames(got, want *recording) string {
	if len(got.video) != len(want.video) || len(got.audio) != len(want.audio) {
		return fmt.Sprintf("%d and %d frames, want %d and %d", len(got.video), len(got.audio), len(want.video), len(want.audio))
	}
	return someFrames(got, want)
}

// someFrames looks for frames in a row in others, of which they must be a part without a gap. A change of the time base costs
// up to a millisecond.
func someFrames(got, want *recording) string {
	near := func(a, b int64) bool { return a-b <= 1 && b-a <= 1 }
	for _, kind := range []struct {
		name      string
		got, want []frame
	}{{"video", got.video, want.video}, {"audio", got.audio, want.audio}} {
		if len(kind.want) == 0 && len(kind.got) == 0 {
			continue
		}
		if len(kind.got) == 0 {
			return "no " + kind.name
		}
		begin := slices.IndexFunc(kind.want, func(f frame) bool { return near(f.dts, kind.got[0].dts) })
		for i, g := range kind.got {
			if begin < 0 || begin+i >= len(kind.want) {
				return fmt.Sprintf("%s: frame %d of %d, %+v, is none of the film", kind.name, i, len(kind.got), g)
			}
			if w := kind.want[begin+i]; g.sum != w.sum || !near(g.dts, w.dts) || !near(g.pts, w.pts) {
				return fmt.Sprintf("%s: frame %d of %d is %+v, want %+v", kind.name, i, len(kind.got), g, w)
			}
		}
	}
	return ""
}

// hasten makes ffmpeg ask for everything at once.
var hasten = []string{"-rtmp_buffer", "1000000"}

// TestFilmWhole: what ffmpeg receives of a file is what it reads in it.
func TestFilmWhole(t *testing.T) {
	t.Parallel()
	for i, film := range films {
		t.Run(film.name, func(t *testing.T) {
			t.Parallel()
			proves(t)
			_, url, want := cinema(t, i)
			if d := sameFrames(received(t, concat(hasten, []string{"-i", url})...), want); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestFilmSeek: ffmpeg seeks to ten places, and gets what is behind each. It leaves when it is told the end, so it must not ask
// for everything at once here.
func TestFilmSeek(t *testing.T) {
	t.Parallel()
	for i, film := range films {
		t.Run(film.name, func(t *testing.T) {
			t.Parallel()
			proves(t)
			_, url, want := cinema(t, i)
			for point := range 10 {
				at := float64(point) * filmLength / 10.5
				got := received(t, "-rtmp_buffer", "6000", "-ss", fmt.Sprint(at), "-t", "1", "-i", url)
				if d := someFrames(got, want); d != "" {
					t.Errorf("seek to %.3f s: %s", at, d)
					continue
				}
				frames := append(got.video, got.audio...)
				if first := frames[0].dts; first > int64(at*1000) {
					t.Errorf("seek to %.3f s: it goes on at %d ms", at, first)
				}
			}
		})
	}
}

// TestFilmDump: rtmpdump gets the whole, a part from a place on, a part up to a place, and resumes.
func TestFilmDump(t *testing.T) {
	t.Parallel()
	proves(t)
	_, url, want := cinema(t, 0)
	out := filepath.Join(t.TempDir(), "out.flv")
	dump := func(code int, args ...string) *recording {
		t.Helper()
		p := start(t, "rtmpdump", concat([]string{"-q", "-r", url, "-o", out}, args)...)
		if got := p.end(t); got != code {
			t.Errorf("rtmpdump %v ended with code %d, want %d", args, got, code)
		}
		return readFLV(t, out)
	}
	const complete, incomplete = 0, 2
	if d := dump(complete).diff(want, whole); d != "" {
		t.Errorf("whole: %s", d)
	}
	if d := dump(complete, "-b", "1000").diff(want, whole); d != "" {
		t.Errorf("with a buffer of a second: %s", d)
	}
	got := dump(complete, "--start", "7")
	if d := got.diff(want, tail); d != "" {
		t.Errorf("from 7 s: %s", d)
	}
	if first := got.video[0]; first.dts != 7000 {
		t.Errorf("from 7 s: the first frame is at %d ms", first.dts)
	}
	if d := dump(incomplete, "--stop", "5").diff(want, head); d != "" {
		t.Errorf("up to 5 s: %s", d)
	}
	if d := dump(complete, "--resume").diff(want, whole); d != "" {
		t.Errorf("resumed: %s", d)
	}
	dump(incomplete, "--stop", "5")
	if d := dump(complete, "--resume", "--skip", "2").diff(want, whole); d != "" {
		t.Errorf("resumed two key frames earlier: %s", d)
	}
}

// TestFilmPause: our client pauses and goes on, again and again, and misses nothing.
func TestFilmPause(t *testing.T) {
	t.Parallel()
	for i, film := range films {
		t.Run(film.name, func(t *testing.T) {
			t.Parallel()
			proves(t)
			_, url, want := cinema(t, i)
			if d := sameFrames(playWithPauses(t, url), want); d != "" {
				t.Error(d)
			}
		})
	}
}

func playWithPauses(t *testing.T, url string) *recording {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, conn)
	player, err := conn.Play(ctx, "", &rtmp.PlayOptions{Recorded: true, BufferLength: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var packets []*media.Packet
	last := map[media.Kind]time.Duration{media.Audio: -1, media.Video: -1}
	for {
		p, err := player.ReadPacket(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Config || p.Kind == media.Data || p.Timestamp <= last[p.Kind] { // what was on its way comes again
			continue
		}
		last[p.Kind] = p.Timestamp
		packets = append(packets, p)
		if len(packets)%100 == 0 {
			at := min(last[media.Audio], last[media.Video])
			if err := errors.Join(player.Pause(true, at), player.Pause(false, at)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return recordingOf(packets)
}

// TestFilmEnhanced: ffmpeg reads no HEVC and no AV1 by RTMP before version 6.1. Our client does, whole and from ten places on, and ffmpeg
// looks at what it wrote.
func TestFilmEnhanced(t *testing.T) {
	t.Parallel()
	for _, m := range []movie{hevcAndAAC, av1AndOpus} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			proves(t)
			file := m.make(t)
			config := filepath.Join(t.TempDir(), "leat.yaml")
			if err := os.WriteFile(config, fmt.Appendf(nil, "defaults:\n  play_dir: %s\n", filepath.Dir(file)), 0o644); err != nil {
				t.Fatal(err)
			}
			url := serve(t, "--config", config).url + "/vod/mp4:" + filepath.Base(file)
			film := map[string][]string{"v": packetSums(t, file, "v"), "a": packetSums(t, file, "a")}
			length, err := strconv.ParseFloat(strings.TrimSpace(output(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file)), 64)
			if err != nil {
				t.Fatal(err)
			}
			for point := range 10 {
				at := float64(point) * length / 10.5
				dir := t.TempDir()
				played, converted := filepath.Join(dir, "a.flv"), filepath.Join(dir, "a.mp4")
				download(t, url, time.Duration(at*float64(time.Second)), played)
				output(t, leat, "convert", played, converted)
				for kind, want := range film {
					got := packetSums(t, converted, kind)
					if point == 0 && len(got) != len(want) || len(got) == 0 || len(got) > len(want) || !slices.Equal(got, want[len(want)-len(got):]) {
						t.Errorf("from %.3f s: %d frames of kind %s, which are not the last of %d", at, len(got), kind, len(want))
					}
				}
			}
		})
	}
}

// download writes a recording from a place on into a file, as fast as it comes.
func download(t *testing.T, url string, start time.Duration, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, conn)
	player, err := conn.Play(ctx, "", &rtmp.PlayOptions{Recorded: true, Start: start, BufferLength: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, file)
	w := flv.NewWriter(file)
	if _, err := media.Copy(ctx, w, player); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
