package mp4

import "encoding/binary"

// fields reads the numbers of a box one after another. Behind the end it gives zeros and remembers that it did.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) bytes(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.short, f.b = true, nil
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) skip(n int) { f.bytes(n) }

func (f *fields) u8() uint8 {
	if b := f.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) u16() uint16 {
	if b := f.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (f *fields) u32() uint32 {
	if b := f.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) u64() uint64 {
	if b := f.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// either reads a number that has 64 bits in version 1 of its box and 32 in version 0.
func (f *fields) either(version uint8) uint64 {
	if version == 1 {
		return f.u64()
	}
	return uint64(f.u32())
}

// full reads what a full box begins with (ISO 14496-12 4.2.2).
func (f *fields) full() (version uint8, flags uint32) {
	v := f.u32()
	return uint8(v >> 24), v & 0xffffff
}

// rows reads the count of a table whose rows have size bytes and returns it; the rows are next in f. A table
// that is shorter than its count is short.
func (f *fields) rows(size int) int {
	n := uint64(f.u32())
	if n*uint64(size) > uint64(len(f.b)) {
		f.short, f.b = true, nil
		return 0
	}
	return int(n)
}

// check returns an error if the box ended too early.
func (f *fields) check(kind string) error {
	if f.short {
		return damaged("the box %q is too short", kind)
	}
	return nil
}
