package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"leat/flv"
	"leat/media"
)

// standard is the name of a file that stands for standard input or output.
const standard = "-"

// source is an FLV file that is read packet by packet. It is a media.Reader.
type source struct {
	name string
	file *os.File // nil: standard input
	size int64    // bytes; 0: not known, and rewind is impossible
	read int64    // bytes of this pass so far
	in   io.Reader
	flv  *flv.Reader
}

// openSource opens a file, or standard input for "-", and reads its header, so that nobody connects to a server for
// a file of another kind. The end of ctx interrupts reading.
func openSource(ctx context.Context, name string, stdin io.Reader) (*source, error) {
	s := &source{name: name, in: stdin}
	if name == standard {
		s.name = "standard input"
		s.in = interruptible(ctx, stdin)
	} else if err := s.open(ctx); err != nil {
		return nil, err
	}
	s.flv = flv.NewReader(s)
	if _, err := s.flv.Header(); err != nil {
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
	p, err := s.flv.ReadPacket(ctx)
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		err = s.failure(err)
	}
	return p, err
}

// rewind begins anew. Only a file with a size can.
func (s *source) rewind() error {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("cannot begin %s anew: %w", s.name, err)
	}
	s.read = 0
	s.flv = flv.NewReader(s)
	return nil
}

func (s *source) failure(err error) error {
	bad, ok := errors.AsType[*flv.Error](err)
	switch {
	case ok:
		return fmt.Errorf("%s: %s", s.name, bad.Reason)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s is empty", s.name)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &exitError{exitIncomplete, fmt.Errorf("%s is cut off: it ends within a tag", s.name)}
	}
	return fmt.Errorf("reading %s: %w", s.name, err)
}

// Close closes the file.
func (s *source) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
