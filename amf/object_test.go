package amf

import (
	"math"
	"reflect"
	"testing"
)

func TestObjectReads(t *testing.T) {
	inner := NewObject("x", 1)
	o := NewObject(
		"text", "abc", "xml", XML("<a/>"), "number", 1.5, "int", 7, "true", true, "numeric", " 7 ",
		"nan", math.NaN(), "inf", "Inf", "null", nil, "object", inner,
		"proxy", &External{Class: ClassObjectProxy, Value: inner}, "yes", "true",
		"twice", "first", "twice", "last",
	)
	if got := []string{o.Text("text"), o.Text("xml"), o.Text("number"), o.Text("absent"), o.Text("twice")}; !reflect.DeepEqual(got,
		[]string{"abc", "<a/>", "", "", "last"}) {
		t.Errorf("Text: %q", got)
	}
	numbers := []struct {
		name string
		want float64
		ok   bool
	}{
		{"number", 1.5, true},
		{"int", 7, true},
		{"true", 1, true},
		{"numeric", 7, true},
		{"text", 0, false},
		{"nan", 0, false},
		{"inf", 0, false},
		{"null", 0, false},
		{"absent", 0, false},
	}
	for _, tt := range numbers {
		if got, ok := o.Number(tt.name); got != tt.want || ok != tt.ok {
			t.Errorf("Number(%q) = %v, %v; want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	bools := []struct {
		name     string
		want, ok bool
	}{
		{"true", true, true},
		{"number", true, true},
		{"int", true, true},
		{"yes", true, true},
		{"text", false, false},
		{"nan", true, false},
		{"absent", false, false},
	}
	for _, tt := range bools {
		if got, ok := o.Bool(tt.name); ok != tt.ok || ok && got != tt.want {
			t.Errorf("Bool(%q) = %v, %v; want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	if o.Object("object") != inner || o.Object("proxy") != inner || o.Object("text") != nil {
		t.Error("Object does not find what it should")
	}
	if got := o.Object("absent").Object("deeper").Text("name"); got != "" {
		t.Errorf("chain over absent objects = %q", got)
	}
}

func TestObjectChanges(t *testing.T) {
	o := NewObject("a", 1, "b", 2, "a", 3)
	o.Sealed = 2
	o.Set("a", 4)
	o.Set("c", 5)
	want := []Member{{"a", 1}, {"b", 2}, {"a", 4}, {"c", 5}}
	if !reflect.DeepEqual(o.Members, want) {
		t.Errorf("after Set: %v, want %v", o.Members, want)
	}
	o.Delete("a")
	o.Delete("absent")
	if want := []Member{{"b", 2}, {"c", 5}}; !reflect.DeepEqual(o.Members, want) || o.Sealed != 1 {
		t.Errorf("after Delete: %v with %d sealed, want %v with 1", o.Members, o.Sealed, want)
	}
	(*Object)(nil).Delete("a")
}

func TestNewObjectPanics(t *testing.T) {
	for name, kv := range map[string][]any{"odd": {"a"}, "name": {1, 2}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			NewObject(kv...)
		}()
	}
}
