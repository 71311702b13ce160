package diagnose

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// CaptureMagic begins a capture. Its last byte is the version.
const CaptureMagic = "LEATCAP\x01"

// MaxRecord is the longest piece of bytes in a capture.
const MaxRecord = 1 << 20

// RecordType says what a record of a capture is.
type RecordType uint8

// The types of records.
const (
	RecordClient RecordType = iota // bytes from the client
	RecordServer                   // bytes from the server
	RecordOpened                   // a connection begins; the data are who it comes from
	RecordClosed                   // it has ended; the data say how
)

// Record is a piece of a capture.
type Record struct {
	Type RecordType
	Conn uint64        // number of the connection
	At   time.Duration // since the capture began; whole microseconds
	Data []byte        // of a CaptureReader: valid until the next call
}

// CaptureError says where a capture is broken. It wraps io.ErrUnexpectedEOF when it ends too early.
type CaptureError struct {
	Offset int64
	Reason string
	Err    error // may be nil
}

// Error returns the place and the reason.
func (e *CaptureError) Error() string {
	return fmt.Sprintf("the capture is damaged at byte %d: %s", e.Offset, e.Reason)
}

// Unwrap returns Err.
func (e *CaptureError) Unwrap() error { return e.Err }

// CaptureWriter writes a capture. It is not safe for concurrent use.
type CaptureWriter struct {
	w    io.Writer
	buf  []byte
	last time.Duration
}

// NewCaptureWriter writes the beginning of a capture.
func NewCaptureWriter(w io.Writer) (*CaptureWriter, error) {
	if _, err := io.WriteString(w, CaptureMagic); err != nil {
		return nil, err
	}
	return &CaptureWriter{w: w}, nil
}

// Write writes a record in one Write. A time before that of the last record counts as that. It panics on data longer than
// MaxRecord.
func (c *CaptureWriter) Write(r Record) error {
	if len(r.Data) > MaxRecord {
		panic("diagnose: a record is longer than MaxRecord")
	}
	step := max(0, (r.At - c.last).Microseconds())
	c.last += time.Duration(step) * time.Microsecond
	c.buf = append(c.buf[:0], byte(r.Type))
	c.buf = binary.AppendUvarint(c.buf, r.Conn)
	c.buf = binary.AppendUvarint(c.buf, uint64(step))
	c.buf = binary.AppendUvarint(c.buf, uint64(len(r.Data)))
	c.buf = append(c.buf, r.Data...)
	_, err := c.w.Write(c.buf)
	return err
}

// CaptureReader reads a capture.
type CaptureReader struct {
	r      *bufio.Reader
	offset int64
	at     time.Duration
	buf    []byte
}

// NewCaptureReader reads the beginning of a capture. The error is a *CaptureError, or the reader's.
func NewCaptureReader(r io.Reader) (*CaptureReader, error) {
	c := &CaptureReader{r: bufio.NewReader(r)}
	magic := make([]byte, len(CaptureMagic))
	n, err := io.ReadFull(c.r, magic)
	c.offset = int64(n)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, c.broken("it ends in its first 8 bytes", io.ErrUnexpectedEOF)
	case err != nil:
		return nil, err
	case string(magic) != CaptureMagic:
		c.offset = 0
		return nil, c.broken("it does not begin as captures of leat trace --record do", nil)
	}
	return c, nil
}

// Read returns the next record, and io.EOF behind the last.
func (c *CaptureReader) Read() (Record, error) {
	typ, err := c.r.ReadByte()
	if err != nil {
		return Record{}, err // io.EOF: a clean end
	}
	c.offset++
	r := Record{Type: RecordType(typ)}
	if r.Type > RecordClosed {
		return Record{}, c.broken(fmt.Sprintf("there is no record of type %d", typ), nil)
	}
	var fields [3]uint64
	for i := range fields {
		if fields[i], err = binary.ReadUvarint(c); err != nil {
			return Record{}, c.cut(err)
		}
	}
	const longest = 1 << 50 // microseconds: 35 years
	if fields[1] > longest || int64(c.at/time.Microsecond)+int64(fields[1]) > longest {
		return Record{}, c.broken("a time is out of bounds", nil)
	}
	if fields[2] > MaxRecord {
		return Record{}, c.broken(fmt.Sprintf("a record of %d bytes is above the limit of %d", fields[2], MaxRecord), nil)
	}
	c.at += time.Duration(fields[1]) * time.Microsecond
	r.Conn, r.At = fields[0], c.at
	if r.Data, err = c.data(int(fields[2])); err != nil {
		return Record{}, c.cut(err)
	}
	return r, nil
}

// ReadByte counts what is read.
func (c *CaptureReader) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.offset++
	}
	return b, err
}

// data reads n bytes; memory grows with what is there.
func (c *CaptureReader) data(n int) ([]byte, error) {
	c.buf = c.buf[:0]
	for len(c.buf) < n {
		step := min(n-len(c.buf), 64<<10)
		begin := len(c.buf)
		c.buf = append(c.buf, make([]byte, step)...)
		got, err := io.ReadFull(c.r, c.buf[begin:])
		c.offset += int64(got)
		if err != nil {
			return nil, err
		}
	}
	return c.buf, nil
}

func (c *CaptureReader) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return c.broken("it ends in the middle of a record", io.ErrUnexpectedEOF)
	}
	if _, isRead := errors.AsType[*CaptureError](err); isRead {
		return err
	}
	return c.broken(err.Error(), err)
}

func (c *CaptureReader) broken(reason string, err error) error {
	return &CaptureError{Offset: c.offset, Reason: reason, Err: err}
}
