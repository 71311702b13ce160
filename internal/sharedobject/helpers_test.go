package sharedobject

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/store"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// handler serves shared objects, and no streams.
type handler struct{ *Objects }

func (handler) ServePublish(context.Context, *rtmp.PublishStream) error { return errors.ErrUnsupported }

func (handler) ServePlay(context.Context, *rtmp.PlayStream) error { return errors.ErrUnsupported }

// serve starts a server with the objects of cfg. Both end with the test.
func serve(t testing.TB, cfg Config) (*rtmptest.Server, *Objects) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	objects := New(cfg)
	t.Cleanup(objects.Close)
	return rtmptest.NewServer(t, handler{objects}), objects
}

func openStore(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newStore(t testing.TB) *store.Store { return openStore(t, filepath.Join(t.TempDir(), "db")) }

// user is a client's use of an object, with everything that it was told in one queue.
type user struct {
	*rtmp.SharedObject
	t    testing.TB
	conn *rtmp.Conn
	news chan string
}

// use connects a client to the application "live" and lets it use an object.
func use(t testing.TB, srv *rtmptest.Server, name string, opts rtmp.SharedObjectOptions) *user {
	t.Helper()
	return useOn(t, srv.Dial(t, "/live", nil), name, opts)
}

func useOn(t testing.TB, c *rtmp.Conn, name string, opts rtmp.SharedObjectOptions) *user {
	t.Helper()
	u := &user{t: t, conn: c, news: make(chan string, 4096)}
	opts.OnSync = func(changes []rtmp.SharedObjectSync) {
		for _, s := range changes {
			u.news <- strings.TrimSuffix(fmt.Sprintf("%s %s=%v", s.Code, s.Name, s.Value), " =<nil>")
		}
	}
	opts.OnMessage = func(handler string, args []any) { u.news <- fmt.Sprintf("message %s%v", handler, args) }
	opts.OnStatus = func(s rtmp.Status) { u.news <- "status " + s.Code }
	o, err := c.SharedObject(t.Context(), name, &opts)
	if err != nil {
		t.Fatalf("using %s: %v", name, err)
	}
	u.SharedObject = o
	return u
}

// hears waits for exactly this news.
func (u *user) hears(want ...string) {
	u.t.Helper()
	for i, w := range want {
		select {
		case got := <-u.news:
			if got != w {
				u.t.Fatalf("news %d is %q, want %q", i, got, w)
			}
		case <-time.After(5 * time.Second):
			u.t.Fatalf("no news, want %q", w)
		}
	}
}

// hearsNothing checks that what was sent to the user until now has nothing left. A message to itself comes behind it.
func (u *user) hearsNothing() {
	u.t.Helper()
	if err := u.SendMessage("nothing"); err != nil {
		u.t.Fatal(err)
	}
	u.hears("message nothing[]")
}

func (u *user) set(name string, value any) {
	u.t.Helper()
	if err := u.Set(u.t.Context(), name, value); err != nil {
		u.t.Fatalf("setting %s: %v", name, err)
	}
}

// has checks the copy: version, and slots as names and values in turn.
func (u *user) has(version uint32, slots ...any) {
	u.t.Helper()
	want := rtmp.SharedObjectState{Version: version, Slots: []rtmp.Slot{}}
	for i := 0; i < len(slots); i += 2 {
		want.Slots = append(want.Slots, rtmp.Slot{Name: slots[i].(string), Value: slots[i+1]})
	}
	if got := u.State(); !reflect.DeepEqual(got, want) {
		u.t.Errorf("the copy is %v, want %v", got, want)
	}
}

// wantStatus checks a refusal.
func wantStatus(t testing.TB, err error, code rtmp.Code) {
	t.Helper()
	if e, ok := errors.AsType[*rtmp.StatusError](err); !ok || e.Code != string(code) || e.Level != rtmp.LevelOf(code) {
		t.Errorf("error %v, want %s", err, code)
	}
}

// peer is a client that is nothing but bytes.
type peer struct {
	t      testing.TB
	nc     net.Conn
	chunks *chunk.Reader
	got    []chunk.Message
}

// dialRaw connects a peer to the application "live".
func dialRaw(t testing.TB, srv *rtmptest.Server, objectEncoding float64) *peer {
	t.Helper()
	nc, err := srv.Listener.DialContext(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nc.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &peer{t: t, nc: nc, chunks: chunk.NewReader(chunk.Limits{})}
	p.must(nc.SetDeadline(time.Now().Add(10 * time.Second)))
	p.write(append([]byte{3}, make([]byte, 1536)...))
	s := make([]byte, 1+2*1536)
	_, err = io.ReadFull(nc, s)
	p.must(err)
	p.write(s[1:1537])
	connect, err := message.Append(nil, &message.Command{
		Name: "connect", TransactionID: 1,
		Object: amf.NewObject("app", "live", "tcUrl", "rtmp://h/live", "objectEncoding", objectEncoding),
	})
	p.must(err)
	p.send(message.TypeCommandAMF0, connect)
	p.next(message.TypeCommandAMF0)
	return p
}

func (p *peer) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	_, err := p.nc.Write(b)
	p.must(err)
}

func (p *peer) send(t message.Type, body []byte) {
	p.t.Helper()
	p.write(chunk.AppendFull(nil, &chunk.Message{ChunkStreamID: 3, Type: uint8(t), Body: body}, chunk.DefaultChunkSize))
}

// next returns the body of the next message of a type; those before it are thrown away.
func (p *peer) next(t message.Type) []byte {
	p.t.Helper()
	buf := make([]byte, 4096)
	for {
		for i, m := range p.got {
			if message.Type(m.Type) == t {
				p.got = p.got[i+1:]
				return m.Body
			}
		}
		p.got = nil
		n, err := p.nc.Read(buf)
		p.must(err)
		p.must(p.chunks.Feed(buf[:n], func(m *chunk.Message) error {
			p.got = append(p.got, *m)
			return nil
		}))
	}
}

// sends and gets take bytes as hexadecimal digits, with spaces and bars as one likes.
func (p *peer) sends(t message.Type, body string) {
	p.t.Helper()
	p.send(t, unhex(p.t, body))
}

func (p *peer) gets(t message.Type, body string) {
	p.t.Helper()
	if got, want := p.next(t), unhex(p.t, body); !reflect.DeepEqual(got, want) {
		p.t.Fatalf("got\n% x\nwant\n% x", got, want)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "|", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// slowStore is a store that a test can hold up and make fail.
type slowStore struct {
	Store
	saves chan struct{} // each save takes one; nil: none waits

	mu   sync.Mutex
	fail func(changes []store.SharedObjectChange) error
}

func (s *slowStore) SaveSharedObjects(changes []store.SharedObjectChange) error {
	if s.saves != nil {
		<-s.saves
	}
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		if err := fail(changes); err != nil {
			return err
		}
	}
	return s.Store.SaveSharedObjects(changes)
}
