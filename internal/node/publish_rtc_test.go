package node

import (
	"net/http"
	"strings"
	"testing"

	"leat/internal/config"
)

// TestWHIP: publishers over WebRTC are let in, counted and told of as others.
func TestWHIP(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		c.Apps[0].PublishToken = config.NewSecret(secret)
		c.Limits.Publishers = 2
	})
	if answer, text := offer(t, s, "/live/cam/whip?token=wrong"); answer.StatusCode != http.StatusUnauthorized || !strings.Contains(text, "needs a token") ||
		answer.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("wrong token: %d %s", answer.StatusCode, text)
	}
	bearer := "Authorization: Bearer " + secret
	if answer, text := ask(t, s, http.MethodPost, "/live/cam/whip", strings.NewReader("nonsense"), bearer, "Content-Type: application/sdp"); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("nonsense: %d %s", answer.StatusCode, text)
	}
	s.lines.wait(t, "publisher refused", "no session description")
	answer, text := offer(t, s, "/live/cam/whip", bearer)
	if answer.StatusCode != http.StatusCreated || answer.Header.Get("Leat-Left-Out") != "" {
		t.Fatalf("%d %v\n%s", answer.StatusCode, answer.Header, text)
	}
	s.lines.wait(t, "publishing", "input=webrtc", "stream=live/cam")
	if shot := s.snapshot(); shot.RTCSessions["publisher"] != 1 || shot.Publishers != 1 || shot.Publications != 1 {
		t.Errorf("snapshot: %+v", shot)
	}
	if answer, text := offer(t, s, "/live/cam/whip", bearer); answer.StatusCode != http.StatusConflict || !strings.Contains(text, "already being published") {
		t.Errorf("second: %d %s", answer.StatusCode, text)
	}
	if answer, _ := ask(t, s, http.MethodDelete, answer.Header.Get("Location"), nil); answer.StatusCode != http.StatusOK {
		t.Errorf("DELETE: %d", answer.StatusCode)
	}
	s.lines.wait(t, "publish ended", `reason="the client ended the stream"`)
}

// TestWHIPFrom: publish_from counts, too.
func TestWHIPFrom(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		c.Apps[0].PublishFrom = nil
	})
	if answer, text := offer(t, s, "/live/cam/whip"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	s.lines.wait(t, "publisher refused", "publish_from")
}
