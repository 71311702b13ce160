package sharedobject

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"leat/internal/store"
	"leat/rtmp"
)

// childStore is the environment variable that makes of the test binary the server that TestKilled kills.
const childStore = "LEAT_SHAREDOBJECT_TEST_STORE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childStore); path != "" {
		fmt.Fprintln(os.Stderr, serveForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serveForEver prints its address.
func serveForEver(path string) error {
	s, err := store.Open(path, nil)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Println(l.Addr()); err != nil {
		return err
	}
	return (&rtmp.Server{Handler: handler{New(Config{Store: s})}}).Serve(l)
}

var persistent = rtmp.SharedObjectOptions{Persistent: true}

func TestSurvivesRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	for start := range 3 {
		s, err := store.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		srv, objects := serve(t, Config{Store: s})
		a := use(t, srv, "room/chat", persistent)
		if start > 0 {
			a.has(uint32(3*start), "n", float64(start))
		}
		a.set("n", float64(start+1))
		if err := a.SetSlots(t.Context(), rtmp.Slot{Name: "m", Value: true}); err != nil {
			t.Fatal(err)
		}
		if err := a.Remove(t.Context(), "m"); err != nil {
			t.Fatal(err)
		}
		if err := srv.Close(); err != nil {
			t.Fatal(err)
		}
		objects.Close()
		if got := objects.List(); len(got) != 0 {
			t.Errorf("in memory: %v", got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What the server has acknowledged is there after kill -9.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	acknowledged := 0.0
	for range 2 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childStore+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() {
			t.Fatal("the server did not start")
		}
		c, err := rtmp.Dial(t.Context(), "rtmp://"+lines.Text()+"/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		u := useOn(t, c, "counter", persistent)
		if v, _ := u.Get("n"); acknowledged > 0 && v != acknowledged {
			t.Errorf("the counter is %v, want %v", v, acknowledged)
		}
		for range 20 {
			acknowledged++
			u.set("n", acknowledged)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the server ended by itself")
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := openStore(t, path)
	o, err := s.LoadSharedObject(store.SharedObjectKey{App: "live", Name: "counter"})
	if err != nil || o == nil || o.Version != uint32(acknowledged) {
		t.Errorf("stored: %v (%v), want version %v", o, err, acknowledged)
	}
}

// A copy from before comes with its version: what has not changed is not sent again.
func TestResume(t *testing.T) {
	srv, _ := serve(t, Config{Store: newStore(t)})
	a := use(t, srv, "chat", persistent)
	a.set("n", 1.0)
	state := a.State()
	if err := a.conn.Close(); err != nil {
		t.Fatal(err)
	}
	same := use(t, srv, "chat", rtmp.SharedObjectOptions{Persistent: true, Resume: &state})
	same.has(1, "n", 1.0)
	same.hearsNothing()
	same.set("n", 2.0)
	newer := use(t, srv, "chat", rtmp.SharedObjectOptions{Persistent: true, Resume: &state})
	newer.hears("clear", "change n=2")
	newer.has(2, "n", 2.0)

	// A temporary object may be another one by now, whatever its version.
	temporary := use(t, srv, "t", rtmp.SharedObjectOptions{})
	temporary.set("n", 2.0)
	old := use(t, srv, "t", rtmp.SharedObjectOptions{Resume: &state})
	old.hears("clear", "change n=2")
}

// Nobody hears of a change before it is stored.
func TestNothingBeforeItIsStored(t *testing.T) {
	slow := &slowStore{Store: newStore(t), saves: make(chan struct{})}
	srv, _ := serve(t, Config{Store: slow})
	a, b := use(t, srv, "chat", persistent), use(t, srv, "chat", persistent)
	a.hears("clear")
	b.hears("clear")
	set := make(chan error, 2)
	go func() { set <- a.Set(t.Context(), "n", 1.0) }()
	bound := use(t, srv, "other", rtmp.SharedObjectOptions{}) // other objects do not wait
	bound.set("n", 1.0)
	select {
	case err := <-set:
		t.Fatalf("Set returned %v before its change was saved", err)
	default:
	}
	slow.saves <- struct{}{}
	if err := <-set; err != nil {
		t.Fatal(err)
	}
	a.hears("success n=1")
	b.hears("change n=1")

	// What was asked for while the disk was busy goes into the next transaction.
	const more = 50
	for n := range more {
		go func() { set <- a.Set(t.Context(), "n", float64(n+2)) }()
	}
	saves := 0
	for done := 0; done < more; {
		select {
		case slow.saves <- struct{}{}:
			saves++
		case err := <-set:
			if err != nil {
				t.Fatal(err)
			}
			done++
		}
	}
	if a.Version() != 1+more {
		t.Errorf("version %d after %d changes", a.Version(), 1+more)
	}
	t.Logf("%d changes in %d transactions", more, saves)
	close(slow.saves)
}

// When the store fails, the object is what it was, and everybody knows.
func TestStoreFails(t *testing.T) {
	broken := errors.New("the disk is full")
	slow := &slowStore{Store: newStore(t)}
	srv, objects := serve(t, Config{Store: slow})
	a, b := use(t, srv, "chat", persistent), use(t, srv, "chat", persistent)
	a.set("n", 1.0)
	a.hears("clear", "success n=1")
	b.hears("clear", "change n=1")
	slow.setFailure(func(changes []store.SharedObjectChange) error {
		if changes[0].Key.Name == "chat" {
			return broken
		}
		return nil
	})
	err := a.SetSlots(t.Context(), rtmp.Slot{Name: "n"}, rtmp.Slot{Name: "m", Value: "x"})
	wantStatus(t, err, rtmp.CodeSharedObjectFlushFailed)
	a.hears("status SharedObject.Flush.Failed", "clear", "change n=1")
	b.hears("clear", "change n=1")
	b.has(1, "n", 1.0)
	h, err := objects.Open(Key{App: "live", Name: "chat"}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Clear(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Clear returned %v", err)
	}
	fresh := use(t, srv, "fresh", persistent)
	fresh.set("n", 1.0)
	slow.setFailure(nil)
	b.set("n", 2.0)
	b.has(2, "n", 2.0)
}

// One object that cannot be saved does not take those with it that are saved together with it.
func TestOneOfSeveralFails(t *testing.T) {
	slow := &slowStore{Store: newStore(t), saves: make(chan struct{})}
	srv, _ := serve(t, Config{Store: slow})
	slow.setFailure(func(changes []store.SharedObjectChange) error {
		for _, c := range changes {
			if c.Key.Name == "bad" {
				return store.ErrFull
			}
		}
		return nil
	})
	first, good, bad := use(t, srv, "first", persistent), use(t, srv, "good", persistent), use(t, srv, "bad", persistent)
	results := map[string]chan error{"first": make(chan error, 1), "good": make(chan error, 1), "bad": make(chan error, 1)}
	set := func(u *user) {
		go func() { results[u.Name()] <- u.Set(t.Context(), "n", 1.0) }()
	}
	set(first)
	set(good)
	set(bad)
	close(slow.saves)
	for _, name := range []string{"first", "good"} {
		if err := <-results[name]; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantStatus(t, <-results["bad"], rtmp.CodeSharedObjectFlushFailed)
}

// Too much on its way to the disk makes those wait who ask for more, and loses nothing.
func TestSlowDisk(t *testing.T) {
	slow := &slowStore{Store: newStore(t), saves: make(chan struct{})}
	srv, objects := serve(t, Config{Store: slow})
	a := use(t, srv, "chat", persistent)
	h, err := objects.Open(Key{App: "live", Name: "chat"}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	done := make(chan error, 1)
	go func() { done <- h.Set(t.Context(), rtmp.Slot{Name: "n", Value: 1.0}) }()
	for range maxWaiting + 10 {
		if err := a.SendMessage("tick"); err != nil {
			t.Fatal(err)
		}
	}
	close(slow.saves)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := a.Remove(t.Context(), "absent"); err != nil {
		t.Fatal(err)
	}
	heard := 0
	for len(a.news) > 0 {
		if <-a.news == "message tick[]" {
			heard++
		}
	}
	if heard != maxWaiting+10 {
		t.Errorf("%d messages arrived", heard)
	}
}

func (s *slowStore) setFailure(fail func(changes []store.SharedObjectChange) error) {
	s.mu.Lock()
	s.fail = fail
	s.mu.Unlock()
}
