package node

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/media/mediatest"
)

// offer posts what a Chromium has offered. It never connects.
func offer(t *testing.T, s *server, address string, headers ...string) (answer *http.Response, text string) {
	t.Helper()
	sdp, err := os.ReadFile("../web/rtc/testdata/chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, s, http.MethodPost, address, bytes.NewReader(sdp), append(headers, "Content-Type: application/sdp")...)
}

func ask(t *testing.T, s *server, method, address string, body io.Reader, headers ...string) (answer *http.Response, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.Addr("http").String()+address, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	if answer, err = http.DefaultTransport.RoundTrip(r); err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return answer, string(b)
}

// TestWHEP: viewers over WebRTC are let in, counted and told of as others.
func TestWHEP(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		c.Apps[0].PlayToken = config.NewSecret(secret)
		c.Limits.PlayersPerStream = 1
		c.RTC.ICEServers = []config.ICEServer{"turn:turn.example.org"}
		c.RTC.ICEUser, c.RTC.ICEPassword = "viewer", config.NewSecret("hush")
	})
	send(t, publish(t, s.url("/live/cam")), mediatest.AVC(2*time.Second)...)
	s.lines.wait(t, "stream carries", "kind=audio")

	if answer, text := offer(t, s, "/live/cam/whep"); answer.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "needs a token") {
		t.Errorf("without token: %d %s", answer.StatusCode, text)
	}
	if answer, text := offer(t, s, "/live/other/whep?token="+secret); answer.StatusCode != http.StatusNotFound || !strings.Contains(text, "not live") {
		t.Errorf("not live: %d %s", answer.StatusCode, text)
	}
	answer, text := offer(t, s, "/live/cam/whep", "Authorization: Bearer "+secret)
	if answer.StatusCode != http.StatusCreated || answer.Header.Get("Leat-Left-Out") != "audio track 0 (aac)" {
		t.Fatalf("%d %v\n%s", answer.StatusCode, answer.Header, text)
	}
	if link := answer.Header.Get("Link"); !strings.Contains(link, `<turn:turn.example.org>`) || !strings.Contains(link, `credential="hush"`) {
		t.Errorf("Link: %s", link)
	}
	s.lines.wait(t, "playing", "output=webrtc", "stream=live/cam")
	s.lines.wait(t, "WebRTC cannot carry all of the stream", `left_out="audio track 0 (aac)"`)
	if n := s.control().Streams()[0].Players; n != 1 {
		t.Errorf("%d players", n)
	}
	if shot := s.snapshot(); shot.RTCSessions["viewer"] != 1 || shot.Players != 1 || shot.Plays != 1 {
		t.Errorf("snapshot: %+v", shot)
	}
	if answer, text := offer(t, s, "/live/cam/whep?token="+secret); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "as many players") {
		t.Errorf("second: %d %s", answer.StatusCode, text)
	}
	if answer, _ := ask(t, s, http.MethodDelete, answer.Header.Get("Location"), nil); answer.StatusCode != http.StatusOK {
		t.Errorf("DELETE: %d", answer.StatusCode)
	}
	s.lines.wait(t, "play ended", "output=webrtc", `reason="the client ended it"`)
	if strings.Contains(s.lines.String(), "hush") {
		t.Error("the log holds the password of the TURN server")
	}
}

// TestWHEPIsOff: without rtc.udp there are no such addresses.
func TestWHEPIsOff(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		c.RTC.UDP = ""
	})
	if answer, _ := offer(t, s, "/live/cam/whep"); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("%d", answer.StatusCode)
	}
}
