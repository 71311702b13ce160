package node

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"leat/flv"
	"leat/internal/config"
	"leat/media"
	"leat/media/mediatest"
)

func withHTTP(c *config.Config) { c.HTTP = "127.0.0.1:0" }

// fetch asks the public door; header is "Name: value" or empty.
func fetch(t *testing.T, s *server, address, header string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr("http").String()+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if name, value, ok := strings.Cut(header, ": "); ok {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		answer.Body.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return answer
}

func body(t *testing.T, answer *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOutputs: one stream, at RTMP and at every output over HTTP.
func TestOutputs(t *testing.T) {
	t.Parallel()
	s := start(t, withHTTP)
	packets := mediatest.AVC(6 * time.Second)
	half := len(packets) / 2
	pub := publish(t, s.url("/live/a/cam"))
	send(t, pub, packets[:half]...)
	s.lines.wait(t, "stream carries", "kind=audio")

	long := fetch(t, s, "/live/a/cam.flv", "Origin: https://elsewhere.example")
	if long.StatusCode != 200 || long.Header.Get("Access-Control-Allow-Origin") != "*" || long.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("flv: %d %v", long.StatusCode, long.Header)
	}
	s.lines.wait(t, "playing", "output=flv", "stream=live/a/cam")
	fragments := fetch(t, s, "/live/a/cam.mp4", "")
	if fragments.StatusCode != 200 || !strings.Contains(fragments.Header.Get("Content-Type"), "avc1.") {
		t.Errorf("mp4: %d %v", fragments.StatusCode, fragments.Header)
	}
	master := fetch(t, s, "/live/a/cam/index.m3u8", "")
	text := body(t, master)
	if master.StatusCode != 200 || !strings.Contains(text, "\n_hls/video0.m3u8\n") || !strings.Contains(text, `URI="_hls/audio0.m3u8"`) {
		t.Fatalf("master: %d\n%s", master.StatusCode, text)
	}
	text = body(t, fetch(t, s, "/live/a/cam/_hls/video0.m3u8", ""))
	segment := regexp.MustCompile(`(?m)^video0-.*\.mp4$`).FindString(text)
	if b := body(t, fetch(t, s, "/live/a/cam/_hls/"+segment, "")); segment == "" || !strings.Contains(b, "moof") {
		t.Errorf("segment %q has %d bytes; the playlist is\n%s", segment, len(b), text)
	}
	if n := s.Players(media.Key{App: "live", Instance: "a", Name: "cam"}); n != 3 {
		t.Errorf("%d players, want 3", n)
	}

	send(t, pub, packets[half:]...)
	if err := pub.Close(); err != nil {
		t.Fatal(err)
	}
	r := flv.NewReader(long.Body)
	frames := 0
	for {
		p, err := r.ReadPacket(t.Context())
		if err != nil {
			break
		}
		if p.Kind == media.Video && !p.Config {
			frames++
		}
	}
	if frames < 75 {
		t.Errorf("%d pictures came by FLV", frames)
	}
	if b := body(t, fragments); !strings.Contains(b, "moof") {
		t.Error("no fragment came")
	}
	s.lines.wait(t, "play ended", "output=flv", "the stream is over")
}

// TestOutputsRefuse: the rules are those of RTMP, and each refusal says why and what to do.
func TestOutputsRefuse(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		c.Limits.PlayersPerStream = 1
		guarded := c.Defaults
		guarded.PlayToken = config.NewSecret(secret)
		nobody := c.Defaults
		nobody.PlayFrom = nil
		c.Apps = config.Apps{{Pattern: "guarded", App: guarded}, {Pattern: "nobody", App: nobody}, {Pattern: "live", App: c.Defaults}}
	})
	pub := publish(t, s.url("/guarded/cam"))
	send(t, pub, mediatest.AVC(3*time.Second)...)
	s.lines.wait(t, "stream carries", "kind=audio")
	tests := []struct {
		address, header string
		status          int
		text            string
	}{
		{"/nowhere/cam.flv", "", 404, "There is no such application"},
		{"/nobody/cam.flv", "", 403, "Playing is not allowed from 127.0.0.1."},
		{"/guarded/cam.flv", "", 401, "Playing needs a token"},
		{"/guarded/cam.m3u8?token=wrong", "", 401, "Playing needs a token"},
		{"/guarded/other.flv", "", 401, "Playing needs a token"},
		{"/guarded/other.flv?token=" + secret, "", 404, "This stream is not live, and there is no recording of it."},
		{"/live/cam.mp4", "", 404, "This stream is not live"},
		{"/live/cam.m3u8", "", 404, "This stream is not live"},
		{"/live/cam/_hls/video0.m3u8", "", 404, "There is no such file"},
		{"/live/cam/_vod/video0.m3u8", "", 404, "This stream is not live"},
		{"/live/../../etc/passwd.flv", "", 404, "There is no such page"},
		{"/guarded/cam.m3u8", "Authorization: Bearer " + secret, 200, "#EXTM3U"},
		{"/guarded/cam.m3u8?token=" + secret, "", 200, "video0.m3u8?token=" + secret},
		{"/guarded/cam.flv?token=" + secret, "", 503, "as many players as it takes"},
	}
	for _, test := range tests {
		answer := fetch(t, s, test.address, test.header)
		if text := body(t, answer); answer.StatusCode != test.status || !strings.Contains(text, test.text) {
			t.Errorf("%s: %d %q, want %d %q", test.address, answer.StatusCode, text, test.status, test.text)
		}
		if retry := answer.Header.Get("Retry-After"); (retry != "") != (test.status == 503) {
			t.Errorf("%s: Retry-After %q", test.address, retry)
		}
	}
}

