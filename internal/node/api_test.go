package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/web/api"
	"leat/media/mediatest"
)

// do sends a request to the API and returns status and body.
func do(t *testing.T, s *server, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(limit(t), method, "http://"+s.Addr("admin").String()+api.Prefix+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return answerTo(t, r)
}

func answerTo(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var text json.RawMessage
	if answer.StatusCode != http.StatusNoContent {
		if err := json.NewDecoder(answer.Body).Decode(&text); err != nil {
			t.Fatalf("%s %s: %v", r.Method, r.URL, err)
		}
	}
	return answer.StatusCode, string(text)
}

// list gets a list of the API.
func list[T any](t *testing.T, s *server, path string) []T {
	t.Helper()
	status, text := do(t, s, http.MethodGet, path, "")
	var l struct{ Items []T }
	if err := json.Unmarshal([]byte(text), &l); err != nil || status != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %s", path, status, err, text)
	}
	return l.Items
}

func TestAPI(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		c.Admin, c.Data = "127.0.0.1:0", t.TempDir()
		c.Apps[0].PlayToken = config.NewSecret(secret)
	})
	want := mediatest.AVC(time.Second)
	pub := publish(t, s.url("/live/cam"))
	p := play(t, s.url("/live/cam?token="+secret), nil)
	until(t, "the player was in the log", func() bool { return s.inLog() == 1 })
	send(t, pub, want...)
	take(t, p, len(want))

	streams := list[api.Stream](t, s, "/streams")
	if len(streams) != 1 || streams[0].Name != "live/cam" || streams[0].State != api.StateLive || streams[0].Players != 1 ||
		len(streams[0].Tracks) != 2 || streams[0].Publisher == nil {
		t.Fatalf("streams: %+v", streams)
	}
	video := streams[0].Tracks[0]
	if video.Kind != "video" || video.Codec != "h264" || video.Width == 0 || video.Frames == 0 {
		t.Errorf("video: %+v", video)
	}
	players := list[api.Player](t, s, "/players?stream=live/cam")
	if len(players) != 1 || players[0].Transport != "rtmp" || players[0].Bytes == 0 || players[0].Paused {
		t.Fatalf("players: %+v", players)
	}
	if others := list[api.Player](t, s, "/players?stream=live/other"); len(others) != 0 {
		t.Errorf("players of another stream: %+v", others)
	}
	connections := list[api.Connection](t, s, "/connections")
	if len(connections) != 2 || connections[0].ID != streams[0].Publisher.Connection || connections[0].Role != RolePublisher ||
		connections[1].ID != players[0].Connection {
		t.Errorf("connections: %+v", connections)
	}

	recordByAPI(t, s)

	if status, text := do(t, s, http.MethodDelete, fmt.Sprintf("/connections/%d?reason=test", players[0].Connection), ""); status != http.StatusNoContent {
		t.Errorf("kick: status %d, %s", status, text)
	}
	s.lines.wait(t, "msg=closed", "reason=test")
	if status, text := do(t, s, http.MethodDelete, "/connections/999", ""); status != http.StatusNotFound || !strings.Contains(text, "There is no connection 999") {
		t.Errorf("kick of nobody: status %d, %s", status, text)
	}
	if status, text := do(t, s, http.MethodPost, "/reconnect", `{"stream":"live/nobody"}`); status != http.StatusNotFound {
		t.Errorf("reconnect of no stream: status %d, %s", status, text)
	}
	relayByAPI(t, s)
	for _, path := range []string{"/server", "/streams", "/streams/live/cam", "/players", "/connections", "/recordings", "/relays"} {
		if _, text := do(t, s, http.MethodGet, path, ""); strings.Contains(text, secret) {
			t.Errorf("%s holds a token: %s", path, text)
		}
	}
}

// relayByAPI begins and ends a push.
func relayByAPI(t *testing.T, s *server) {
	t.Helper()
	for _, bad := range []string{
		`{"kind":"push","stream":"live","url":"rtmp://127.0.0.1:1/live"}`, `{"kind":"pull","stream":"live/x","url":"http://127.0.0.1"}`,
	} {
		if status, text := do(t, s, http.MethodPost, "/relays", bad); status != http.StatusBadRequest {
			t.Errorf("%s: status %d, %s", bad, status, text)
		}
	}
	status, text := do(t, s, http.MethodPost, "/relays", `{"kind":"push","stream":"live/later","url":"rtmp://127.0.0.1:1/live","key":"`+secret+`"}`)
	if status != http.StatusOK {
		t.Fatalf("push: status %d, %s", status, text)
	}
	relays := list[api.Relay](t, s, "/relays")
	if len(relays) != 1 || relays[0].Kind != api.RelayPush || relays[0].Stream != "live/later" {
		t.Fatalf("relays: %+v", relays)
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if status, text := do(t, s, http.MethodDelete, "/relays/"+relays[0].ID, ""); status != want {
			t.Errorf("stop: status %d, want %d: %s", status, want, text)
		}
	}
}

