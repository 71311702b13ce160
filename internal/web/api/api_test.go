package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fakeServer has one of everything, and notes what is done to it.
type fakeServer struct {
	news News
	done []string
}

func (*fakeServer) About() About      { return About{Version: "v1", Addresses: []Address{}} }
func (*fakeServer) Streams() []Stream { return []Stream{{Name: "live/a"}, {Name: "live/b"}} }

func (*fakeServer) Stream(name string) (Stream, bool) {
	return Stream{Name: name, History: []Sample{{FPS: 30}}}, strings.HasPrefix(name, "live/")
}

func (*fakeServer) Players(stream string, limit int) ([]Player, int) {
	return slices.Repeat([]Player{{Stream: stream}}, min(3, limit)), 3
}

func (*fakeServer) Connections(limit int) ([]Connection, int) {
	return slices.Repeat([]Connection{{ID: 7}}, min(3, limit)), 3
}

func (*fakeServer) Connection(id uint64) (Connection, bool) { return Connection{ID: id}, id == 7 }

func (s *fakeServer) Kick(id uint64, reason string) error {
	if id != 7 {
		return &Problem{Status: http.StatusNotFound, Sentence: "There is no such connection."}
	}
	s.done = append(s.done, "kick: "+reason)
	return nil
}

func (s *fakeServer) KickViewer(id uint64, reason string) error {
	s.done = append(s.done, fmt.Sprintf("kick viewer %d: %s", id, reason))
	return nil
}

func (s *fakeServer) Reload() error {
	s.done = append(s.done, "reload")
	return &Problem{Status: http.StatusUnprocessableEntity, Sentence: "leat.yaml:3: no such field."}
}

func (s *fakeServer) Reconnect(stream, url, reason string) (int, error) {
	s.done = append(s.done, strings.Join([]string{"reconnect", stream, url, reason}, " "))
	return 2, nil
}

func (*fakeServer) Recordings(stream string, limit int) ([]Recording, int, error) {
	if stream == "broken" {
		return nil, 0, errors.New("open /srv/leat.db: input/output error")
	}
	return slices.Repeat([]Recording{{Stream: stream}}, min(3, limit)), 3, nil
}

func (s *fakeServer) DeleteRecording(path string) error {
	s.done = append(s.done, "delete "+path)
	return nil
}

func (s *fakeServer) StartRecording(stream string) error {
	s.done = append(s.done, "start "+stream)
	return &Problem{Status: http.StatusConflict, Sentence: "The stream is being recorded already."}
}

func (s *fakeServer) StopRecording(stream string) error {
	s.done = append(s.done, "stop "+stream)
	return nil
}

func (*fakeServer) Relays() []Relay {
	return []Relay{{ID: "1", Kind: RelayPush}, {ID: "2", Kind: RelayPull}}
}

func (s *fakeServer) StartRelay(r *NewRelay) (string, error) {
	s.done = append(s.done, strings.Join([]string{r.Kind, r.Stream, r.URL}, " "))
	return "push-1", nil
}

func (s *fakeServer) StopRelay(id string) error {
	s.done = append(s.done, "stop "+id)
	return nil
}

func (s *fakeServer) News() *News { return &s.news }

func TestAPI(t *testing.T) {
	tests := []struct {
		request string
		body    string
		status  int
		answer  string // contained
		done    string
	}{
		{request: "GET /server", status: 200, answer: `"version":"v1"`},
		{request: "GET /streams", status: 200, answer: `"total":2`},
		{request: "GET /streams?limit=1", status: 200, answer: `"name":"live/a"`},
		{request: "GET /streams?limit=0", status: 422, answer: "expected number >= 1"},
		{request: "GET /streams?limit=1001", status: 422, answer: "1000"},
		{request: "GET /streams/live/a", status: 200, answer: `"history":[{`},
		{request: "GET /streams/live/room/a%20b", status: 200, answer: `"name":"live/room/a b"`},
		{request: "GET /streams/other/a", status: 404, answer: `"detail":"There is no stream other/a: nobody publishes or plays it."`},
		{request: "GET /players?stream=live/a&limit=2", status: 200, answer: `"total":3,"items":[{"stream":"live/a"`},
		{request: "GET /connections?limit=1", status: 200, answer: `"total":3,"items":[{"id":7`},
		{request: "GET /connections/7", status: 200, answer: `"id":7`},
		{request: "GET /connections/8", status: 404, answer: "There is no connection of that number"},
		{request: "GET /connections/x", status: 422},
		{request: "DELETE /connections/7", status: 204, done: "kick: an operator ended it"},
		{request: "DELETE /connections/7?reason=spam", status: 204, done: "kick: spam"},
		{request: "DELETE /connections/8", status: 404, answer: `"detail":"There is no such connection."`},
		{request: "DELETE /players/9?reason=test", status: 204, done: "kick viewer 9: test"},
		{request: "DELETE /players/x", status: 422, answer: "invalid integer"},
		{request: "POST /reload", status: 422, answer: `"detail":"leat.yaml:3: no such field."`, done: "reload"},
		{request: "POST /reconnect", body: `{}`, status: 200, answer: `{"asked":2}`, done: "reconnect   "},
		{request: "POST /reconnect", body: `{"stream":"live/a","url":"rtmp://b/live","reason":"moving"}`, status: 200, done: "reconnect live/a rtmp://b/live moving"},
		{request: "POST /reconnect", body: `{"what":1}`, status: 422, answer: "unexpected property"},
		{request: "POST /reconnect", body: `{`, status: 400},
		{request: "POST /reconnect", status: 400, answer: "body is required"},
		{request: "POST /reconnect", body: `{"reason":"` + strings.Repeat("x", maxBody) + `"}`, status: 413},
		{request: "GET /recordings?stream=live/a&limit=1", status: 200, answer: `"total":3,"items":[{"path":"","stream":"live/a"`},
		{request: "GET /recordings?stream=broken", status: 500, answer: "its log says why"},
		{request: "DELETE /recordings/live/a/2026.flv", status: 204, done: "delete live/a/2026.flv"},
		{request: "POST /recordings/start", body: `{"stream":"live/a"}`, status: 409, answer: "recorded already", done: "start live/a"},
		{request: "POST /recordings/stop", body: `{"stream":"live/a"}`, status: 204, done: "stop live/a"},
		{request: "POST /recordings/stop", body: `{}`, status: 422, answer: "required property stream"},
		{request: "GET /relays?limit=1", status: 200, answer: `"total":2,"items":[{"id":"1","kind":"push"`},
		{
			request: "POST /relays", body: `{"kind":"push","stream":"live/a","url":"rtmp://b/live","key":"k"}`,
			status: 200, answer: `{"id":"push-1"}`, done: "push live/a rtmp://b/live",
		},
		{request: "POST /relays", body: `{"kind":"steal","stream":"live/a","url":"rtmp://b/live"}`, status: 422, answer: "push"},
		{request: "DELETE /relays/push-1", status: 204, done: "stop push-1"},
		{request: "GET /nothing", status: 404, answer: "/api/v1/openapi.json lists what there is"},
		{request: "PUT /server", status: 404, answer: "There is no PUT /api/v1/server"},
	}
	for _, test := range tests {
		t.Run(test.request, func(t *testing.T) {
			s := &fakeServer{}
			code, answer := ask(s, test.request, test.body)
			if code != test.status || !strings.Contains(answer, test.answer) {
				t.Errorf("status %d, %s\nwant %d with %s", code, answer, test.status, test.answer)
			}
			if strings.Contains(answer, "leat.db") {
				t.Errorf("the answer names a file: %s", answer)
			}
			if done := strings.Join(s.done, "; "); done != test.done {
				t.Errorf("done %q, want %q", done, test.done)
			}
		})
	}
}