// TestRecordingOverHTTP: a file is served with ranges, other formats are made of it.
func TestRecordingOverHTTP(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		c.Defaults.PlayDir = folder
		c.Apps = config.Apps{{Pattern: "*", App: c.Defaults}}
	})
	var file bytes.Buffer
	w := flv.NewWriter(&file)
	for _, p := range mediatest.AVC(10 * time.Second) {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "film.flv"), file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := fetch(t, s, "/live/film.flv", "")
	if b := body(t, whole); b != file.String() || whole.Header.Get("ETag") == "" {
		t.Errorf("%d bytes, want %d; %v", len(b), file.Len(), whole.Header)
	}
	part := fetch(t, s, "/live/film.flv", "Range: bytes=3-4")
	if b := body(t, part); part.StatusCode != 206 || b != file.String()[3:5] {
		t.Errorf("range: %d %q", part.StatusCode, b)
	}
	if same := fetch(t, s, "/live/film.flv", "If-None-Match: "+whole.Header.Get("ETag")); same.StatusCode != 304 {
		t.Errorf("the same again: %d", same.StatusCode)
	}
	if b := body(t, fetch(t, s, "/live/film.mp4", "")); b[4:8] != "ftyp" || !strings.Contains(b, "moof") {
		t.Errorf("mp4: %d bytes", len(b))
	}
	if b := body(t, fetch(t, s, "/live/film.flv?start=5", "")); len(b) > file.Len()*2/3 || !strings.HasPrefix(b, "FLV") {
		t.Errorf("from 5 s: %d bytes of %d", len(b), file.Len())
	}
	if text := body(t, fetch(t, s, "/live/film.m3u8", "")); !strings.Contains(text, "\nfilm/_vod/video0.m3u8\n") {
		t.Errorf("master:\n%s", text)
	}
	text := body(t, fetch(t, s, "/live/film/_vod/video0.m3u8", ""))
	segment := regexp.MustCompile(`(?m)^video0-.*-1\.mp4$`).FindString(text)
	if b := body(t, fetch(t, s, "/live/film/_vod/"+segment, "")); !strings.Contains(text, "#EXT-X-ENDLIST") || !strings.Contains(b, "moof") {
		t.Errorf("segment %q of %d bytes; the playlist is\n%s", segment, len(b), text)
	}
}

// TestForwardedFor: only a proxy that is known is believed about where its clients come from.
func TestForwardedFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		proxies []string
		from    string
		header  string
		want    string
	}{
		{nil, "10.0.0.1:5", "1.2.3.4", "10.0.0.1"},
		{[]string{"10.0.0.1"}, "10.0.0.1:5", "1.2.3.4", "1.2.3.4"},
		{[]string{"10.0.0.1"}, "10.0.0.1:5", "6.6.6.6, 1.2.3.4", "1.2.3.4"},
		{[]string{"10.0.0.1"}, "10.0.0.1:5", "1.2.3.4, 10.0.0.1", "1.2.3.4"},
		{[]string{"10.0.0.1"}, "10.0.0.1:5", "nonsense", "10.0.0.1"},
		{[]string{"10.0.0.1"}, "10.0.0.2:5", "1.2.3.4", "10.0.0.2"},
		{[]string{"10.0.0.1"}, "10.0.0.1:5", "", "10.0.0.1"},
	} {
		cfg := config.Default()
		for _, p := range test.proxies {
			var s config.Source
			if err := s.UnmarshalText([]byte(p)); err != nil {
				t.Fatal(err)
			}
			cfg.Proxies = append(cfg.Proxies, s)
		}
		n := &Node{}
		n.cfg.Store(cfg)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.from
		r.Header.Set("X-Forwarded-For", test.header)
		if got := n.webAddr(r).String(); got != test.want {
			t.Errorf("%v, from %s, %q: %s, want %s", test.proxies, test.from, test.header, got, test.want)
		}
	}
}
