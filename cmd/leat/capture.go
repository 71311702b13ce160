package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"leat/internal/diagnose"
	"leat/internal/pcap"
)

// captureFile is a capture of leat trace, or one of tcpdump or Wireshark. It makes a diagnose.Records of either.
type captureFile struct {
	file    *os.File
	records interface {
		Read() (diagnose.Record, error)
	}
}

var _ diagnose.Records = (*captureFile)(nil)

// openCapture opens a capture and finds out by which program it was made. Errors name the file.
func openCapture(name string) (*captureFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the capture: %w", err)
	}
	c := &captureFile{file: f}
	in := bufio.NewReader(f)
	if magic, _ := in.Peek(4); pcap.Is(magic) { // what cannot be read is said by the reader of captures
		c.records, err = pcap.NewReader(in)
	} else {
		c.records, err = diagnose.NewCaptureReader(in)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return c, nil
}

// Read returns the next record, and io.EOF itself behind the last.
func (c *captureFile) Read() (diagnose.Record, error) {
	rec, err := c.records.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %w", c.file.Name(), err)
	}
	return rec, err
}

// Close closes the file.
func (c *captureFile) Close() error { return c.file.Close() }
