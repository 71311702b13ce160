package amf

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// readHex returns the bytes of a file under testdata: hexadecimal digits, spaces, and comments from # to the end of the line.
func readHex(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".hex"))
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

var date2012 = time.Date(2012, 12, 21, 0, 0, 0, 0, time.UTC)

// golden is a message and its values.
type golden struct {
	name   string
	size   int   // of the body, where a document states it
	values []any // what Decode gives
	encode []any // what gives the same bytes; nil: values; empty: nothing, the bytes are not what we would write
}

var onlyDecode = []any{}

func golden0() []golden {
	cyclic := NewObject("a", nil)
	array := []any{cyclic}
	cyclic.Members[0].Value = array
	cyclic.Set("b", array)
	fooBar := &Object{Dynamic: true, Members: []Member{{"name", "foo"}, {"n", 300}}}

	return []golden{
		{name: "connect", size: 129, values: []any{"connect", 1.0, NewObject(
			"app", "live", "type", "nonprivate",
			"flashVer", "FMLE/3.0 (compatible; FMSc/1.0)", "tcUrl", "rtmp://localhost/live")}},
		{name: "connect_result", size: 206, values: []any{
			"_result", 1.0,
			NewObject("fmsVer", "FMS/3,5,7,7009", "capabilities", 31.0, "mode", 1.0),
			NewObject("level", "status", "code", "NetConnection.Connect.Success",
				"description", "Connection succeeded.", "objectEncoding", 0.0),
		}},
		{name: "onstatus", size: 115, values: []any{
			"onStatus", 0.0, nil,
			NewObject("level", "status", "code", "NetStream.Publish.Start", "description", "Started publishing stream."),
		}},
		{name: "setdataframe", size: 70, values: []any{
			"@setDataFrame", "onMetaData",
			&Object{ECMA: true, Members: []Member{{"width", 1280.0}, {"height", 720.0}}},
		}},
		{name: "play", values: []any{"play", 4.0, nil, "mp4:sample.m4v", -2000.0}},
		{name: "sample_access", values: []any{"|RtmpSampleAccess", true, true}},
		{
			name:   "echo_amf3",
			values: []any{"echo", 5.0, nil, fooBar},
			encode: []any{"echo", 5.0, nil, AVMPlus{fooBar}},
		},
		{name: "markers", values: []any{
			math.Inf(1), false, "", nil,
			Undefined{},
			Unsupported{},
			[]any{1.0, Undefined{}},
			date2012, XML("<a/>"),
			&Object{Class: "A", Members: []Member{{"x", true}}}, &Object{ECMA: true},
		}},
		{name: "references", values: []any{cyclic, array}, encode: onlyDecode},
		{name: "no_end", values: []any{"onMetaData", &Object{ECMA: true, Members: []Member{
			{"a", true}, {"b", NewObject("c", nil)},
		}}}, encode: onlyDecode},
		{name: "no_end_count", values: []any{
			&Object{ECMA: true, Members: []Member{{"a", true}}}, "end",
		}, encode: onlyDecode},
		{name: "leniency", values: []any{
			&Object{ECMA: true, Members: []Member{{"", 1.0}, {"a", nil}, {"a", true}}},
			time.UnixMilli(0).UTC(),
		}, encode: onlyDecode},
	}
}

func golden3() []golden {
	point := func(x, y int) *Object {
		return &Object{Class: "org.Point", Sealed: 2, Members: []Member{{"x", x}, {"y", y}}}
	}
	first := point(10, 20)
	cycle := make([]any, 2)
	cycle[0] = cycle
	inner := &Object{Dynamic: true, Members: []Member{{"a", cycle}, {"o", nil}}}
	inner.Members[1].Value = inner
	cycle[1] = inner

	return []golden{
		{name: "points", size: 34, values: []any{[]any{first, point(30, -1), first}}},
		{name: "anonymous", values: []any{&Object{Dynamic: true, Members: []Member{{"name", "foo"}, {"n", 300}}}}},
		{name: "array_collection", values: []any{&External{Class: ClassArrayCollection, Value: []any{1, "a"}}}},
		{name: "vector_int", values: []any{&Vector[int32]{Values: []int32{1, -1}}}},
		{name: "vector_object", values: []any{&VectorObject{Fixed: true, Class: "*", Values: []any{"hi"}}}},
		{name: "dictionary", values: []any{&Dictionary{Entries: []Entry{{"key", true}}}}},
		{name: "bytearray", values: []any{[]byte{1, 2, 3}}},
		{name: "date", values: []any{date2012}},
		{name: "xml", values: []any{XML("<a/>")}},
		{name: "markers", values: []any{
			Undefined{},
			nil, false, true, minInteger, maxInteger, 1.5, "", "a", "a",
			XMLDocument("<a/>"), XML("<b/>"), time.UnixMilli(0).UTC(),
			&Vector[uint32]{Fixed: true, Values: []uint32{math.MaxUint32}},
			&Vector[float64]{Values: []float64{2}},
			&Object{ECMA: true, Members: []Member{{"k", 1}}, Dense: []any{2}},
			&Object{Class: "A", Sealed: 1, Members: []Member{{"a", "hi"}}},
			&Dictionary{WeakKeys: true, Entries: []Entry{}},
		}},
		{name: "cycle", values: []any{cycle}},
		{name: "leniency", values: []any{
			5, &Dictionary{Entries: []Entry{}}, &Dictionary{WeakKeys: true, Entries: []Entry{}},
			&VectorObject{Fixed: true, Class: "j.Vec", Values: []any{}}, &Dictionary{WeakKeys: true, Entries: []Entry{}},
		}, encode: onlyDecode},
	}
}

