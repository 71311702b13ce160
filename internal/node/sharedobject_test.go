package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/store"
	"leat/rtmp"
)

// Persistent objects outlive the server where the application allows them; elsewhere nothing is written.
func TestSharedObjects(t *testing.T) {
	data := t.TempDir()
	tweak := func(cfg *config.Config) {
		cfg.Data = data
		cfg.Apps = config.Apps{
			{Pattern: "chat", App: cfg.Defaults},
			{Pattern: "none", App: cfg.Defaults},
			{Pattern: "closed", App: cfg.Defaults},
			{Pattern: "*", App: cfg.Defaults},
		}
		cfg.Apps[0].SharedObjects = config.SharedObjectsPersistent
		cfg.Apps[1].SharedObjects = config.SharedObjectsOff
		cfg.Apps[2].PlayFrom = config.Sources{}
	}
	persistent := &rtmp.SharedObjectOptions{Persistent: true}
	for n := range 2 {
		s := start(t, tweak)
		o, err := dial(t, s.url("/chat")).SharedObject(limit(t), "room", persistent)
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := o.Get("n"); n > 0 && v != float64(n-1) {
			t.Errorf("the stored value is %v", v)
		}
		if err := o.Set(limit(t), "n", float64(n)); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(filepath.Join(data, "leat.db"), &store.Options{LockTimeout: time.Millisecond}); !errors.Is(err, store.ErrInUse) {
			t.Errorf("the store could be opened twice: %v", err)
		}
		for app, want := range map[string]rtmp.Code{
			"other":  rtmp.CodeSharedObjectObjectCreationFailed,
			"none":   rtmp.CodeSharedObjectNoReadAccess,
			"closed": rtmp.CodeSharedObjectNoReadAccess,
		} {
			_, err := dial(t, s.url("/"+app)).SharedObject(limit(t), "room", persistent)
			if code(err) != string(want) {
				t.Errorf("%s: %v, want %s", app, err, want)
			}
		}
		if _, err := dial(t, s.url("/other")).SharedObject(limit(t), "room", nil); err != nil {
			t.Error(err)
		}
		if err := s.Shutdown(limit(t)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoStoreUnlessNeeded(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, func(cfg *config.Config) { cfg.Data = data })
	o, err := dial(t, s.url("/live")).SharedObject(limit(t), "room", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Set(limit(t), "n", 1.0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder was made: %v", err)
	}
}

// A store that another server has open keeps this one from starting.
func TestStoreInUse(t *testing.T) {
	cfg := *config.Default()
	cfg.Data = t.TempDir()
	cfg.RTMP, cfg.HTTP, cfg.Admin = "127.0.0.1:0", "", ""
	cfg.Apps = config.Apps{{Pattern: "*", App: cfg.Defaults}}
	cfg.Apps[0].SharedObjects = config.SharedObjectsPersistent
	other, err := store.Open(filepath.Join(cfg.Data, "leat.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := New(&cfg, nil)
	if err := n.Listen(t.Context()); !errors.Is(err, store.ErrInUse) {
		t.Errorf("Listen returned %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
