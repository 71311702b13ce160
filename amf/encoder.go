package amf

import "io"

// Encoder writes values to a stream, which it treats as one message until Reset: limits are for all of it, and AMF3 values
// refer to earlier ones.
//
// The fields must be set before the first value is written. An Encoder is not safe for concurrent use.
type Encoder struct {
	Version  Version   // default AMF0; AMF3 means a stream of AMF3 values
	Limits   Limits    // zero fields mean the defaults
	Registry *Registry // classes; nil knows those of Flex only

	e   *encoder
	w   io.Writer
	buf []byte
	err error
}

// NewEncoder returns an Encoder that writes to w, each value with one call of Write.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: w} }

// Reset makes the Encoder begin a new message, to w. The fields are kept; they may be changed now.
func (e *Encoder) Reset(w io.Writer) {
	e.e, e.w, e.err = nil, w, nil
}

// Encode writes v, by the rules of Marshal. It blocks as the writer does. If v cannot be encoded, nothing of it is written and
// the error is that of Append. After an error, which is then returned by all further calls, the message cannot be continued.
func (e *Encoder) Encode(v any) error {
	if e.err != nil {
		return e.err
	}
	if e.e == nil {
		e.e = newEncoder(e.Limits, e.Registry)
	}
	e.err = e.encode(v)
	return e.err
}

func (e *Encoder) encode(v any) error {
	b, err := e.e.value(e.buf[:0], v, e.Version)
	if err != nil {
		return err
	}
	e.buf = b
	_, err = e.w.Write(b)
	return err
}
