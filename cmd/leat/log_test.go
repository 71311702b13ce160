package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
)

func TestLoggerText(t *testing.T) {
	var out bytes.Buffer
	level := new(slog.LevelVar)
	log := newLogger(&out, config.LogText, level)
	log.Debug("hidden")
	log.Info("publishing", "app", "live")
	level.Set(slog.LevelError)
	log.Info("hidden, too")
	if got := out.String(); !strings.HasSuffix(got, "level=INFO msg=publishing app=live\n") || strings.Count(got, "\n") != 1 {
		t.Errorf("logged %q", got)
	}
}

func TestLoggerJSON(t *testing.T) {
	var out bytes.Buffer
	newLogger(&out, config.LogJSON, slog.LevelInfo).Info("publishing", "app", "live", "dur", 1500*time.Millisecond)
	var line struct{ Msg, App, Dur string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Msg != "publishing" || line.App != "live" || line.Dur != "1.5s" {
		t.Errorf("logged %q: %v", &out, err)
	}
}

func TestIsTerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.Writer{new(bytes.Buffer), file} {
		if isTerminal(w) {
			t.Errorf("%T counts as a terminal", w)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if isTerminal(file) {
		t.Error("a closed file counts as a terminal")
	}
}
