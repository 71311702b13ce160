package sharedobject

import (
	"errors"
	"strings"
	"testing"
	"time"

	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

func TestTwoUsers(t *testing.T) {
	srv, objects := serve(t, Config{})
	a := use(t, srv, "chat", rtmp.SharedObjectOptions{})
	a.hears("clear")
	a.set("title", "hello")
	a.hears("success title=hello")
	a.has(1, "title", "hello")

	b := use(t, srv, "chat", rtmp.SharedObjectOptions{})
	b.hears("clear", "change title=hello")
	b.has(1, "title", "hello")
	b.set("title", "bye")
	b.hears("success title=bye")
	a.hears("change title=bye")

	// The same value once more is no change.
	a.set("title", "bye")
	a.hears("success title=bye")
	a.has(2, "title", "bye")
	b.hearsNothing()
	a.hears("message nothing[]")

	// A message is one version, whatever is in it.
	if err := a.SetSlots(t.Context(), rtmp.Slot{Name: "x", Value: 1.0}, rtmp.Slot{Name: "y", Value: true}, rtmp.Slot{Name: "title"}); err != nil {
		t.Fatal(err)
	}
	a.hears("success x=1", "success y=true", "success title=<nil>")
	b.hears("change x=1", "change y=true", "delete title=<nil>")
	a.has(3, "x", 1.0, "y", true)
	b.has(3, "x", 1.0, "y", true)

	if err := b.Remove(t.Context(), "x", "absent"); err != nil {
		t.Fatal(err)
	}
	b.hears("delete x=<nil>", "delete absent=<nil>")
	a.hears("delete x=<nil>")
	if err := a.SendMessage("say", "hi", 7.0); err != nil {
		t.Fatal(err)
	}
	a.hears("message say[hi 7]")
	b.hears("message say[hi 7]")
	b.has(4, "y", true)

	if err := b.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.hears("delete y=<nil>")
	a.has(5)
	if got := objects.List(); len(got) != 1 || got[0] != (Info{Key: Key{App: "live", Name: "chat"}, Version: 5, Users: 2}) {
		t.Errorf("List returned %+v", got)
	}
}

// A temporary object goes with its last user, whether that releases it or is cut off.
func TestTemporaryVanishes(t *testing.T) {
	srv, objects := serve(t, Config{})
	a := use(t, srv, "chat", rtmp.SharedObjectOptions{})
	b := use(t, srv, "chat", rtmp.SharedObjectOptions{})
	a.set("n", 1.0)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Set(t.Context(), "n", 2.0); !errors.Is(err, rtmp.ErrClosed) {
		t.Errorf("Set after Close returned %v", err)
	}
	c := useOn(t, a.conn, "chat", rtmp.SharedObjectOptions{})
	c.hears("clear", "change n=1")
	if err := c.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := srv.Close(); err != nil { // waits for the connections
		t.Fatal(err)
	}
	if got := objects.List(); len(got) != 0 {
		t.Errorf("List returned %+v", got)
	}
	if len(objects.instances) != 0 || objects.bytes != 0 {
		t.Errorf("left: %v instances, %d bytes", objects.instances, objects.bytes)
	}
}

func TestInstancesAreApart(t *testing.T) {
	srv, _ := serve(t, Config{})
	use(t, srv, "chat", rtmp.SharedObjectOptions{}).set("n", 1.0)
	for _, path := range []string{"/live/room", "/other"} {
		cfg := &rtmp.DialConfig{App: strings.TrimPrefix(path, "/")}
		u := useOn(t, srv.Dial(t, path, cfg), "chat", rtmp.SharedObjectOptions{})
		u.has(0)
	}
}

// Both end with the same value, the one that the server took last.
func TestRace(t *testing.T) {
	srv, _ := serve(t, Config{})
	a := use(t, srv, "race", rtmp.SharedObjectOptions{})
	b := use(t, srv, "race", rtmp.SharedObjectOptions{})
	const rounds = 100
	done := make(chan error, 2)
	for i, u := range []*user{a, b} {
		go func() {
			for n := range rounds {
				if err := u.Set(t.Context(), "slot", float64(2*n+i)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range []*user{a, b} { // what was sent before this has arrived
		if err := u.Remove(t.Context(), "absent"); err != nil {
			t.Fatal(err)
		}
	}
	va, _ := a.Get("slot")
	vb, _ := b.Get("slot")
	if va != vb || a.Version() != 2*rounds || b.Version() != 2*rounds {
		t.Errorf("one has %v at version %d, the other %v at version %d", va, a.Version(), vb, b.Version())
	}
}

func TestAccess(t *testing.T) {
	srv, _ := serve(t, Config{Access: func(u *rtmp.SharedObjectUser) Access {
		return Access{
			Read:   u.Name() != "secret",
			Write:  u.Request().Query != "guest",
			Create: u.Name() == "chat" && !u.Persistent(),
		}
	}})
	owner := srv.Dial(t, "/live", nil)
	for name, code := range map[string]rtmp.Code{
		"secret":                       rtmp.CodeSharedObjectNoReadAccess,
		"other":                        rtmp.CodeSharedObjectObjectCreationFailed,
		"":                             rtmp.CodeSharedObjectObjectCreationFailed,
		strings.Repeat("x", 1+MaxName): rtmp.CodeSharedObjectObjectCreationFailed,
	} {
		_, err := owner.SharedObject(t.Context(), name, nil)
		wantStatus(t, err, code)
	}
	a := useOn(t, owner, "chat", rtmp.SharedObjectOptions{})
	if _, err := owner.SharedObject(t.Context(), "chat", nil); !errors.Is(err, rtmp.ErrObjectInUse) {
		t.Errorf("a second use returned %v", err)
	}
	a.set("title", "hello")
	guest := useOn(t, srv.Dial(t, "/live", &rtmp.DialConfig{App: "live?guest"}), "chat", rtmp.SharedObjectOptions{})
	guest.hears("clear", "change title=hello")
	wantStatus(t, guest.Set(t.Context(), "title", "mine"), rtmp.CodeSharedObjectNoWriteAccess)
	guest.hears("change title=hello", "status SharedObject.NoWriteAccess")
	wantStatus(t, guest.Remove(t.Context(), "title"), rtmp.CodeSharedObjectNoWriteAccess)
	guest.hears("change title=hello", "status SharedObject.NoWriteAccess")
	if err := guest.SendMessage("say"); err != nil {
		t.Fatal(err)
	}
	guest.hears("status SharedObject.NoWriteAccess")
	guest.has(1, "title", "hello")
	a.hears("clear", "success title=hello")
	a.hearsNothing()
}

func TestBadPersistence(t *testing.T) {
	srv, _ := serve(t, Config{Store: newStore(t)})
	use(t, srv, "temporary", rtmp.SharedObjectOptions{})
	use(t, srv, "persistent", rtmp.SharedObjectOptions{Persistent: true}).set("n", 1.0)
	c := srv.Dial(t, "/live", nil)
	_, err := c.SharedObject(t.Context(), "temporary", &rtmp.SharedObjectOptions{Persistent: true})
	wantStatus(t, err, rtmp.CodeSharedObjectBadPersistence)
	_, err = c.SharedObject(t.Context(), "persistent", nil)
	wantStatus(t, err, rtmp.CodeSharedObjectBadPersistence)

	srv, _ = serve(t, Config{})
	_, err = srv.Dial(t, "/live", nil).SharedObject(t.Context(), "p", &rtmp.SharedObjectOptions{Persistent: true})
	wantStatus(t, err, rtmp.CodeSharedObjectObjectCreationFailed)
}

func TestLimits(t *testing.T) {
	srv, objects := serve(t, Config{Limits: Limits{Objects: 2, Users: 2, Slots: 2, Bytes: 100, TotalBytes: 150}})
	refused := func(u *user, name string, value any) {
		t.Helper()
		wantStatus(t, u.Set(t.Context(), name, value), rtmp.CodeSharedObjectNoWriteAccess)
	}
	x := func(n int) string { return strings.Repeat("x", n) }
	a := use(t, srv, "a", rtmp.SharedObjectOptions{})
	refused(a, "big", x(100))
	refused(a, x(1+MaxName), true)
	a.set("p", x(80))
	a.set("q", true)
	refused(a, "r", true)
	refused(a, "q", x(80))
	// A message that goes beyond a limit changes nothing.
	err := a.SetSlots(t.Context(), rtmp.Slot{Name: "p"}, rtmp.Slot{Name: "r", Value: 1.0}, rtmp.Slot{Name: "s", Value: 1.0})
	wantStatus(t, err, rtmp.CodeSharedObjectNoWriteAccess)
	a.has(2, "p", x(80), "q", true)

	b := use(t, srv, "b", rtmp.SharedObjectOptions{})
	refused(b, "p", x(80)) // all objects together
	b.set("p", x(40))

	c := srv.Dial(t, "/live", nil)
	_, err = c.SharedObject(t.Context(), "c", nil)
	wantStatus(t, err, rtmp.CodeSharedObjectObjectCreationFailed)
	useOn(t, srv.Dial(t, "/other", nil), "c", rtmp.SharedObjectOptions{})
	useOn(t, c, "a", rtmp.SharedObjectOptions{})
	_, err = srv.Dial(t, "/live", nil).SharedObject(t.Context(), "a", nil)
	wantStatus(t, err, rtmp.CodeSharedObjectNoReadAccess)

	// What is there already may shrink, but not grow.
	objects.SetLimits(Limits{Slots: 1, Bytes: 10})
	refused(a, "p", x(81))
	a.set("p", x(20))
	if err := a.Remove(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
}

func TestLimitPerConnection(t *testing.T) {
	objects := New(Config{})
	t.Cleanup(objects.Close)
	srv := rtmptest.Start(t, &rtmp.Server{Handler: handler{objects}, Limits: rtmp.Limits{SharedObjects: 1}})
	c := srv.Dial(t, "/live", nil)
	a := useOn(t, c, "a", rtmp.SharedObjectOptions{})
	_, err := c.SharedObject(t.Context(), "b", nil)
	wantStatus(t, err, rtmp.CodeSharedObjectObjectCreationFailed)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	useOn(t, c, "b", rtmp.SharedObjectOptions{})
}

// Objects that are too large for one message arrive in several.
func TestLargeState(t *testing.T) {
	srv, _ := serve(t, Config{})
	a := use(t, srv, "large", rtmp.SharedObjectOptions{})
	var want []any
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		value := strings.Repeat(name, 40_000)
		a.set(name, value)
		want = append(want, name, value)
	}
	b := use(t, srv, "large", rtmp.SharedObjectOptions{})
	b.hears("clear")
	for i := 0; i < len(want); i += 2 {
		b.hears("change " + want[i].(string) + "=" + want[i+1].(string))
	}
	b.has(5, want...)
}

func TestServerSide(t *testing.T) {
	srv, objects := serve(t, Config{Store: newStore(t)})
	for _, persistent := range []bool{false, true} {
		key := Key{App: "live", Name: map[bool]string{false: "t", true: "p"}[persistent]}
		h, err := objects.Open(key, persistent)
		if err != nil {
			t.Fatal(err)
		}
		_, err = objects.Open(key, !persistent)
		wantStatus(t, err, rtmp.CodeSharedObjectBadPersistence)
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(h.Set(ctx, rtmp.Slot{Name: "a", Value: 1.0}, rtmp.Slot{Name: "b", Value: []any{"x", nil}}))
		u := use(t, srv, key.Name, rtmp.SharedObjectOptions{Persistent: persistent})
		u.hears("clear", "change a=1", "change b=[x <nil>]")
		must(h.Remove(ctx, "a", "absent"))
		u.hears("delete a=<nil>")
		must(h.SendMessage(ctx, "note", "from the server"))
		u.hears("message note[from the server]")
		u.set("c", 3.0)
		u.hears("success c=3")
		if v, ok, err := h.Get("c"); v != 3.0 || !ok || err != nil {
			t.Errorf("Get returned %v, %v, %v", v, ok, err)
		}
		if _, ok, err := h.Get("a"); ok || err != nil {
			t.Errorf("Get of no slot returned %v, %v", ok, err)
		}
		if names := h.Names(); len(names) != 2 || names[0] != "b" || names[1] != "c" {
			t.Errorf("Names returned %v", names)
		}
		must(h.Clear(ctx))
		u.hears("clear")
		u.has(4)
		if h.Version() != 4 {
			t.Errorf("version %d", h.Version())
		}
		h.Close()
	}
	if _, err := objects.Open(Key{App: "live"}, false); err == nil {
		t.Error("an object without a name was opened")
	}
}

// What is only in AMF3 goes from one to the other; what is not is AMF0 to everybody.
func TestAMF3Users(t *testing.T) {
	srv, _ := serve(t, Config{})
	a := useOn(t, srv.Dial(t, "/live", &rtmp.DialConfig{ObjectEncoding: 3}), "o", rtmp.SharedObjectOptions{})
	b := use(t, srv, "o", rtmp.SharedObjectOptions{})
	a.set("bytes", []byte{1, 2})
	a.set("number", 7)
	b.hears("clear", "change bytes=[1 2]", "change number=7")
	if err := a.SendMessage("take", []byte{3}); err != nil {
		t.Fatal(err)
	}
	b.hears("message take[[3]]")
	c := useOn(t, srv.Dial(t, "/live", &rtmp.DialConfig{ObjectEncoding: 3}), "o", rtmp.SharedObjectOptions{})
	c.has(2, "bytes", []byte{1, 2}, "number", 7.0)
}

// A client that stops reading is cut off; the others do not notice.
func TestUserThatDoesNotRead(t *testing.T) {
	objects := New(Config{})
	t.Cleanup(objects.Close)
	srv := rtmptest.Start(t, &rtmp.Server{Handler: handler{objects}, Limits: rtmp.Limits{WriteBuffer: 64 << 10, CommandsPerSecond: 1 << 20}})
	deaf := dialRaw(t, srv, 0)
	deaf.sends(19, "0001 61 | 00000000 | 00000000 00000000 | 01 00000000")
	deaf.next(19)
	a := use(t, srv, "a", rtmp.SharedObjectOptions{})
	deadline := time.Now().Add(10 * time.Second)
	for n := 0; time.Now().Before(deadline); n++ {
		a.set("n", strings.Repeat("x", 8000)+string(rune('a'+n%2)))
		if users := objects.List()[0].Users; users == 1 {
			return
		}
	}
	t.Error("the client that does not read is still a user")
}
