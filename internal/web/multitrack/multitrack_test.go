package multitrack

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the answers in testdata anew")

var ladder = []Rung{{1440, 60, 9000, HEVC}, {1080, 60, 6000, H264}, {720, 60, 3500, H264}, {480, 30, 1200, H264}, {360, 30, 600, ""}}

// ask posts a document to a server whose streams need a token.
func ask(document string) *httptest.ResponseRecorder {
	h := Handler(Config{
		Logger: slog.New(slog.DiscardHandler),
		Ingest: func(r *http.Request, name, query string) (Ingest, error) {
			switch {
			case name == "broken":
				return Ingest{}, errors.New("open /srv/secret: input/output error")
			case query != "token=right":
				return Ingest{}, Refusal("The stream key <was> refused.")
			case name == "single":
				return Ingest{}, nil
			}
			return Ingest{App: "live", Ladder: ladder, Endpoints: []Endpoint{{"RTMP", "rtmp://" + r.Host + "/live/{stream_key}"}}}, nil
		},
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, Path, strings.NewReader(document)))
	return w
}

// TestReplay posts what OBS posts on different machines. The answers are in testdata.
func TestReplay(t *testing.T) {
	requests, err := filepath.Glob("testdata/*.request.json")
	if err != nil || len(requests) == 0 {
		t.Fatal(requests, err)
	}
	for _, name := range requests {
		document, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		w := ask(string(document))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		var got bytes.Buffer
		if err := json.Indent(&got, w.Body.Bytes(), "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
		golden := strings.Replace(name, ".request.", ".answer.", 1)
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: the answer is\n%s", name, &got)
		}
		if bytes.Contains(got.Bytes(), []byte("right")) {
			t.Errorf("%s: the answer repeats the token", name)
		}
	}
}

