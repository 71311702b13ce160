package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestPlaySignalled interrupts a process of `leat play` in the middle of a stream.
func TestPlaySignalled(t *testing.T) {
	url, _ := startServer(t)
	file := filepath.Join(t.TempDir(), "cam.flv")
	if err := createFLV(file, time.Second); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	published := make(chan int, 1)
	go func() { // ends with ctx
		code, _, _ := leat(ctx, "", "publish", "--loop", file, url+"/live/cam")
		published <- code
	}()

	program, err := exec.LookPath("leat")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "play", "-o", "-", url+"/live/cam")
	cmd.Env = append(os.Environ(), "GORACE="+quickExit)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("leat play: %v", err)
	}
	stop()
	if code := <-published; code != exitDone {
		t.Errorf("leat publish ended with %d", code)
	}
}
