package amf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestDecodeErrors(t *testing.T) {
	tests := []struct {
		name   string
		b      string
		amf3   bool
		vals   int   // values before the error
		offset int64 // of the error
		is     error // nil: none of the sentinels
	}{
		{name: "movie clip", b: "\x05\x04", vals: 1, offset: 1},
		{name: "record set", b: "\x0e"},
		{name: "object end", b: "\x09"},
		{name: "unknown marker", b: "\x12"},
		{name: "reference to nothing", b: "\x07\x00\x00", offset: 2},
		{name: "reference ahead", b: "\x03\x00\x01a\x07\x00\x01", offset: 6},
		{name: "string beyond the end", b: "\x02\xff\xffabc", offset: 3, is: io.ErrUnexpectedEOF},
		{name: "long string beyond the end", b: "\x0c\xff\xff\xff\xffabc", offset: 5, is: io.ErrUnexpectedEOF},
		{name: "array beyond the end", b: "\x0a\xff\xff\xff\xff\x05", offset: 5, is: io.ErrUnexpectedEOF},
		{name: "end marker cut off", b: "\x03\x00\x00", offset: 3, is: io.ErrUnexpectedEOF},
		{name: "unknown AMF3 marker", b: "\x11\x12", offset: 1},

		{name: "string reference", b: "\x01\x06\x00", amf3: true, vals: 1, offset: 2},
		{name: "object reference", b: "\x0a\x00", amf3: true, offset: 1},
		{name: "traits reference", b: "\x0a\x01", amf3: true, offset: 1},
		{name: "string beyond the end", b: "\x06\xff\xff\xff\xff", amf3: true, offset: 5, is: io.ErrUnexpectedEOF},
		{name: "byte array beyond the end", b: "\x0c\xff\xff\xff\xff", amf3: true, offset: 5, is: io.ErrUnexpectedEOF},
		{name: "array beyond the end", b: "\x09\xff\xff\xff\xff\x01", amf3: true, offset: 5, is: io.ErrUnexpectedEOF},
		{name: "traits beyond the end", b: "\x0a\xff\xff\xff\xf3\x01", amf3: true, offset: 6, is: io.ErrUnexpectedEOF},
		{name: "vector beyond the end", b: "\x0d\xff\xff\xff\xff\x00", amf3: true, offset: 6, is: io.ErrUnexpectedEOF},
		{name: "dictionary beyond the end", b: "\x11\xff\xff\xff\xff\x00", amf3: true, offset: 6, is: io.ErrUnexpectedEOF},
		{name: "unknown class", b: "\x03\x0a\x07\x03X\x01", amf3: true, vals: 1, offset: 5, is: ErrUnknownClass},
		{name: "class of no name", b: "\x0a\x07\x01", amf3: true, offset: 3, is: ErrUnknownClass},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			decode := Decode
			if tt.amf3 {
				decode = Decode3
			}
			vals, err := decode([]byte(tt.b), Limits{})
			syntax, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				t.Fatalf("Decode(%x) = %v, %v; want a SyntaxError", tt.b, vals, err)
			}
			if len(vals) != tt.vals || syntax.Offset != tt.offset {
				t.Errorf("Decode(%x): %d values, %v; want %d values and offset %d", tt.b, len(vals), err, tt.vals, tt.offset)
			}
			if tt.is == nil && syntax.Err != nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("Decode(%x): cause %v, want %v", tt.b, syntax.Err, tt.is)
			}
		})
	}
}

// nested returns n strict arrays, one in the other.
func nested(n int) []byte {
	return append(bytes.Repeat([]byte{markerStrictArray, 0, 0, 0, 1}, n), markerNull)
}

