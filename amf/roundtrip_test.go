package amf

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// generator makes random values that a version can hold and gives back the same.
type generator struct {
	*rand.Rand
	version Version
	shared  []any // AMF3 may refer to them again
}

func (g *generator) text() string {
	return strings.Repeat(string(rune('a'+g.IntN(26))), g.IntN(4))
}

func (g *generator) name() string { return "n" + g.text() }

func (g *generator) value(depth int) any {
	kinds := 13
	if g.version == AMF0 {
		kinds = 8
	}
	if depth == 0 {
		kinds = 6
	}
	switch g.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return g.IntN(2) == 0
	case 2:
		return g.NormFloat64()
	case 3:
		return g.text()
	case 4:
		return time.UnixMilli(g.Int64N(1 << 40)).UTC()
	case 5:
		if g.version == AMF3 && len(g.shared) > 0 {
			return g.shared[g.IntN(len(g.shared))]
		}
		return XML(g.text())
	case 6:
		return g.share(g.values(depth))
	case 7:
		return g.share(g.object(depth))
	case 8:
		return g.IntN(1<<29) - 1<<28
	case 9:
		return g.share([]byte("b" + g.text()))
	case 10:
		return g.share(&Vector[float64]{Fixed: true, Values: []float64{g.NormFloat64(), math.Inf(-1)}})
	case 11:
		return g.share(&VectorObject{Class: g.text(), Values: g.values(depth)})
	}
	return g.share(&Dictionary{WeakKeys: true, Entries: []Entry{{g.text(), g.value(depth - 1)}}})
}

func (g *generator) share(v any) any {
	g.shared = append(g.shared, v)
	return v
}

func (g *generator) values(depth int) []any {
	values := make([]any, 1+g.IntN(4))
	for i := range values {
		values[i] = g.value(depth - 1)
	}
	return values
}

func (g *generator) object(depth int) *Object {
	o := &Object{Members: []Member{}}
	for range 1 + g.IntN(4) {
		o.Members = append(o.Members, Member{g.name(), g.value(depth - 1)})
	}
	switch g.IntN(3) {
	case 0:
		o.ECMA = true
		return o
	case 1:
		o.Class = g.name()
	}
	if g.version == AMF3 {
		o.Sealed = g.IntN(len(o.Members) + 1)
		o.Dynamic = o.Sealed < len(o.Members) || g.IntN(2) == 0
	}
	return o
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		for _, version := range []Version{AMF0, AMF3} {
			g := generator{Rand: rand.New(rand.NewPCG(seed, 1)), version: version}
			want := g.value(5)
			encode, decode := Append, Decode
			if version == AMF3 {
				encode, decode = Append3, Decode3
			}
			b, err := encode(nil, want)
			if err != nil {
				t.Fatalf("seed %d, AMF%d: %v", seed, version, err)
			}
			got, err := decode(b, Limits{})
			if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
				t.Fatalf("seed %d, AMF%d: %x\n got %#v, %v\nwant %#v", seed, version, b, got, err, want)
			}
		}
	}
}
