package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"leat/flv"
	"leat/internal/format"
	"leat/internal/format/container"
	"leat/internal/format/mp3"
	"leat/media"
)

// standard is the name of a file that stands for standard input or output.
const standard = "-"

// source is a recording that is read packet by packet: a file of any container, or FLV or MP3 from a pipe. It is a
// media.Reader.
type source struct {
	name    string
	kind    container.Kind
	file    *os.File    // nil: standard input
	size    int64       // bytes; 0: not known, and rewind is impossible
	read    int64       // bytes of this pass so far; FLV only
	in      io.Reader   // FLV only
	opened  format.File // other containers
	packets media.Reader
	latest  time.Duration // timestamp of the latest frame of this pass
}

// openSource opens a file, or standard input for "-", and reads its beginning, so that nobody connects to a server for
// what cannot be published. The end of ctx interrupts reading.
func openSource(ctx context.Context, name string, stdin io.Reader) (*source, error) {
	s := &source{name: name, in: stdin}
	if name == standard {
		s.name = "standard input"
		s.in = interruptible(ctx, stdin)
	} else if err := s.open(ctx); err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		if ctx.Err() == nil {
			err = s.failure(err)
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *source) open(ctx context.Context) error {
	file, err := os.Open(s.name)
	if err != nil {
		return fmt.Errorf("cannot read the file: %w", err)
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", s.name)
	}
	if err != nil {
		return fmt.Errorf("cannot read the file: %w", errors.Join(err, file.Close()))
	}
	s.file, s.in = file, file
	if info.Mode().IsRegular() {
		s.size = info.Size()
	} else {
		s.in = interruptible(ctx, file)
	}
	return nil
}

// begin finds out what the source is. FLV is read tag by tag and MP3 frame by frame, which works in a pipe; MP4 needs a file.
func (s *source) begin() error {
	if s.size > 0 {
		kind, err := container.DetectIn(s.input())
		if err != nil {
			return err
		}
		s.kind = kind
		if kind == container.MP4 || kind == container.MP3 {
			return s.index()
		}
	}
	s.kind = container.FLV
	if s.size == 0 {
		peeked := bufio.NewReader(s.in)
		s.in = peeked
		head, _ := peeked.Peek(container.HeadSize) // a failure comes again
		switch container.Detect(head) {
		case container.MP4:
			return errMP4InPipe
		case container.MP3:
			s.kind, s.packets = container.MP3, mp3.NewStream(s)
			return nil
		}
	}
	return s.beginFLV()
}

func (s *source) beginFLV() error {
	r := flv.NewReader(s)
	s.packets = r
	_, err := r.Header()
	return err
}

// index opens an MP4 or MP3 file.
func (s *source) index() (err error) {
	if s.opened, err = container.Open(s.input()); err != nil {
		return err
	}
	s.packets = s.opened.NewCursor()
	return nil
}

// input is the file for reading anywhere in it.
func (s *source) input() format.Input { return io.NewSectionReader(s.file, 0, s.size) }

// isLive reports whether the source goes on by itself, whether it is read or not.
func (s *source) isLive() bool { return s.size == 0 }

// errMP4InPipe is a container that cannot be read from front to back.
var errMP4InPipe = errors.New("MP4 cannot be read from a pipe, only FLV and MP3: give the file by name, or let ffmpeg write -f flv")

// interruptible returns a reader of in whose reading ends when ctx is done. What in itself waits for cannot be
// interrupted: the goroutine that reads it ends with its next byte, or with the process.
func interruptible(ctx context.Context, in io.Reader) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { w.CloseWithError(errInterrupted) })
	return r
}

// errInterrupted is a signal that came before there was anything to end cleanly.
var errInterrupted = errors.New("interrupted before the stream began")

// Read reads the bytes of the file and counts them.
func (s *source) Read(b []byte) (int, error) {
	n, err := s.in.Read(b)
	s.read += int64(n)
	return n, err
}

// ReadPacket returns the next packet. A failure is a sentence with the exit code that belongs to it.
func (s *source) ReadPacket(ctx context.Context) (*media.Packet, error) {
	p, err := s.packets.ReadPacket(ctx)
	switch {
	case err == nil && !p.Config:
		s.latest = max(s.latest, p.Timestamp)
	case err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil:
		err = s.failure(err)
	}
	return p, err
}

// progress says how much of the source there is and how much of it was read, in the same unit; a total of 0 is unknown.
func (s *source) progress() (total, done int64) {
	if s.opened != nil {
		return s.opened.Info().Duration.Milliseconds(), s.latest.Milliseconds()
	}
	return s.size, s.read
}

// rewind begins anew. Only a file with a size can.
func (s *source) rewind() error {
	s.read, s.latest = 0, 0
	if s.opened != nil {
		s.packets = s.opened.NewCursor()
		return nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("cannot begin %s anew: %w", s.name, err)
	}
	s.packets = flv.NewReader(s)
	return nil
}

func (s *source) failure(err error) error {
	bad, isFLV := errors.AsType[*flv.Error](err)
	switch {
	case isFLV && s.size > 0 && bad.Tag == 0:
		return fmt.Errorf("%s is neither an FLV, nor an MP4, nor an MP3 file", s.name)
	case isFLV:
		return fmt.Errorf("%s: %s", s.name, bad.Reason)
	case errors.Is(err, errMP4InPipe):
		return fmt.Errorf("%s: %w", s.name, errMP4InPipe)
	case errors.Is(err, format.ErrNoTrack):
		return fmt.Errorf("%s has no track that RTMP can carry", s.name)
	case errors.Is(err, format.ErrStructure):
		return fmt.Errorf("%s is damaged: %s", s.name, withoutRoom(err))
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s is empty", s.name)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &exitError{exitIncomplete, fmt.Errorf("%s is cut off: it ends within a tag", s.name)}
	}
	return fmt.Errorf("reading %s: %w", s.name, err)
}

// withoutRoom leaves out of a damage what only says that there is one.
func withoutRoom(err error) string {
	return strings.TrimPrefix(err.Error(), format.ErrStructure.Error()+": ")
}

// Close closes the file.
func (s *source) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
