package amf

// External is an AMF3 object of an externalizable class, one that codes its own body (AMF3 3.12). It is used by
// pointer, so that references keep their identity.
type External struct {
	Class string // class alias
	Value any    // the body, in the form that the Externalizer of the class gives it
}

// Externalizer codes the bodies of an externalizable class. A Registry holds it.
type Externalizer interface {
	// ReadExternal reads a body and returns its value. It must read exactly what the class has written.
	// Errors of in should be returned as they are.
	ReadExternal(in *DataInput) (any, error)
	// WriteExternal writes a body.
	WriteExternal(out *DataOutput, v any) error
}

// DataInput reads the body of an externalizable object, as the ActionScript interface IDataInput does. Its methods
// return a *SyntaxError that wraps io.ErrUnexpectedEOF when the message ends, or ErrLimit. It is valid only
// during the call of ReadExternal.
type DataInput struct{ d *decoder }

// Object reads an AMF3 value, which may refer to what stood before it in the message.
func (in *DataInput) Object() (any, error) { return in.d.next(AMF3) }

// Byte reads one byte.
func (in *DataInput) Byte() (byte, error) { return in.d.byte() }

// Bytes reads n bytes into a new slice.
func (in *DataInput) Bytes(n uint32) ([]byte, error) {
	s, err := in.d.str(n)
	return []byte(s), err
}

// Double reads a number of eight bytes.
func (in *DataInput) Double() (float64, error) { return in.d.double() }

// UnsignedInt reads a number of four bytes.
func (in *DataInput) UnsignedInt() (uint32, error) { return in.d.uint32() }

// UTF reads a text with a 16-bit length.
func (in *DataInput) UTF() (string, error) { return in.d.utf8() }

// DataOutput writes the body of an externalizable object, as the ActionScript interface IDataOutput does. It is valid
// only during the call of WriteExternal.
type DataOutput struct {
	e   *encoder
	buf []byte
}

// Object writes an AMF3 value. Its errors are those of Append3.
func (out *DataOutput) Object(v any) (err error) {
	out.buf, err = out.e.value3(out.buf, v)
	return err
}

// Byte writes one byte.
func (out *DataOutput) Byte(b byte) { out.buf = append(out.buf, b) }

// Bytes writes b as it is.
func (out *DataOutput) Bytes(b []byte) { out.buf = append(out.buf, b...) }

// Double writes a number of eight bytes.
func (out *DataOutput) Double(f float64) { out.buf = appendDouble(out.buf, f) }

// UnsignedInt writes a number of four bytes.
func (out *DataOutput) UnsignedInt(u uint32) { out.buf = appendUint32(out.buf, u) }

// UTF writes a text with a 16-bit length. It fails if s is longer than 65,535 bytes.
func (out *DataOutput) UTF(s string) (err error) {
	out.buf, err = out.e.utf8(out.buf, s)
	return err
}
