package message

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"testing"

	"leat/amf"
)

// connectResult is the answer to connect of a real server, 206 bytes.
const connectResult = `
	02 00 07 5f 72 65 73 75 6c 74 00 3f f0 00 00 00 00 00 00
	03 00 06 66 6d 73 56 65 72 02 00 0e 46 4d 53 2f 33 2c 35 2c 37 2c 37 30 30 39
	   00 0c 63 61 70 61 62 69 6c 69 74 69 65 73 00 40 3f 00 00 00 00 00 00
	   00 04 6d 6f 64 65 00 3f f0 00 00 00 00 00 00 00 00 09
	03 00 05 6c 65 76 65 6c 02 00 06 73 74 61 74 75 73
	   00 04 63 6f 64 65 02 00 1d 4e 65 74 43 6f 6e 6e 65 63 74 69 6f 6e 2e 43 6f 6e 6e 65 63 74 2e 53 75 63 63 65 73 73
	   00 0b 64 65 73 63 72 69 70 74 69 6f 6e 02 00 15 43 6f 6e 6e 65 63 74 69 6f 6e 20 73 75 63 63 65 65 64 65 64 2e
	   00 0e 6f 62 6a 65 63 74 45 6e 63 6f 64 69 6e 67 00 00 00 00 00 00 00 00 00 00 00 09`

func TestCommandGolden(t *testing.T) {
	body := unhex(t, connectResult)
	m := &Command{
		Name:          "_result",
		TransactionID: 1,
		Object:        amf.NewObject("fmsVer", "FMS/3,5,7,7009", "capabilities", 31.0, "mode", 1.0),
		Args: []any{amf.NewObject("level", "status", "code", "NetConnection.Connect.Success",
			"description", "Connection succeeded.", "objectEncoding", 0.0)},
	}
	if len(body) != 206 {
		t.Fatalf("the vector has %d bytes", len(body))
	}
	if got := mustAppend(t, m); !bytes.Equal(got, body) {
		t.Errorf("got\n% x\nwant\n% x", got, body)
	}
	got := mustParse(t, TypeCommandAMF0, body).(*Command)
	if code := got.Args[0].(*amf.Object).Text("code"); got.Name != "_result" || got.TransactionID != 1 || code != "NetConnection.Connect.Success" {
		t.Errorf("parsed %+v with code %q", got, code)
	}
	if again := mustAppend(t, got); !bytes.Equal(again, body) {
		t.Errorf("written again\n% x\nwant\n% x", again, body)
	}
}

func TestCommandForms(t *testing.T) {
	const createStream = "02 000c 63726561746553747265616d 00 4000000000000000 05"
	wantBytes(t, &Command{Name: "createStream", TransactionID: 2}, unhex(t, createStream))
	wantBytes(t, &Command{AMF3: true, Name: "createStream", TransactionID: 2}, unhex(t, "00"+createStream))
	wantBytes(t, &Command{Name: "seek", Args: []any{5000.0}}, unhex(t, "02 0004 7365656b 00 0000000000000000 05 00 40b3880000000000"))
}

