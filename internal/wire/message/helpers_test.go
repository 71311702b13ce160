package message

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"leat/amf"
)

// unhex decodes hexadecimal text with blanks and bars.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(strings.ReplaceAll(text, "|", "")), ""))
	if err != nil {
		t.Fatalf("bad hex in the test: %v", err)
	}
	return b
}

func mustParse(t testing.TB, typ Type, body []byte) Message {
	t.Helper()
	m, err := Parse(typ, body, amf.Limits{})
	if err != nil {
		t.Fatalf("Parse(%v, % x): %v", typ, body, err)
	}
	return m
}

func mustAppend(t testing.TB, m Message) []byte {
	t.Helper()
	b, err := Append(nil, m)
	if err != nil {
		t.Fatalf("Append(%+v): %v", m, err)
	}
	return b
}

// wantBytes checks that m is written as the bytes, and read back from them.
func wantBytes(t *testing.T, m Message, body []byte) {
	t.Helper()
	if got := mustAppend(t, m); !bytes.Equal(got, body) {
		t.Errorf("Append(%+v)\n got % x\nwant % x", m, got, body)
	}
	if got := mustParse(t, m.Type(), body); !reflect.DeepEqual(got, m) {
		t.Errorf("Parse(%v, % x)\n got %+v\nwant %+v", m.Type(), body, got, m)
	}
}

// wantShort checks that no prefix of body of fewer than need bytes can be parsed, and all others can.
func wantShort(t *testing.T, typ Type, body []byte, need int) {
	t.Helper()
	for n := range body {
		m, err := Parse(typ, body[:n:n], amf.Limits{})
		if n >= need {
			if err != nil {
				t.Errorf("%v with %d of %d bytes: %v", typ, n, len(body), err)
			}
			continue
		}
		wantError(t, typ, m, err)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v with %d of %d bytes: error %v, want io.ErrUnexpectedEOF", typ, n, len(body), err)
		}
	}
}

func wantError(t *testing.T, typ Type, m Message, err error) {
	t.Helper()
	var e *Error
	if m != nil || !errors.As(err, &e) || e.Type != typ || e.Reason == "" {
		t.Errorf("%v: message %+v, error %v, want an *Error alone", typ, m, err)
	}
}
