package rtmp

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"leat/amf"
)

func TestParseConn(t *testing.T) {
	object := func(members ...amf.Member) *amf.Object { return &amf.Object{Members: members} }
	tests := []struct {
		in   string // separated by spaces
		want []any
	}{
		{"", nil},
		{"B:0 B:1 B:2", []any{false, true, true}},
		{"N:1.5 N:-2 N:1e3", []any{1.5, -2.0, 1000.0}},
		{"S:a:b S:", []any{"a:b", ""}},
		{"Z:", []any{nil}},
		{"O:1 O:0", []any{object()}},
		{"B:1 S:authMe O:1 NN:code:1.23 NS:flag:ok O:0", []any{true, "authMe", object(amf.Member{Name: "code", Value: 1.23}, amf.Member{Name: "flag", Value: "ok"})}},
		{"O:1 NO:in:1 NB:b:1 NZ:z: O:0 NS:s:x:y O:0 S:end", []any{
			object(
				amf.Member{Name: "in", Value: object(amf.Member{Name: "b", Value: true}, amf.Member{Name: "z"})},
				amf.Member{Name: "s", Value: "x:y"},
			),
			"end",
		}},
	}
	for _, tt := range tests {
		got, err := ParseConn(strings.Fields(tt.in))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseConn(%q) = %v, %v; want %v", tt.in, got, err, tt.want)
		}
	}
}

func TestParseConnErrors(t *testing.T) {
	deep := strings.Repeat("NO:o:1 ", maxConnDepth)
	for _, in := range []string{
		"x", "BB:1", "B1", "B:x", "N:x", "Q:1", "NQ:n:1", "NB:1", "O:2", "NO:o:0",
		"O:0", "O:1", "O:1 NO:o:1 O:0", "B:1 O:0", "NB:b:1", "O:1 B:1 O:0",
		"O:1 " + deep,
	} {
		got, err := ParseConn(strings.Fields(in))
		var optionErr *OptionError
		if !errors.As(err, &optionErr) || got != nil {
			t.Errorf("ParseConn(%.40q) = %v, %v; want an *OptionError", in, got, err)
		}
	}
}
