package node

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/flv"
	"leat/internal/config"
	"leat/media"
	"leat/media/mediatest"
)

// askOBS posts what OBS has posted on some machine, with another stream key.
func askOBS(t *testing.T, s *server, query, streamKey string) (answer struct {
	Status struct {
		Result string `json:"result"`
		HTML   string `json:"html_en_us"`
	} `json:"status"`
	Endpoints []struct {
		URL string `json:"url_template"`
	} `json:"ingest_endpoints"`
	Encoders []struct {
		Type   string `json:"type"`
		Height int    `json:"height"`
	} `json:"encoder_configurations"`
},
) {
	t.Helper()
	document, err := os.ReadFile("../web/multitrack/testdata/windows-nvidia.request.json")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(document), "studio?token=right", streamKey, 1)
	r, err := http.NewRequestWithContext(limit(t), http.MethodPost, "http://"+s.Addr("http").String()+"/api/v3/GetClientConfiguration"+query, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if err := json.NewDecoder(got.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestAskedByOBS: OBS is told what to send to an application, by the rules for its publishers.
func TestAskedByOBS(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		guarded, far := c.Defaults, c.Defaults
		guarded.PublishToken = config.NewSecret(secret)
		guarded.Ladder = config.Ladder{{Height: 720, Bitrate: 2500, Codec: "h264"}}
		far.PublishFrom = nil
		c.Apps = config.Apps{{Pattern: "guarded", App: guarded}, {Pattern: "far", App: far}, {Pattern: "live", App: c.Defaults}}
	})
	rtmpURL := "rtmp://" + s.Addr("rtmp").String()
	a := askOBS(t, s, "", "studio")
	if a.Status.Result != "success" || len(a.Encoders) != 4 || a.Encoders[0].Height != 1080 || a.Encoders[0].Type != "obs_nvenc_h264_tex" ||
		a.Endpoints[0].URL != rtmpURL+"/live/{stream_key}" {
		t.Errorf("%+v", a)
	}
	a = askOBS(t, s, "?app=guarded", "studio?token="+secret)
	if a.Status.Result != "success" || len(a.Encoders) != 1 || a.Encoders[0].Height != 720 || a.Endpoints[0].URL != rtmpURL+"/guarded/{stream_key}" {
		t.Errorf("with a token: %+v", a)
	}
	for _, test := range []struct{ query, streamKey, want string }{
		{"?app=guarded", "studio?token=wrong", "The stream key was refused"},
		{"?app=guarded", "studio", "The stream key was refused"},
		{"?app=far", "studio", "Publishing is not allowed from 127.0.0.1."},
		{"?app=none", "studio", "There is no application none"},
		{"", "", "The stream key is empty"},
	} {
		a := askOBS(t, s, test.query, test.streamKey)
		if a.Status.Result != "error" || !strings.Contains(a.Status.HTML, test.want) || len(a.Encoders) != 0 || len(a.Endpoints) != 0 {
			t.Errorf("%s %s: %+v", test.query, test.streamKey, a)
		}
	}
}

// onTrack makes of a stream's AVC a track of Enhanced RTMP (Multitrack, OneTrack).
func onTrack(t *testing.T, packets []*media.Packet, number byte) []*media.Packet {
	t.Helper()
	var list []*media.Packet
	for _, p := range packets {
		if p.Kind != media.Video {
			continue
		}
		frame, packetType := byte(0x20), byte(1)
		if p.Key || p.Config {
			frame = 0x10
		}
		if p.Config {
			packetType = 0
		}
		b := append([]byte{0x80 | frame | 6, packetType}, "avc1"...)
		b = append(b, number)
		if !p.Config {
			b = append(b, p.Body[2:5]...) // the composition time
		}
		all, err := flv.AppendPackets(nil, flv.TagVideo, p.Timestamp, append(b, p.Data...))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, all...)
	}
	return list
}

// TestLadder: what OBS sends as tracks of one connection are the variants of one master playlist, each of which plays; players of
// FLV and of RTMP that know one track get the first.
func TestLadder(t *testing.T) {
	t.Parallel()
	s := start(t, withHTTP)
	base := mediatest.AVC(6 * time.Second)
	all := append(slices.Clone(base), append(onTrack(t, base, 1), onTrack(t, base, 2)...)...)
	slices.SortStableFunc(all, func(a, b *media.Packet) int {
		if a.Config != b.Config {
			if a.Config {
				return -1
			}
			return 1
		}
		return int(a.Timestamp - b.Timestamp)
	})
	const late = 2500 * time.Millisecond
	cut := slices.IndexFunc(all, func(p *media.Packet) bool { return p.Timestamp >= late })
	old := announce(t, s, announcesNothing)
	until(t, "the player waited", func() bool { return s.inLog() == 1 })
	pub := publish(t, s.url("/live/cam"))
	send(t, pub, all[:cut]...)
	until(t, "half of it is there", func() bool {
		info, ok := s.hub.Stream(key)
		return ok && info.Publisher != nil && len(info.Publisher.Tracks) == 4 && info.Publisher.Packets >= uint64(cut-3)
	})
	byFLV := answered(t, fetch(t, s, "/live/cam.flv", ""))
	text := body(t, fetch(t, s, "/live/cam.m3u8", ""))
	variants := regexp.MustCompile(`(?m)^cam/_hls/(video\d)\.m3u8$`).FindAllStringSubmatch(text, -1)
	if len(variants) != 3 || strings.Count(text, "RESOLUTION=96x54") != 3 || strings.Count(text, "#EXT-X-MEDIA:TYPE=AUDIO") != 1 {
		t.Fatalf("the master playlist is\n%s", text)
	}
	send(t, pub, all[cut:]...)
	if err := pub.Close(); err != nil {
		t.Fatal(err)
	}
	s.lines.wait(t, "publish ended")
	for i, v := range variants {
		got := packetsOfMP4(t, segmentsOf(t, s, "/live/cam/_hls/", v[1]))
		if lines, want := frameLines(got, media.Video, 0), frameLines(base, media.Video, 0); len(lines) < 80 || !slices.Equal(lines, want[len(want)-len(lines):]) {
			t.Errorf("variant %d has %d frames that are not those of the track", i, len(lines))
		}
	}
	alike(t, "FLV", packetsOfFLV(t, <-byFLV), base, late)
	alike(t, "old RTMP", rest(t, old.Player), base, 0)
}
