package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// childFile is the environment variable that makes of the test binary the process that TestKilled kills.
const childFile = "LEAT_STORE_TEST_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		if err := saveForEver(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// saveForEver counts in an object, and prints each number when it has been saved.
func saveForEver(path string) error {
	s, err := Open(path, nil)
	if err != nil {
		return err
	}
	for n := uint32(1); ; n++ {
		if err := s.SaveSharedObjects([]SharedObjectChange{change(n, "n", strconv.Itoa(int(n)))}); err != nil {
			return err
		}
		if _, err := fmt.Println(n); err != nil {
			return err
		}
	}
}

var chat = SharedObjectKey{App: "live", Name: "room/chat"}

// change sets slots of chat: names and values in turn.
func change(version uint32, slots ...string) SharedObjectChange {
	c := SharedObjectChange{Key: chat, Version: version, Set: map[string][]byte{}}
	for i := 0; i < len(slots); i += 2 {
		c.Set[slots[i]] = []byte(slots[i+1])
	}
	return c
}

func open(t *testing.T, path string, opts *Options) *Store {
	t.Helper()
	s, err := Open(path, opts)
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

func save(t *testing.T, s *Store, changes ...SharedObjectChange) {
	t.Helper()
	if err := s.SaveSharedObjects(changes); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, s *Store, key SharedObjectKey, want *SharedObject) {
	t.Helper()
	got, err := s.LoadSharedObject(key)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("object %v is %v (%v), want %v", key, got, err, want)
	}
}

func TestSharedObjects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "leat.db")
	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, s, chat, nil)
	save(t, s, change(1, "title", "a", "", "unnamed"), SharedObjectChange{Key: SharedObjectKey{App: "liv", Instance: "e"}, Version: 9})
	second := change(2, "title", "b", "more", "c")
	second.Remove = []string{"", "absent"}
	save(t, s, second)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path, nil)
	want(t, s, chat, &SharedObject{Version: 2, Slots: map[string][]byte{"title": []byte("b"), "more": []byte("c")}})
	want(t, s, SharedObjectKey{App: "liv", Instance: "e"}, &SharedObject{Version: 9, Slots: map[string][]byte{}})
	want(t, s, SharedObjectKey{App: "live"}, nil)
}

// A change that fails takes the others of its transaction with it.
func TestFull(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"), &Options{MaxBytes: 100})
	save(t, s, change(1, "a", strings.Repeat("x", 50)))
	other := SharedObjectChange{Key: SharedObjectKey{App: "other"}, Version: 1}
	err := s.SaveSharedObjects([]SharedObjectChange{other, change(2, "b", strings.Repeat("x", 50))})
	if !errors.Is(err, ErrFull) {
		t.Fatalf("error %v, want ErrFull", err)
	}
	want(t, s, other.Key, nil)
	want(t, s, chat, &SharedObject{Version: 1, Slots: map[string][]byte{"a": []byte(strings.Repeat("x", 50))}})
	smaller := change(2, "b", "y")
	smaller.Remove = []string{"a"}
	save(t, s, smaller, change(3, "c", strings.Repeat("x", 60)))
}

func TestNames(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"), nil)
	long := strings.Repeat("x", MaxName+1)
	if _, err := s.LoadSharedObject(SharedObjectKey{Name: long}); !errors.Is(err, errLongName) {
		t.Errorf("loading an object with a long name: %v", err)
	}
	for _, c := range []SharedObjectChange{{Key: SharedObjectKey{Instance: long}}, change(1, long, "x")} {
		if err := s.SaveSharedObjects([]SharedObjectChange{c}); !errors.Is(err, errLongName) {
			t.Errorf("saving with a long name: %v", err)
		}
	}
	longest := strings.Repeat("x", MaxName)
	save(t, s, SharedObjectChange{Key: SharedObjectKey{longest, longest, longest}, Set: map[string][]byte{longest: {5}}})
}

func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	open(t, path, nil)
	_, err := Open(path, &Options{LockTimeout: time.Millisecond})
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("error %v, want ErrInUse", err)
	}
	const sentence = ": it is in use by another process; is another server running with the same data folder?"
	if got := err.Error(); got != "store: cannot open "+path+sentence {
		t.Error(got)
	}
}

func TestFormat(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	later := filepath.Join(dir, "later")
	s := open(t, later, nil)
	if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyFormat, []byte{0, 0, 0, 2}) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, later} {
		if _, err := Open(path, nil); !errors.Is(err, ErrFormat) {
			t.Errorf("opening %s: %v, want ErrFormat", path, err)
		}
	}
	if _, err := Open(filepath.Join(text, "below"), nil); err == nil {
		t.Error("a file became a folder")
	}
}

func TestClosed(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.LoadSharedObject(chat); err == nil {
		t.Error("a closed store was read")
	}
	if err := s.SaveSharedObjects([]SharedObjectChange{change(1)}); err == nil {
		t.Error("a closed store was written")
	}
}

// What was saved is there after kill -9, at whatever moment.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	saved := uint32(0)
	for range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childFile+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < 20 && lines.Scan(); n++ {
			v, err := strconv.ParseUint(lines.Text(), 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			saved = uint32(v)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process ended by itself")
		}
		s, err := Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.LoadSharedObject(chat)
		if err != nil || o == nil || o.Version < saved || string(o.Slots["n"]) != strconv.Itoa(int(o.Version)) {
			t.Errorf("after version %d was saved the store holds %v (%v)", saved, o, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkSave(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for n := uint32(0); b.Loop(); n++ {
		if err := s.SaveSharedObjects([]SharedObjectChange{change(n, "n", strconv.Itoa(int(n)))}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
