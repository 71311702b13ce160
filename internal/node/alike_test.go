package node

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"leat/flv"
	"leat/internal/config"
	"leat/internal/format/mp4"
	"leat/media"
	"leat/media/mediatest"
)

// recordAlways records every stream, beside a public door.
func recordAlways(format config.RecordFormat) func(*config.Config) {
	return func(c *config.Config) {
		withHTTP(c)
		c.Defaults.Record.When, c.Defaults.Record.Format = config.RecordAlways, format
		c.Apps = config.Apps{{Pattern: "*", App: c.Defaults}}
	}
}

// frameLines says of each frame of a track when it is decoded and shown, and what is in it.
func frameLines(packets []*media.Packet, kind media.Kind, number uint8) []string {
	var lines []string
	for _, p := range packets {
		if p.Kind == kind && p.Track == number && !p.Config && p.Name == "" && len(p.Data) > 0 {
			sum := sha256.Sum256(bare(p))
			lines = append(lines, fmt.Sprintf("%v+%v %x", p.Timestamp, p.Offset, sum[:6]))
		}
	}
	return lines
}

// bare is a frame's data without the temporal delimiter of AV1, which RTMP has and MP4 must not have (AV1-ISOBMFF 2.4).
func bare(p *media.Packet) []byte {
	if p.Codec == media.CodecAV1 {
		return bytes.TrimPrefix(p.Data, []byte{0x12, 0x00})
	}
	return p.Data
}

// alike checks that what an output has brought is what was published from some frame on, to the end. It must have begun
// before late.
func alike(t *testing.T, output string, got, published []*media.Packet, late time.Duration) {
	t.Helper()
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		lines, want := frameLines(got, kind, 0), frameLines(published, kind, 0)
		before := slices.IndexFunc(published, func(p *media.Packet) bool { return p.Kind == kind && !p.Config && p.Timestamp >= late })
		least := len(frameLines(published[before:], kind, 0))
		if len(lines) < least || len(lines) > len(want) {
			t.Errorf("%s: %d %v frames, of %d", output, len(lines), kind, len(want))
			continue
		}
		want = want[len(want)-len(lines):]
		for i := range want {
			if lines[i] != want[i] {
				t.Errorf("%s: %v frame %d of %d is %s, want %s", output, kind, i, len(want), lines[i], want[i])
				break
			}
		}
	}
}

func packetsOfFLV(t *testing.T, b []byte) []*media.Packet {
	t.Helper()
	r := flv.NewReader(bytes.NewReader(b))
	var list []*media.Packet
	for {
		p, err := r.ReadPacket(t.Context())
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			return list
		}
		list = append(list, p)
	}
}

func packetsOfMP4(t *testing.T, b []byte) []*media.Packet {
	t.Helper()
	f, err := mp4.Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var list []*media.Packet
	for c := f.NewCursor(); ; {
		p, err := c.ReadPacket(t.Context())
		if err != nil {
			return list
		}
		list = append(list, p)
	}
}

// segmentsOf returns a track of HLS as one file: its initialization segment and all segments of its playlist, which must be complete
// soon.
func segmentsOf(t *testing.T, s *server, folder, track string) []byte {
	t.Helper()
	var text string
	until(t, "the playlist of "+folder+track+" is complete", func() bool {
		text = body(t, fetch(t, s, folder+track+".m3u8", ""))
		return strings.Contains(text, "#EXT-X-ENDLIST")
	})
	files := regexp.MustCompile(`(?m)^#EXT-X-MAP:URI="(.*)"$|^([^#\n].*\.mp4)$`).FindAllStringSubmatch(text, -1)
	var all []byte
	for _, file := range files {
		answer := fetch(t, s, folder+file[1]+file[2], "")
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d", file[0], answer.StatusCode)
		}
		all = append(all, body(t, answer)...)
	}
	if len(files) < 2 {
		t.Fatalf("no segments in\n%s", text)
	}
	return all
}

