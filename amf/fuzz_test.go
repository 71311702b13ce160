package amf

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzDecode feeds AMF0 bodies to Decode and to a Decoder, and checks what is said about values that both accept.
func FuzzDecode(f *testing.F) {
	addGolden(f, "amf0")
	f.Fuzz(func(t *testing.T, b []byte) { checkDecode(t, b, AMF0, Decode) })
}

// FuzzDecode3 is FuzzDecode for AMF3 values.
func FuzzDecode3(f *testing.F) {
	addGolden(f, "amf3")
	f.Fuzz(func(t *testing.T, b []byte) { checkDecode(t, b, AMF3, Decode3) })
}

func addGolden(f *testing.F, dir string) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.hex"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		f.Add(readHex(f, dir+"/"+strings.TrimSuffix(filepath.Base(name), ".hex")))
	}
}

// checkDecode checks that what Decode gives can be written and read again, with the same bytes the next time, and that
// a Decoder gives at least what is in order.
func checkDecode(t *testing.T, b []byte, version Version, decode func([]byte, Limits) ([]any, error)) {
	vals, err := decode(b, Limits{})
	d := NewDecoder(bytes.NewReader(b))
	d.Version = version
	for i := 0; ; i++ {
		if _, streamErr := d.Decode(); streamErr != nil {
			break
		}
		if i >= len(vals) {
			t.Fatalf("Decode(%x) gives %d values and %v, a Decoder more", b, len(vals), err)
		}
	}
	first, ok := reencode(t, vals, version)
	if !ok {
		return
	}
	again, err := decode(first, Limits{Elements: 4 * defaultElements})
	if err != nil || len(again) != len(vals) {
		t.Fatalf("Decode(%x) gives %d values, written %x, which gives %d and %v", b, len(vals), first, len(again), err)
	}
	if second, ok := reencode(t, again, version); !ok || !bytes.Equal(first, second) {
		t.Fatalf("Decode(%x) is written as %x, and that again as %x", b, first, second)
	}
	for _, v := range vals {
		var m map[string]*struct {
			A any `amf:"a"`
			B []map[string]string
		}
		_ = store(&m, v, Limits{}, nil) // any value goes somewhere, or not
	}
}

// reencode writes values as a message. They may be more than the limits allow when references in them are written out, and some
// have no form in the version.
func reencode(t *testing.T, vals []any, version Version) (b []byte, ok bool) {
	b, err := encodeMessage(version, vals)
	if err == nil {
		return b, true
	}
	if _, ok := errors.AsType[*EncodeError](err); !ok {
		t.Fatalf("encoding %v: %v, want an EncodeError", vals, err)
	}
	return nil, false
}