func TestLimits(t *testing.T) {
	numbers := func(n int) []byte {
		return bytes.Repeat([]byte{markerNull}, n)
	}
	text := func(n int) []byte { return AppendString(nil, strings.Repeat("x", n)) }
	amf3 := func(s string) []byte { return append([]byte{markerAVMPlus}, s...) }
	tests := []struct {
		name string
		b    []byte
		l    Limits
		ok   bool
	}{
		{name: "64 levels", b: nested(64), ok: true},
		{name: "65 levels", b: nested(65)},
		{name: "70,000 levels", b: nested(70000)},
		{name: "levels beyond the set limit", b: nested(3), l: Limits{Depth: 2}},
		{name: "levels of objects", b: bytes.Repeat([]byte{markerObject, 0, 1, 'a'}, 65)},
		{name: "levels of AMF3 arrays", b: amf3(strings.Repeat("\x09\x03\x01", 65))},
		{name: "levels of AMF3 associative arrays", b: amf3(strings.Repeat("\x09\x01\x03a", 65))},
		{name: "levels of AMF3 objects", b: amf3(strings.Repeat("\x0a\x0b\x01\x03a", 65))},
		{name: "levels of AMF3 vectors", b: amf3(strings.Repeat("\x10\x03\x00\x01", 65) + "\x01")},
		{name: "levels of AMF3 dictionaries", b: amf3(strings.Repeat("\x11\x03\x00", 65) + "\x01\x01")},
		{name: "levels of AMF3 proxies", b: amf3("\x0a\x07\x43" + ClassArrayCollection + strings.Repeat("\x0a\x01", 65))},
		{name: "65,536 values", b: numbers(65536), ok: true},
		{name: "65,537 values", b: numbers(65537)},
		{name: "an array of 65,536 values", b: append([]byte{markerStrictArray, 0, 1, 0, 0}, numbers(65536)...)},
		{name: "members beyond the limit", b: []byte("\x03\x00\x01a\x05\x00\x01b\x05\x00\x00\x09"), l: Limits{Elements: 2}},
		{name: "sealed names beyond the limit", b: amf3("\x0a\x23\x01\x03a\x03b\x01\x01"), l: Limits{Elements: 4}},
		{name: "sealed names within the limit", b: amf3("\x0a\x23\x01\x03a\x03b\x01\x01"), l: Limits{Elements: 5}, ok: true},
		{name: "vector beyond the limit", b: amf3("\x0d\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00"), l: Limits{Elements: 2}},
		{name: "text of 1 MiB", b: text(1 << 20), ok: true},
		{name: "text of more", b: text(1<<20 + 1)},
		{name: "texts in sum", b: append(text(3), text(3)...), l: Limits{StringBytes: 5}},
		{name: "names count as text", b: []byte("\x03\x00\x03abc\x05\x00\x00\x09"), l: Limits{StringBytes: 2}},
		{name: "byte arrays count as text", b: amf3("\x0c\x07abc"), l: Limits{StringBytes: 2}},
		{name: "references cost no text", b: amf3("\x09\x05\x01\x06\x07abc\x06\x00"), l: Limits{StringBytes: 3}, ok: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(tt.b, tt.l)
			if tt.ok && err != nil || !tt.ok && !errors.Is(err, ErrLimit) {
				t.Errorf("Decode(%.40x…): %v, want success %v", tt.b, err, tt.ok)
			}
			d := NewDecoder(bytes.NewReader(tt.b))
			d.Limits = tt.l
			for err = nil; err == nil; {
				_, err = d.Decode()
			}
			if tt.ok && !errors.Is(err, io.EOF) || !tt.ok && !errors.Is(err, ErrLimit) {
				t.Errorf("Decoder on %.40x…: %v, want success %v", tt.b, err, tt.ok)
			}
		})
	}
}

// Counts are never sizes to reserve beyond what the message holds.
func TestDecodeMemory(t *testing.T) {
	bombs := map[string][]byte{
		"ECMA arrays":  bytes.Repeat([]byte("\x08\xff\xff\xff\xff\x00\x01a"), 64),
		"strict array": []byte("\x0a\x00\x01\x00\x00"),
		"AMF3 array":   []byte("\x11\x09\xff\xff\xff\xff\x01"),
		"long string":  []byte("\x0c\xff\xff\xff\xff"),
	}
	for name, b := range bombs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Decode(b, Limits{}); err == nil && name != "ECMA arrays" {
			t.Errorf("%s: no error", name)
		}
		runtime.ReadMemStats(&after)
		got := after.TotalAlloc - before.TotalAlloc
		if got > 128<<10 {
			t.Errorf("%s: %d bytes of message took %d bytes of memory", name, len(b), got)
		}
	}
}

func TestU29(t *testing.T) {
	tests := []struct {
		u uint32
		b string
	}{
		{0, "\x00"},
		{127, "\x7f"},
		{128, "\x81\x00"},
		{16383, "\xff\x7f"},
		{16384, "\x81\x80\x00"},
		{2097151, "\xff\xff\x7f"},
		{2097152, "\x80\xc0\x80\x00"},
		{0x0fffffff, "\xbf\xff\xff\xff"},
		{0x1fffffff, "\xff\xff\xff\xff"},
	}
	for _, tt := range tests {
		if got := appendU29(nil, tt.u); string(got) != tt.b {
			t.Errorf("appendU29(%#x) = %x, want %x", tt.u, got, tt.b)
		}
		d := newDecoder([]byte(tt.b), Limits{})
		if got, err := d.u29(); got != tt.u || err != nil || d.remaining() != 0 {
			t.Errorf("u29(%x) = %#x, %v; want %#x", tt.b, got, err, tt.u)
		}
	}
}