// socket reads all messages of a WebSocket, those of text left out, until its end.
func socket(t *testing.T, s *server, address string) <-chan []byte {
	t.Helper()
	ctx := limit(t)
	c, _, err := websocket.Dial(ctx, "ws://"+s.Addr("http").String()+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(-1)
	all := make(chan []byte, 1)
	go func() {
		var b []byte
		for {
			kind, message, err := c.Read(ctx)
			if err != nil {
				all <- b
				return
			}
			if kind == websocket.MessageBinary {
				b = append(b, message...)
			}
		}
	}()
	return all
}

// answered reads an answer to its end.
func answered(t *testing.T, answer *http.Response) <-chan []byte {
	t.Helper()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", answer.Request.URL, answer.StatusCode)
	}
	all := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(answer.Body) // what is missing is found out
		all <- b
	}()
	return all
}

// served counts the viewers over HTTP who have got something, those of HLS apart.
func (s *server) served() int {
	n := 0
	for _, v := range s.outputs.webViewers() {
		if v.stats != nil && v.stats().Messages > 0 {
			n++
		}
	}
	return n
}

// TestOutputsAlike: one publication is the same at every output and in its recording, packet by packet.
func TestOutputsAlike(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		format  config.RecordFormat
		packets []*media.Packet
	}{
		{"avc", config.RecordFLV, mediatest.AVC(6 * time.Second)},
		{"avc", config.RecordMP4, mediatest.AVC(6 * time.Second)},
		{"hevc", config.RecordMP4, mediatest.HEVC(6 * time.Second)},
		{"av1", config.RecordFLV, mediatest.AV1(6 * time.Second)},
		{"av1", config.RecordMP4, mediatest.AV1(6 * time.Second)},
	} {
		t.Run(test.name+" "+string(test.format), func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			s := start(t, func(c *config.Config) {
				recordAlways(test.format)(c)
				c.Data = folder
			})
			const late = 2500 * time.Millisecond
			cut := slices.IndexFunc(test.packets, func(p *media.Packet) bool { return p.Timestamp >= late })
			early := play(t, s.url("/live/cam"), nil)
			until(t, "the player was there", func() bool { return s.inLog() == 1 })
			pub := publish(t, s.url("/live/cam"))
			send(t, pub, test.packets[:cut]...)
			until(t, "half of the stream is there", func() bool {
				info, ok := s.hub.Stream(key)
				return ok && info.Publisher != nil && info.Publisher.Packets >= uint64(cut-3)
			})
			byFLV, byMP4 := answered(t, fetch(t, s, "/live/cam.flv", "")), answered(t, fetch(t, s, "/live/cam.mp4", ""))
			bySocketFLV, bySocketMP4 := socket(t, s, "/live/cam.flv"), socket(t, s, "/live/cam.mp4")
			if text := body(t, fetch(t, s, "/live/cam.m3u8", "")); !strings.Contains(text, "video0.m3u8") {
				t.Fatal(text)
			}
			until(t, "all of them watch", func() bool { return s.Players(key) == 6 })
			until(t, "they get something", func() bool { return s.served() == 4 })
			send(t, pub, test.packets[cut:]...)
			if err := pub.Close(); err != nil {
				t.Fatal(err)
			}

			alike(t, "RTMP", rest(t, early), test.packets, 0)
			alike(t, "HTTP-FLV", packetsOfFLV(t, <-byFLV), test.packets, late)
			alike(t, "WebSocket-FLV", packetsOfFLV(t, <-bySocketFLV), test.packets, late)
			alike(t, "MP4", packetsOfMP4(t, <-byMP4), test.packets, late)
			alike(t, "WebSocket-MP4", packetsOfMP4(t, <-bySocketMP4), test.packets, late)
			s.lines.wait(t, "publish ended")
			hls := append(packetsOfMP4(t, segmentsOf(t, s, "/live/cam/_hls/", "video0")), packetsOfMP4(t, segmentsOf(t, s, "/live/cam/_hls/", "audio0"))...)
			alike(t, "HLS", hls, test.packets, late)

			files, err := filepath.Glob(filepath.Join(folder, "records/live/cam/*."+string(test.format)))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			b, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			recorded := packetsOfFLV
			if test.format == config.RecordMP4 {
				recorded = packetsOfMP4
			}
			alike(t, "the recording", recorded(t, b), test.packets, 0)
			vod := append(packetsOfMP4(t, segmentsOf(t, s, "/live/cam/_vod/", "video0")), packetsOfMP4(t, segmentsOf(t, s, "/live/cam/_vod/", "audio0"))...)
			alike(t, "the recording by HLS", vod, test.packets, 0)
		})
	}
}
