package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatcher(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "leat.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "rtmp: :1")
	w, err := NewWatcher(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	write(file, "rtmp: :2")
	if err := w.Wait(ctx); err != nil {
		t.Fatalf("the file was written: %v", err)
	}
	// Another file, the same content, and a removal are no change; a replacement is.
	write(filepath.Join(folder, "other"), "x")
	write(file, "rtmp: :2")
	write(file+".new", "rtmp: :3")
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(ctx); err != nil {
		t.Fatalf("the file was replaced: %v", err)
	}
	if string(w.last) != "rtmp: :3" {
		t.Errorf("woken for %q", w.last)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 3*settle)
	defer cancel()
	if err := w.Wait(short); err == nil {
		t.Error("a removed file counts as changed")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("Wait after Close gives %v", err)
	}
}

func TestWatcherWithoutFolder(t *testing.T) {
	if _, err := NewWatcher(filepath.Join(t.TempDir(), "none", "leat.yaml")); err == nil {
		t.Error("a file in a folder that is not there is watched")
	}
}