// recordByAPI records live/cam for a moment.
func recordByAPI(t *testing.T, s *server) {
	t.Helper()
	const stream = `{"stream":"live/cam"}`
	for _, step := range []struct {
		path, body string
		status     int
	}{
		{"/recordings/stop", stream, http.StatusConflict},
		{"/recordings/start", `{"stream":"live/nobody"}`, http.StatusNotFound},
		{"/recordings/start", stream, http.StatusNoContent},
		{"/recordings/start", stream, http.StatusConflict},
	} {
		if status, text := do(t, s, http.MethodPost, step.path, step.body); status != step.status {
			t.Errorf("%s %s: status %d, want %d: %s", step.path, step.body, status, step.status, text)
		}
	}
	if streams := list[api.Stream](t, s, "/streams"); !streams[0].Recording {
		t.Error("the stream does not say that it is recorded")
	}
	s.lines.wait(t, "msg=recording", "live/cam")
	if status, text := do(t, s, http.MethodPost, "/recordings/stop", stream); status != http.StatusNoContent {
		t.Errorf("stop: status %d, %s", status, text)
	}
	s.lines.wait(t, `msg="recording ended"`)
	files := list[api.Recording](t, s, "/recordings?stream=live/cam")
	if len(files) != 1 || files[0].Stream != "live/cam" || !files[0].Complete || files[0].Size == 0 {
		t.Fatalf("recordings: %+v", files)
	}
	if status, text := do(t, s, http.MethodDelete, "/recordings/"+files[0].Path, ""); status != http.StatusNoContent {
		t.Errorf("delete: status %d, %s", status, text)
	}
	if status, _ := do(t, s, http.MethodDelete, "/recordings/"+files[0].Path, ""); status != http.StatusNotFound {
		t.Errorf("delete again: status %d", status)
	}
}

// TestViewersByAPI: players over HTTP are listed with what they got, told of, and can be ended.
func TestViewersByAPI(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		c.Admin = "127.0.0.1:0"
	})
	pub := publish(t, s.url("/live/cam"))
	send(t, pub, mediatest.AVC(3*time.Second)...)
	s.lines.wait(t, "stream carries", "kind=audio")
	byFLV := answered(t, fetch(t, s, "/live/cam.flv?token="+secret, "User-Agent: mpegts.js"))
	bySocket := socket(t, s, "/live/cam.mp4")
	body(t, fetch(t, s, "/live/cam.m3u8", ""))
	ids := map[string]uint64{}
	until(t, "three viewers are listed, two of them with what they got", func() bool {
		players := list[api.Player](t, s, "/players?stream=live/cam")
		for _, p := range players {
			if p.Transport == "hls" || p.Bytes > 0 && p.Viewer > 0 {
				ids[p.Transport] = p.Viewer
			}
			if p.Transport == "flv" && p.Agent != "mpegts.js" {
				t.Errorf("%+v", p)
			}
		}
		return len(players) == 3 && len(ids) == 3
	})
	for _, test := range []struct {
		id     uint64
		status int
	}{{ids["hls"], http.StatusNotFound}, {99, http.StatusNotFound}, {ids["flv"], http.StatusNoContent}, {ids["ws-mp4"], http.StatusNoContent}} {
		if status, text := do(t, s, http.MethodDelete, fmt.Sprintf("/players/%d?reason=test", test.id), ""); status != test.status {
			t.Errorf("viewer %d: status %d, %s", test.id, status, text)
		}
	}
	<-byFLV
	<-bySocket
	s.lines.wait(t, "play ended", "output=flv", "ended by an operator: test")
	s.lines.wait(t, "play ended", "output=ws-mp4", "ended by an operator: test")
	until(t, "one viewer is left", func() bool { return len(list[api.Player](t, s, "/players")) == 1 })
}

func TestReloadByAPI(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.Admin = "127.0.0.1:0" })
	if status, text := do(t, s, http.MethodPost, "/reload", ""); status != http.StatusConflict || !strings.Contains(text, "could be read again") {
		t.Errorf("without a file: %d %s", status, text)
	}
	n := &Node{Reread: func() error {
		return errors.Join(errors.New("leat.yaml:1: no such field"), errors.New("leat.yaml:2: has no value"))
	}}
	if err := n.control().Reload(); err == nil || !strings.HasSuffix(err.Error(), "leat.yaml:1: no such field; leat.yaml:2: has no value.") {
		t.Errorf("with mistakes: %v", err)
	}
	n.Reread = func() error { return nil }
	if err := n.control().Reload(); err != nil {
		t.Error(err)
	}
}