func TestDecodeValue(t *testing.T) {
	v, n, err := DecodeValue([]byte("\x02\x00\x01arest"), Limits{})
	if v != "a" || n != 4 || err != nil {
		t.Errorf(`DecodeValue = %v, %d, %v; want "a", 4`, v, n, err)
	}
	if _, _, err := DecodeValue(nil, Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("DecodeValue of nothing: %v, want unexpected EOF", err)
	}
}

// The AMF3 values of a message share their tables, and the AMF0 references do not see into them.
func TestSharedTables(t *testing.T) {
	b := []byte("\x11\x06\x03a" + "\x11\x06\x00" + "\x11\x09\x01\x01" + "\x11\x09\x00")
	got, err := Decode(b, Limits{})
	want := []any{"a", "a", []any{}, []any{}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Decode(%x) = %v, %v; want %v", b, got, err, want)
	}
	if _, err := Decode(append(b, "\x07\x00\x00"...), Limits{}); err == nil {
		t.Error("an AMF0 reference found an AMF3 object")
	}
}

func TestDates(t *testing.T) {
	for _, ms := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300} {
		if got := dateToTime(ms); !got.IsZero() {
			t.Errorf("date %v = %v, want the zero Time", ms, got)
		}
	}
	if got := timeToDate(time.Time{}); !math.IsNaN(got) {
		t.Errorf("the zero Time = %v, want NaN", got)
	}
	for _, ms := range []float64{0, -1, 1356048000000, maxDate, -maxDate} {
		if got := timeToDate(dateToTime(ms)); got != ms {
			t.Errorf("date %v comes back as %v", ms, got)
		}
	}
}

func TestDecoderStream(t *testing.T) {
	long := strings.Repeat("long ", 20000)
	var b []byte
	b = AppendString(b, "onMetaData")
	b = AppendString(b, long)
	b, err := Append(b, NewObject("a", 1, "b", []any{nil, "c"}))
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"onMetaData", long, NewObject("a", 1.0, "b", []any{nil, "c"})}
	for name, r := range map[string]io.Reader{
		"whole":     bytes.NewReader(b),
		"one byte":  iotest.OneByteReader(bytes.NewReader(b)),
		"data, EOF": iotest.DataErrReader(bytes.NewReader(b)),
	} {
		d := NewDecoder(r)
		for i, w := range want {
			if got, err := d.Decode(); err != nil || !reflect.DeepEqual(got, w) {
				t.Fatalf("%s: value %d is %.60v, %v; want %.60v", name, i, got, err, w)
			}
		}
		for range 2 {
			if _, err := d.Decode(); !errors.Is(err, io.EOF) {
				t.Errorf("%s: at the end: %v, want EOF", name, err)
			}
		}
		if d.Offset() != int64(len(b)) {
			t.Errorf("%s: offset %d, want %d", name, d.Offset(), len(b))
		}
	}
}

func TestDecoderReadsNoFurther(t *testing.T) {
	r := strings.NewReader("\x02\x00\x01arest")
	if v, err := NewDecoder(r).Decode(); v != "a" || err != nil {
		t.Fatalf("Decode = %v, %v", v, err)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "rest" {
		t.Errorf("left for others: %q, want %q", rest, "rest")
	}
}

func TestDecoderReaderError(t *testing.T) {
	broken := errors.New("broken")
	for n, b := range []string{"", "\x02\x00"} {
		d := NewDecoder(io.MultiReader(strings.NewReader(b), iotest.ErrReader(broken)))
		if _, err := d.Decode(); !errors.Is(err, broken) {
			t.Errorf("case %d: %v, want the reader's error", n, err)
		}
	}
}

// A string of 64 KiB and more needs the long form; one byte less does not.
func TestStringForms(t *testing.T) {
	for _, n := range []int{0, 65535, 65536} {
		s := strings.Repeat("s", n)
		b := AppendString(nil, s)
		if long := b[0] == markerLongString; long != (n > 65535) {
			t.Errorf("string of %d bytes has marker %#02x", n, b[0])
		}
		if got, err := Decode(b, Limits{}); err != nil || got[0] != s {
			t.Errorf("string of %d bytes comes back as %.20v, %v", n, got, err)
		}
	}
	b := binary.BigEndian.AppendUint32([]byte{markerLongString}, 1)
	if got, err := Decode(append(b, 0xff), Limits{}); err != nil || got[0] != "\xff" {
		t.Errorf("invalid UTF-8 comes back as %q, %v", got, err)
	}
}
