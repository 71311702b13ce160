package amf

import (
	"errors"
	"io"
)

// Decoder reads values from a stream, which it treats as one message until Reset: limits are for all of it,
// and references may go back to its start. Unlike Decode it does not forgive missing end markers, since a stream has no
// end of a message that could stand for them.
//
// The fields must be set before the first value is read. A Decoder is not safe for concurrent use.
type Decoder struct {
	Version  Version   // default AMF0; AMF3 means a stream of AMF3 values
	Limits   Limits    // zero fields mean the defaults
	Registry *Registry // classes; nil knows those of Flex only

	d   *decoder
	r   io.Reader
	err error
}

// NewDecoder returns a Decoder that reads from r. It reads no byte beyond the value that it was asked for, in many small
// pieces: r should have a buffer.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: r} }

// Reset makes the Decoder begin a new message, from r. The fields are kept; they may be changed now.
func (d *Decoder) Reset(r io.Reader) {
	d.d, d.r, d.err = nil, r, nil
}

// Decode reads the next value. It blocks as the reader does. At the end of the stream the error is io.EOF, within a value
// a *SyntaxError that wraps io.ErrUnexpectedEOF. After an error, which is then returned by all further calls, the
// stream cannot be read on.
func (d *Decoder) Decode() (any, error) {
	if d.err != nil {
		return nil, d.err
	}
	if d.d == nil {
		d.d = &decoder{source: source{r: d.r}, budget: newBudget(d.Limits), registry: d.Registry}
	}
	v, err := d.next()
	d.err = err
	return v, err
}

func (d *Decoder) next() (any, error) {
	end, err := d.d.atEnd()
	if err != nil {
		return nil, err
	}
	if end {
		return nil, io.EOF
	}
	return d.d.next(d.Version)
}

// DecodeInto reads the next value and stores it in what v points to, by the rules of Unmarshal. Objects of registered classes
// become pointers to their structs where v has an empty interface. A *TypeError does not prevent
// further reading. DecodeInto panics if v is not a pointer or is nil.
func (d *Decoder) DecodeInto(v any) error {
	value, err := d.Decode()
	if err != nil {
		return err
	}
	err = store(v, value, d.Limits, d.Registry)
	if syntax, ok := errors.AsType[*SyntaxError](err); ok {
		syntax.Offset = d.Offset()
	}
	return err
}

// Offset returns how many bytes of the message have been read.
func (d *Decoder) Offset() int64 {
	if d.d == nil {
		return 0
	}
	return d.d.offset()
}
