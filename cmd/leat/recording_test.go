package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"leat/flv"
	"leat/media"
	"leat/media/mediatest"
)

// hanging delivers packets, then calls idle and waits for the end of the context.
type hanging struct {
	list
	idle func()
}

func (h *hanging) ReadPacket(ctx context.Context) (*media.Packet, error) {
	p, err := h.list.ReadPacket(ctx)
	if errors.Is(err, io.EOF) {
		h.idle()
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return p, err
}

// TestRecordingInterrupted checks that the first interrupt leaves a whole file: header flags and totals are filled in.
func TestRecordingInterrupted(t *testing.T) {
	target, err := new(connectFlags).target("rtmp://host/live/cam", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "out.flv")
	out := &output{name: name}
	r := &recording{out: flv.NewWriter(out), console: &console{}}
	ctx, interrupt := context.WithCancel(t.Context())
	src := &hanging{list: list{packets: mediatest.Opus(time.Second)}, idle: interrupt}
	err = r.run(ctx, src)
	if err := errors.Join(r.finish(), out.Close()); err != nil {
		t.Fatal(err)
	}
	if err := r.outcome(ctx, target, err); err != nil {
		t.Errorf("an interrupt is a failure: %v", err)
	}
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	reader := flv.NewReader(bytes.NewReader(file))
	header, err := reader.Header()
	if err != nil || !header.Audio || header.Video {
		t.Errorf("header %+v, %v", header, err)
	}
	tag, err := reader.ReadTag()
	if err != nil || !bytes.Contains(tag.Body, append([]byte("duration\x00"), 0x3f, 0xef)) { // a little less than 1.0
		t.Errorf("first tag %q, %v", tag.Body, err)
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestRecordingCannotWrite(t *testing.T) {
	r := &recording{out: flv.NewWriter(full{}), console: &console{}}
	err := r.run(t.Context(), &list{packets: mediatest.Opus(time.Second)})
	err = r.outcome(t.Context(), nil, err)
	if err == nil || err.Error() != "cannot write the file: no space left on device" || exitCode(err) != exitFailed {
		t.Errorf("it said %v", err)
	}
}

func TestOutputOnStandardOutput(t *testing.T) {
	var std bytes.Buffer
	out := &output{name: standard, std: &std}
	if _, err := out.Seek(0, io.SeekCurrent); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Seek: %v", err)
	}
	if _, err := out.Write([]byte("x")); err != nil || std.String() != "x" {
		t.Errorf("wrote %q, %v", &std, err)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
}