// What sloppy peers send instead of a complete command.
func TestCommandLenient(t *testing.T) {
	const name, one, null = "02 0001 78", "00 3ff0000000000000", "05"
	tests := []struct {
		name string
		typ  Type
		body string
		want Command
	}{
		{"name only", TypeCommandAMF0, name, Command{Name: "x"}},
		{"no command object", TypeCommandAMF0, name + one, Command{Name: "x", TransactionID: 1}},
		{"transaction ID is a string", TypeCommandAMF0, name + "02 0001 31" + null, Command{Name: "x"}},
		{"transaction ID is not a number", TypeCommandAMF0, name + "00 7ff8000000000001" + null, Command{Name: "x"}},
		{"transaction ID is an AMF3 integer", TypeCommandAMF0, name + "11 04 07" + null, Command{Name: "x", TransactionID: 7}},
		{"command object undefined", TypeCommandAMF0, name + one + "06", Command{Name: "x", TransactionID: 1, Object: amf.Undefined{}}},
		{"command object is a string", TypeCommandAMF0, name + one + "02 0001 79", Command{Name: "x", TransactionID: 1, Object: "y"}},
		{"long string as name", TypeCommandAMF0, "0c 00000001 78" + one, Command{Name: "x", TransactionID: 1}},
		{"selector in type 20", TypeCommandAMF0, "00" + name + one, Command{Name: "x", TransactionID: 1}},
		{"selector in type 17", TypeCommandAMF3, "00" + name + one, Command{AMF3: true, Name: "x", TransactionID: 1}},
		{"no selector in type 17", TypeCommandAMF3, name + one, Command{AMF3: true, Name: "x", TransactionID: 1}},
		{"AMF3 arguments", TypeCommandAMF3, "00" + name + one + null + "11 06 03 61 11 06 00", Command{AMF3: true, Name: "x", TransactionID: 1, Args: []any{"a", "a"}}},
	}
	for _, tt := range tests {
		got := mustParse(t, tt.typ, unhex(t, tt.body))
		if !reflect.DeepEqual(got, &tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// Garbage behind the known values: they count, and the error says where it was.
func TestCommandInPart(t *testing.T) {
	for _, garbage := range []string{"ff", "02 0005 61", "03 0001"} {
		body := unhex(t, "02 0001 78 00 3ff0000000000000 05 00 4000000000000000"+garbage)
		m, err := Parse(TypeCommandAMF0, body, amf.Limits{})
		want := &Command{Name: "x", TransactionID: 1, Args: []any{2.0}}
		var e *Error
		if !errors.As(err, &e) || !reflect.DeepEqual(m, want) {
			t.Errorf("with %s behind: %+v, error %v", garbage, m, err)
		}
	}
	// A bomb behind the name stops at the limit.
	body := append(unhex(t, "02 0001 78 00 3ff0000000000000"), bytes.Repeat(unhex(t, "0a 00000001"), 70_000)...)
	m, err := Parse(TypeCommandAMF0, body, amf.Limits{})
	if cmd, ok := m.(*Command); !ok || cmd.Name != "x" || !errors.Is(err, amf.ErrLimit) {
		t.Errorf("deep nesting: %+v, error %v", m, err)
	}
}

func TestCommandMalformed(t *testing.T) {
	for _, tt := range []struct {
		typ  Type
		body string
	}{
		{TypeCommandAMF0, ""},
		{TypeCommandAMF0, "00"},
		{TypeCommandAMF0, "02 0005 61"},
		{TypeCommandAMF0, "05"},
		{TypeCommandAMF0, "ff"},
		{TypeCommandAMF3, ""},
		{TypeCommandAMF3, "00"},
		{TypeCommandAMF3, "01 02 0001 78"},
		{TypeCommandAMF3, "02 0009 78"},
		{TypeCommandAMF3, "00 05"},
	} {
		m, err := Parse(tt.typ, unhex(t, tt.body), amf.Limits{})
		wantError(t, tt.typ, m, err)
	}
}

// A prefix of a command fails, unless it ends between values or where the end marker of an object is all
// that is missing.
func TestCommandTruncated(t *testing.T) {
	body := unhex(t, "02 000c 63726561746553747265616d 00 4000000000000000 05 02 0004 61626364")
	whole := map[int]bool{15: true, 24: true, 25: true}
	for n := range body {
		_, err := Parse(TypeCommandAMF0, body[:n], amf.Limits{})
		if whole[n] != (err == nil) || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: error %v", n, err)
		}
	}
}

func TestCommandAppendError(t *testing.T) {
	prefix := []byte{1, 2}
	b, err := Append(prefix, &Command{Name: "x", Args: []any{make(chan int)}})
	var e *amf.EncodeError
	if !errors.As(err, &e) || !bytes.Equal(b, prefix) {
		t.Errorf("Append = % x, %v", b, err)
	}
	if b, err := Append(prefix, &Command{Name: "x", TransactionID: math.Inf(1)}); err != nil || !bytes.HasPrefix(b, prefix) {
		t.Errorf("Append = % x, %v", b, err)
	}
}
