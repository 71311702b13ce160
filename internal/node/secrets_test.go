package node

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/object/objecttest"
	"leat/internal/relay"
	"leat/internal/web/api"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// hush is in every secret of TestSecretsStayHidden, and in nothing else: where it is found, a secret has come out.
const hush = "hush-hush"

// secretive returns a tweak that sets every secret that a configuration may hold.
func secretive(t *testing.T, store *objecttest.Server, refuses *server) func(*config.Config) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "users"), []byte("alice:"+hush+"-user\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("HUSH", hush, "REFUSES", refuses.Addr("rtmp").String()).Replace(`
apps:
  live:
    publish_token: HUSH-publish
    play_token: HUSH-play
    record: {when: always}
    push:
      - {name: dead, url: "rtmp://bob:HUSH-url@127.0.0.1:1/live?auth=HUSH-query", key: HUSH-key}
      - {name: refusing, url: "rtmp://REFUSES/live?auth=HUSH-query", key: "cam?token=HUSH-key", user: bob, password: HUSH-push}
    pull:
      - {names: [far], origins: ["rtmp://bob:HUSH-origin@127.0.0.1:1/live/{name}?auth=HUSH-origin"], on_demand: true, wait: 1s}
      - {names: [refused], origins: ["rtmp://REFUSES/live/{name}?token=HUSH-origin"], on_demand: true, wait: 1s, user: bob, password: HUSH-pull}
  users: {users_file: users}
  old: {secure_token: HUSH-secure}
`)
	parsed, err := config.Parse(filepath.Join(folder, "leat.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	return func(c *config.Config) {
		c.Apps, c.Data = parsed.Apps, data
		c.HTTP, c.Admin = "127.0.0.1:0", "127.0.0.1:0"
		c.Recordings.MinFree = 0
		c.RTC.ICEServers = []config.ICEServer{"turn:turn.example.org"}
		c.RTC.ICEUser, c.RTC.ICEPassword = "viewer", config.NewSecret(hush+"-turn")
		s3 := &c.Recordings.S3
		s3.Endpoint, s3.Bucket, s3.AccessKey, s3.SecretKey = store.URL, objecttest.Bucket, "key", config.NewSecret(hush+"-store")
	}
}

// TestSecretsStayHidden: tokens, keys and passwords, right ones and wrong ones, are used in every way, and then neither the log nor
// a page, the API, its events, metrics, an error or a printed configuration holds one.
func TestSecretsStayHidden(t *testing.T) {
	refuses := start(t, func(c *config.Config) {
		c.Apps[0].PublishToken, c.Apps[0].PlayToken = config.NewSecret(secret), config.NewSecret(secret)
	})
	store := objecttest.New()
	t.Cleanup(store.Close)
	store.Fail(objecttest.Refuse(http.StatusForbidden, "SignatureDoesNotMatch"))
	s := start(t, secretive(t, store, refuses))
	heard := s.listen(t)

	var said []string // what clients were told
	hear := func(err error) {
		if err != nil {
			said = append(said, err.Error())
		}
	}
	for _, wrong := range []string{"/live/cam?token=" + hush + "-wrong", "/live?token=" + hush + "-wrong", "/none/cam?token=" + hush + "-app"} {
		c, err := rtmp.Dial(limit(t), s.url(wrong), nil)
		if hear(err); err != nil {
			continue
		}
		_, err = c.Publish(limit(t), "cam?token="+hush+"-wrong", nil)
		hear(err)
		_, err = c.Play(limit(t), "cam?token="+hush+"-wrong", nil)
		hear(err)
		hear(c.Close())
	}
	for _, cfg := range []rtmp.DialConfig{{User: "alice", Password: hush + "-user"}, {User: "alice", Password: hush + "-wrong"}} {
		c, err := rtmp.Dial(limit(t), s.url("/users/cam"), &cfg)
		if hear(err); err == nil {
			hear(c.Close())
		}
	}
	for _, token := range []string{hush + "-secure", hush + "-wrong"} {
		c, err := rtmp.Dial(limit(t), s.url("/old/cam"), &rtmp.DialConfig{Token: token})
		if hear(err); err == nil {
			_, err = c.Publish(limit(t), "cam?token="+hush+"-wrong", nil)
			hear(err)
			hear(c.Close())
		}
	}

	pub := publish(t, s.url("/live/cam?token="+hush+"-publish"))
	p := play(t, s.url("/live/cam?token="+hush+"-play"), nil)
	send(t, pub, mediatest.AVC(2*time.Second)...)
	take(t, p, 1)
	for _, name := range []string{"far", "refused"} {
		_, err := dial(t, s.url("/live")).Play(limit(t), name+"?token="+hush+"-play", nil)
		hear(err)
	}
	for _, target := range []relay.Target{
		{URL: "rtmp://user:" + hush + "-password@127.0.0.1:1/live?auth=" + hush + "-query", Key: hush + "-key"},
		{URL: "rtmps://user:" + hush + "@127.0.0.1:1/live/" + hush},
	} {
		_, err := s.StartPush(media.Key{App: "live", Name: "cam"}, target)
		hear(err)
	}
	for _, ask := range []string{
		`{"kind":"push","stream":"live/cam","url":"rtmp://u:` + hush + `@127.0.0.1:1/live?a=` + hush + `","key":"` + hush + `"}`,
		`{"kind":"push","stream":"live/cam","url":"http://u:` + hush + `@127.0.0.1:1/live?a=` + hush + `","key":"` + hush + `"}`,
		`{"kind":"pull","stream":"live/away","url":"rtmp://u:` + hush + `@127.0.0.1:1/live/away?a=` + hush + `"}`,
		`{"kind":"pull","stream":"live/away","url":"rtmp://u:` + hush + `@[::1/live/away?a=` + hush + `"}`,
	} {
		_, text := do(t, s, http.MethodPost, "/relays", ask)
		said = append(said, text)
	}
	for _, address := range []string{"/live/cam.flv?token=" + hush + "-wrong", "/live/none.m3u8?token=" + hush + "-play", "/live/cam.m3u8?token=" + hush + "-wrong"} {
		said = append(said, body(t, fetch(t, s, address, "")))
	}
	_, text := offer(t, s, "/live/cam/whep?token="+hush+"-wrong")
	said = append(said, text)
	if answer, text := offer(t, s, "/live/cam/whep?token="+hush+"-play"); answer.StatusCode != http.StatusCreated || !strings.Contains(answer.Header.Get("Link"), hush+"-turn") {
		t.Errorf("who may play is not told of the TURN server: %d %s", answer.StatusCode, text)
	}
	s.lines.wait(t, "push cannot begin", "target=dead")
	s.lines.wait(t, "push refused", "target=refusing")
	s.lines.wait(t, "the object store cannot be used")

	for what, text := range s.shown(t) {
		if strings.Contains(text, hush) {
			t.Errorf("%s holds a secret: %s", what, around(text))
		}
	}
	for _, text := range append(said, refuses.lines.String()) {
		if strings.Contains(text, hush) {
			t.Errorf("a peer was told a secret: %s", around(text))
		}
	}
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
	s.lines.wait(t, "publish ended", "stream=live/cam")
	heard.wait(t, `"stream":"live/cam"`, api.EventUnpublished)
	for what, text := range map[string]string{"the log": s.lines.String(), "the event stream": heard.String()} {
		if strings.Contains(text, hush) {
			t.Errorf("%s holds a secret: %s", what, around(text))
		}
		if !strings.Contains(text, "live/cam") {
			t.Errorf("%s says nothing of the stream: %s", what, text)
		}
	}
}

// shown is all that an operator can look at, by where.
func (s *server) shown(t *testing.T) map[string]string {
	t.Helper()
	shown := map[string]string{"the configuration": fmt.Sprintf("%+v\n%#v", *s.Config(), *s.Config())}
	for _, path := range []string{"/server", "/streams", "/streams/live/cam", "/players", "/connections", "/recordings", "/relays"} {
		_, shown[path] = do(t, s, http.MethodGet, path, "")
	}
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2"} {
		r, err := http.NewRequestWithContext(limit(t), http.MethodGet, "http://"+s.Addr("admin").String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		shown[path] = body(t, answer)
		answer.Body.Close()
	}
	shown["the front page"] = body(t, fetch(t, s, "/", ""))
	return shown
}

// listen collects the API's events.
func (s *server) listen(t *testing.T) *logbook {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr("admin").String()+api.Prefix+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the event stream: %s", answer.Status)
	}
	heard, ended := &logbook{grown: make(chan struct{})}, make(chan struct{})
	go func() { // ends when the answer is closed
		defer close(ended)
		_, _ = io.Copy(heard, answer.Body) // its error is that
	}()
	t.Cleanup(func() {
		answer.Body.Close()
		<-ended
	})
	return heard
}

// around is the text near the secret.
func around(text string) string {
	i := strings.Index(text, hush)
	return text[max(0, i-200):min(len(text), i+100)]
}