// encodeMessage writes values as one message.
func encodeMessage(version Version, values []any) ([]byte, error) {
	var b bytes.Buffer
	e := NewEncoder(&b)
	e.Version = version
	for _, v := range values {
		if err := e.Encode(v); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func testGolden(t *testing.T, dir string, version Version, decode func([]byte, Limits) ([]any, error), tests []golden) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := readHex(t, dir+"/"+tt.name)
			if tt.size != 0 && len(b) != tt.size {
				t.Fatalf("the file holds %d bytes, want %d", len(b), tt.size)
			}
			got, err := decode(b, Limits{})
			if err != nil {
				t.Fatalf("Decode(%x): %v", b, err)
			}
			if !reflect.DeepEqual(got, tt.values) {
				t.Fatalf("Decode(%x)\n got %#v\nwant %#v", b, got, tt.values)
			}
			values := tt.encode
			if values == nil {
				values = tt.values
			}
			if len(values) == 0 {
				return
			}
			encoded, err := encodeMessage(version, values)
			if err != nil || !bytes.Equal(encoded, b) {
				t.Errorf("encoding %#v\n got %x, %v\nwant %x", values, encoded, err, b)
			}
		})
	}
}

func TestGolden0(t *testing.T) { testGolden(t, "amf0", AMF0, Decode, golden0()) }
func TestGolden3(t *testing.T) { testGolden(t, "amf3", AMF3, Decode3, golden3()) }

// Every file under testdata is a test.
func TestGoldenComplete(t *testing.T) {
	for dir, tests := range map[string][]golden{"amf0": golden0(), "amf3": golden3()} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.hex"))
		if err != nil || len(files) != len(tests) {
			t.Errorf("%s: %d files for %d tests, %v", dir, len(files), len(tests), err)
		}
	}
}

// A body that is cut off within a value is io.ErrUnexpectedEOF. What a prefix may be instead is a shorter body: it ends between
// values, or where a member name should stand.
func TestTruncated(t *testing.T) {
	for _, tt := range golden0() {
		testTruncated(t, "amf0/"+tt.name, AMF0, Decode)
	}
	for _, tt := range golden3() {
		testTruncated(t, "amf3/"+tt.name, AMF3, Decode3)
	}
}

func testTruncated(t *testing.T, name string, version Version, decode func([]byte, Limits) ([]any, error)) {
	b := readHex(t, name)
	boundary := map[int64]bool{0: true} // between values
	r := bytes.NewReader(b)
	d := NewDecoder(r)
	d.Version = version
	for {
		if _, err := d.Decode(); err != nil {
			break // the stream decoder takes no body without end markers
		}
		boundary[d.Offset()] = true
	}
	for n := range b {
		d.Reset(bytes.NewReader(b[:n]))
		var err error
		for err == nil {
			_, err = d.Decode()
		}
		want := io.ErrUnexpectedEOF
		if boundary[int64(n)] {
			want = io.EOF
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: Decoder on the first %d bytes: %v, want %v", name, n, err, want)
		}
		vals, err := decode(b[:n], Limits{})
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF) && !boundary[int64(n)]:
		case err == nil && boundary[int64(n)]:
		case err == nil && version == AMF0 && needsEndMarkers(b[:n]):
		default:
			t.Errorf("%s: the first %d bytes: %v, %v", name, n, vals, err)
		}
	}
}

// needsEndMarkers reports whether b is a body that lacks nothing but up to four end markers at its end.
func needsEndMarkers(b []byte) bool {
	for range 4 {
		b = append(bytes.Clone(b), 0, 0, markerObjectEnd)
		d := NewDecoder(bytes.NewReader(b))
		var err error
		for err == nil {
			_, err = d.Decode()
		}
		if errors.Is(err, io.EOF) {
			return true
		}
	}
	return false
}