func TestRefusals(t *testing.T) {
	const picture = `"preferences":{"canvases":[{"width":1280,"height":720,"framerate":{"numerator":30,"denominator":1}}]}`
	tests := []struct {
		name, document string
		status         int
		answer         []string // contained
	}{
		{"not JSON", "service=IVS", 400, []string{"not the JSON document"}},
		{"cut short", `{"authentication":"studio`, 400, []string{"not the JSON document"}},
		{"two documents", `{}{}`, 400, []string{"not the JSON document"}},
		{"a list", `[]`, 400, []string{"not the JSON document"}},
		{"too long", `{"service":"` + strings.Repeat("x", maxBody) + `"}`, 413, []string{"64 KiB"}},
		{"nested deep", strings.Repeat(`{"a":`, 12_000), 400, []string{"not the JSON document"}},
		{"no stream key", `{}`, 200, []string{`"result":"error"`, "stream key is empty", `"encoder_configurations":[]`}},
		{"a wrong token", `{"authentication":"studio?token=wrong"}`, 200, []string{`"result":"error"`, `\u0026lt;was\u0026gt; refused`}},
		{"no canvas", `{"authentication":"studio?token=right"}`, 200, []string{`"result":"error"`, "no canvas"}},
		{
			"a canvas of nothing",
			`{"authentication":"studio?token=right","preferences":{"canvases":[{"width":-1,"height":720,"framerate":{"numerator":30,"denominator":0}}]}}`,
			200,
			[]string{`"result":"error"`, "no canvas"},
		},
		{"no ladder", `{"authentication":"single?token=right",` + picture + `}`, 200, []string{`"result":"warning"`, "Turn Multitrack Video off"}},
		{
			"a bit rate that is too low",
			`{"authentication":"studio?token=right",` + strings.Replace(picture, "{", `{"maximum_aggregate_bitrate":500,`, 1) + `}`,
			200,
			[]string{`"result":"warning"`, "760 kbit/s"},
		},
		{"the server's own failure", `{"authentication":"broken"}`, 500, []string{"its log says why"}},
	}
	for _, test := range tests {
		w := ask(test.document)
		body := w.Body.String()
		if w.Code != test.status || strings.Contains(body, "/srv/secret") || strings.Contains(body, "wrong") {
			t.Errorf("%s: %d %s", test.name, w.Code, body)
		}
		for _, want := range test.answer {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the answer lacks %q: %s", test.name, want, body)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	w := httptest.NewRecorder()
	Handler(Config{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path, nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" || !strings.Contains(w.Body.String(), "--config-url") {
		t.Errorf("GET: %d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestChoose(t *testing.T) {
	number := func(n uint32) *uint32 { return &n }
	rate := func(n uint64) *uint64 { return &n }
	full := canvas{1920, 1080, framerate{60, 1}}
	tests := []struct {
		name   string
		canvas canvas
		limits preferences
		cores  int
		want   string
	}{
		{name: "all", canvas: full, want: "1920x1080@60:6000 1280x720@60:3500 854x480@30:1200 640x360@30:600"},
		{name: "larger than the ladder", canvas: canvas{3840, 2160, framerate{60, 1}}, want: "2560x1440@60:9000 1920x1080@60:6000 1280x720@60:3500 854x480@30:1200 640x360@30:600"},
		{name: "between two rungs", canvas: canvas{1600, 900, framerate{30, 1}}, want: "1600x900@30:6000 1280x720@30:3500 854x480@30:1200 640x360@30:600"},
		{name: "nearly a rung", canvas: canvas{1920, 1088, framerate{30, 1}}, want: "1906x1080@30:6000 1270x720@30:3500 848x480@30:1200 636x360@30:600"},
		{name: "smaller than the ladder", canvas: canvas{320, 240, framerate{25, 1}}, want: "320x240@25:600"},
		{name: "rates that do not divide", canvas: canvas{640, 360, framerate{50, 1}}, want: "640x360@25:600"},
		{name: "a rate of 1000 fps", canvas: canvas{640, 360, framerate{1000, 1}}, want: "640x360@29.41176470588235:600"},
		{name: "one track", canvas: full, limits: preferences{MaximumVideoTracks: number(1)}, want: "1920x1080@60:6000"},
		{name: "no track", canvas: full, limits: preferences{MaximumVideoTracks: number(0)}, want: "1920x1080@60:6000"},
		{name: "two tracks", canvas: full, limits: preferences{MaximumVideoTracks: number(2)}, want: "1920x1080@60:6000 640x360@30:600"},
		{name: "three tracks", canvas: full, limits: preferences{MaximumVideoTracks: number(3)}, want: "1920x1080@60:6000 1280x720@60:3500 640x360@30:600"},
		{name: "many tracks", canvas: full, limits: preferences{MaximumVideoTracks: number(1 << 31)}, want: "1920x1080@60:6000 1280x720@60:3500 854x480@30:1200 640x360@30:600"},
		{name: "8 Mbit/s", canvas: full, limits: preferences{MaximumAggregateBitrate: rate(8000)}, want: "1920x1080@60:6000 854x480@30:1200 640x360@30:600"},
		{name: "2 Mbit/s", canvas: full, limits: preferences{MaximumAggregateBitrate: rate(2000)}, want: "854x480@30:1200 640x360@30:600"},
		{name: "as much as a number can be", canvas: full, limits: preferences{MaximumAggregateBitrate: rate(1<<64 - 1)}, want: "1920x1080@60:6000 1280x720@60:3500 854x480@30:1200 640x360@30:600"},
		{name: "too little", canvas: full, limits: preferences{MaximumAggregateBitrate: rate(700)}, want: ""},
		{name: "two processors", canvas: full, cores: 2, want: "1920x1080@60:6000 of 4"},
		{name: "eight processors", canvas: full, cores: 8, want: "1920x1080@60:6000 1280x720@60:3500 854x480@30:1200 640x360@30:600"},
	}
	for _, test := range tests {
		q := &request{Preferences: test.limits}
		q.Capabilities.CPU.LogicalCores = test.cores
		list, wanted := choose(ladder, test.canvas, q)
		var got []string
		for _, r := range list {
			got = append(got, fmt.Sprintf("%dx%d@%v:%d", r.width, r.height, r.rate.perSecond(), r.bitrate))
		}
		text := strings.Join(got, " ")
		if wanted != len(list) {
			text += fmt.Sprintf(" of %d", wanted)
		}
		if text != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, text, test.want)
		}
	}
}

func TestEncoderFor(t *testing.T) {
	card := func(vendor uint32, system, version string, listed ...string) *request {
		q := &request{Client: client{Version: version, SupportedCodecs: []string{"h264", "h265", "av1"}, SupportedEncoders: listed}}
		q.Capabilities.GPU = []gpu{{VendorID: vendor}}
		q.Capabilities.System.Name = system
		return q
	}
	apple := card(0, "macOS", "31.0.0")
	apple.Capabilities.System.ARM = true
	two := card(intel, "Windows", "31.0.0")
	two.Capabilities.GPU = append(two.Capabilities.GPU, gpu{nvidia})
	second := 1
	two.Preferences.CompositionGPU = &second
	plain := card(nvidia, "Windows", "31.0.0")
	plain.Client.SupportedCodecs = nil
	tests := []struct {
		name string
		q    *request
		want []string // H.264, HEVC, AV1
	}{
		{"NVIDIA", card(nvidia, "Windows", "31.0.0"), []string{"obs_nvenc_h264_tex", "obs_nvenc_hevc_tex", "obs_nvenc_av1_tex"}},
		{"NVIDIA, OBS 30", card(nvidia, "Windows", "30.2.3"), []string{"jim_nvenc", "jim_hevc_nvenc", "jim_av1_nvenc"}},
		{"NVIDIA, without AV1", card(nvidia, "Windows", "32.0.1", "obs_x264", "obs_nvenc_h264_tex", "obs_nvenc_hevc_tex"), []string{"obs_nvenc_h264_tex", "obs_nvenc_hevc_tex", ""}},
		{"AMD", card(amd, "Windows", "31.0.0"), []string{"h264_texture_amf", "h265_texture_amf", "av1_texture_amf"}},
		{"AMD on Linux", card(amd, "Linux", "31.0.0"), []string{"obs_x264", "", ""}},
		{"AMD on Linux, listed", card(amd, "Linux", "32.0.1", "obs_x264", "ffmpeg_vaapi_tex", "hevc_ffmpeg_vaapi_tex"), []string{"ffmpeg_vaapi_tex", "hevc_ffmpeg_vaapi_tex", ""}},
		{"Intel", card(intel, "Windows", "31.0.0"), []string{"obs_qsv11_v2", "obs_qsv11_hevc", "obs_qsv11_av1"}},
		{"Apple", apple, []string{"com.apple.videotoolbox.videoencoder.ave.avc", "com.apple.videotoolbox.videoencoder.ave.hevc", ""}},
		{"two cards", two, []string{"obs_nvenc_h264_tex", "obs_nvenc_hevc_tex", "obs_nvenc_av1_tex"}},
		{"no codecs", plain, []string{"obs_nvenc_h264_tex", "", ""}},
		{"nothing is known", &request{}, []string{"obs_x264", "", ""}},
		{"an unknown card", card(7, "Windows", "x", "obs_x264"), []string{"obs_x264", "", ""}},
	}
	for _, test := range tests {
		got := []string{encoderFor(H264, test.q), encoderFor(HEVC, test.q), encoderFor(AV1, test.q)}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// FuzzRequest: whatever is posted, the answer is JSON with renditions that an encoder can make, or a refusal.
func FuzzRequest(f *testing.F) {
	requests, err := filepath.Glob("testdata/*.request.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range requests {
		document, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(document))
	}
	f.Fuzz(func(t *testing.T, document string) {
		w := ask(document)
		if w.Code != http.StatusOK {
			return
		}
		var a answer
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if len(a.EncoderConfigurations) > maxRenditions || a.Status.Result == resultSuccess && len(a.EncoderConfigurations) == 0 {
			t.Fatalf("%d renditions: %s", len(a.EncoderConfigurations), w.Body)
		}
		for _, c := range a.EncoderConfigurations {
			if c.Width < 2 || c.Height < 2 || c.Width > mostSide || c.Height > mostSide || c.Width%2+c.Height%2 != 0 ||
				c.Framerate.Numerator == 0 || c.Framerate.Denominator == 0 || c.Type == "" {
				t.Fatalf("a rendition that cannot be: %+v", c)
			}
		}
	})
}
