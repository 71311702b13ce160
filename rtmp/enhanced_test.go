package rtmp_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/flv"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// messages parses bodies written as "v 40 HEX" (audio, video or data at 40 ms).
func messages(t *testing.T, texts ...string) []*media.Packet {
	t.Helper()
	var packets []*media.Packet
	for _, text := range texts {
		fields := strings.Fields(text)
		tag := map[string]flv.TagType{"a": flv.TagAudio, "v": flv.TagVideo, "d": flv.TagScript}[fields[0]]
		ms, err := time.ParseDuration(fields[1] + "ms")
		if err != nil {
			t.Fatal(err)
		}
		body, err := hex.DecodeString(strings.Join(fields[2:], ""))
		if err != nil {
			t.Fatal(err)
		}
		if packets, err = flv.AppendPackets(packets, tag, ms, body); err != nil {
			t.Fatal(err)
		}
	}
	return packets
}

// bodies reads a player to its end and returns the bodies of audio and video.
func bodies(t *testing.T, p *rtmp.Player) []string {
	t.Helper()
	var got []string
	for {
		pkt, err := p.ReadPacket(t.Context())
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if pkt.Kind != media.Data {
			got = append(got, hex.EncodeToString(pkt.Body))
		}
	}
}

func unspaced(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = strings.ReplaceAll(s, " ", "")
	}
	return out
}

// TestPlayersGetWhatTheyTake lets players with different announcements play the same stream.
func TestPlayersGetWhatTheyTake(t *testing.T) {
	stream := messages(t,
		"v 0 90 61763031 81080c00",                              // track 0: AV1
		"v 0 96 00 68766331 01 0101",                            // track 1: HEVC
		"a 0 90 6d703461 1190",                                  // AAC by its FourCC
		"v 0 97 02 07a120 01 61763031 12000a0b",                 // with nanoseconds
		"v 0 96 01 68766331 01 000000 00000002 2601",            // a key frame of track 1
		"a 10 91 6d703461 2110",                                 //
		"v 40 9a 61763031 0102",                                 // of an unknown packet type
		"v 40 18 000102",                                        // GStreamer 1.28's HEVC
		"v 80 1c 01 000000 00000002 2601",                       // HEVC by its old number
		"a 80 95 01 6d703461 01 2111",                           // track 1
		"a 90",                                                  // silence
		"v 90 94 61763031 02 0009 636f6c6f72496e666f 03 000009", // colour
	)
	const (
		v0, v1       = "90 61763031 81080c00", "96 00 68766331 01 0101"
		nano, v1key  = "97 02 07a120 01 61763031 12000a0b", "96 01 68766331 01 000000 00000002 2601"
		v0key        = "91 61763031 12000a0b"
		aac, aacTag  = "90 6d703461 1190", "af 00 1190"
		frame, tag   = "91 6d703461 2110", "af 01 2110"
		unknown, gst = "9a 61763031 0102", "18 000102"
		hevc12       = "1c 01 000000 00000002 2601"
		a1           = "95 01 6d703461 01 2111"
		colour       = "94 61763031 02 0009 636f6c6f72496e666f 03 000009"
	)
	tests := []struct {
		name   string
		caps   *rtmp.Capabilities
		want   []string
		notice int
	}{
		{"everything", nil, []string{v0, v1, aac, nano, v1key, frame, unknown, gst, hevc12, a1, "", colour}, 0},
		{"nothing announced", &rtmp.Capabilities{}, []string{v0, aacTag, v0key, tag, unknown, gst, hevc12, "", colour}, 0},
		{"tracks", &rtmp.Capabilities{CapsEx: rtmp.CapsMultitrack}, []string{v0, v1, aac, v0key, v1key, frame, unknown, gst, hevc12, a1, "", colour}, 0},
		{
			"HEVC without tracks", &rtmp.Capabilities{FourCCList: []string{"hvc1", "mp4a"}},
			[]string{"90 68766331 0101", aac, "91 68766331 000000 00000002 2601", frame, gst, "91 68766331 000000 00000002 2601", ""},
			1,
		},
		{"VP9 only", &rtmp.Capabilities{FourCCList: []string{"vp09"}}, []string{aac, frame, gst, ""}, 3},
		{
			"HEVC with tracks", &rtmp.Capabilities{VideoInfo: map[string]rtmp.CodecInfo{"hvc1": rtmp.CanDecode}, CapsEx: rtmp.CapsMultitrack | rtmp.CapsModEx},
			[]string{v1, aac, v1key, frame, gst, "91 68766331 000000 00000002 2601", a1, ""},
			1,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := &relay{play: func(ctx context.Context, s *rtmp.PlayStream) error {
				for _, p := range stream {
					if err := s.WritePacket(ctx, p); err != nil {
						return err
					}
				}
				return nil
			}}
			var log bytes.Buffer
			cfg := &rtmp.DialConfig{Capabilities: test.caps, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			c := rtmptest.NewServer(t, h).Dial(t, "/live/cam", cfg)
			p, err := c.Play(t.Context(), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := bodies(t, p), unspaced(test.want); !slices.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if n := strings.Count(log.String(), string(rtmp.CodePlayNoSupportedTrackFound)); n != test.notice {
				t.Errorf("the player was told %d times of what it does not get, want %d:\n%s", n, test.notice, log.String())
			}
		})
	}
}