func ask(s Server, request, body string) (code int, answer string) {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	Handler(Config{Server: s, Logger: slog.New(slog.DiscardHandler)}).ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestFormsAreRefused: what a form of another site could send is no JSON.
func TestFormsAreRefused(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, Prefix+"/recordings/stop", strings.NewReader(`{"stream":"live/a"}`))
	r.Header.Set("Content-Type", "text/plain")
	w := httptest.NewRecorder()
	s := &fakeServer{}
	Handler(Config{Server: s, Logger: slog.New(slog.DiscardHandler)}).ServeHTTP(w, r)
	if w.Code != http.StatusUnsupportedMediaType || s.done != nil {
		t.Errorf("status %d, done %q", w.Code, s.done)
	}
}

// TestDescription: every operation is in the description, with the version of OpenAPI that was promised.
func TestDescription(t *testing.T) {
	code, text := ask(&fakeServer{}, "GET /openapi.json", "")
	var spec struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(text), &spec); err != nil || code != 200 {
		t.Fatalf("status %d, %v", code, err)
	}
	var paths []string
	for path, methods := range spec.Paths {
		for method := range methods {
			paths = append(paths, strings.ToUpper(method)+" "+strings.TrimPrefix(path, Prefix))
		}
	}
	slices.Sort(paths)
	want := []string{
		"DELETE /connections/{id}", "DELETE /players/{viewer}", "DELETE /recordings/{path}", "DELETE /relays/{id}", "GET /connections", "GET /connections/{id}", "GET /events", "GET /players",
		"GET /recordings", "GET /relays", "GET /server", "GET /streams", "GET /streams/{app}/{name}", "POST /reconnect", "POST /recordings/start",
		"POST /recordings/stop", "POST /relays", "POST /reload",
	}
	if !reflect.DeepEqual(paths, want) || !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s with %q, want 3.1 with %q", spec.OpenAPI, paths, want)
	}
	if code, text := ask(&fakeServer{}, "GET /openapi.yaml", ""); code != 200 || !strings.Contains(text, "openapi: 3.1") {
		t.Errorf("YAML: status %d, %.100s", code, text)
	}
}

// TestEvents: a listener gets what happened before it came, and then what happens, until the news are closed.
func TestEvents(t *testing.T) {
	s := &fakeServer{}
	s.news.Tell(Event{Kind: EventPublished, Stream: "live/a"})
	web := httptest.NewServer(Handler(Config{Server: s, Logger: slog.New(slog.DiscardHandler)}))
	defer web.Close()
	answer, err := http.Get(web.URL + Prefix + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	s.news.Show(&Snapshot{Total: 5})
	s.news.Tell(Event{Kind: EventLeft, Stream: "live/b"})
	var text strings.Builder
	for b := make([]byte, 1024); !strings.Contains(text.String(), "live/b") || !strings.Contains(text.String(), `"total":5`); {
		n, err := answer.Body.Read(b)
		text.Write(b[:n])
		if err != nil {
			t.Fatalf("%v after %q", err, text.String())
		}
	}
	s.news.Close()
	rest, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Errorf("at the end: %v, %q", err, rest)
	}
	for _, want := range []string{"event: event\ndata: {", `"stream":"live/a"`, "event: snapshot\ndata: {"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in %q", want, text.String())
		}
	}
	if code, body := ask(s, "GET /events", ""); code != http.StatusServiceUnavailable || !strings.Contains(body, "shutting down") {
		t.Errorf("after Close: status %d, %s", code, body)
	}
}
