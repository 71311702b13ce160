package message

import (
	"testing"

	"leat/amf"
)

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct {
		name string
		typ  Type
		body []byte
	}{
		{"audio", TypeAudio, make([]byte, 400)},
		{"user control", TypeUserControl, unhex(b, "0006 12345678")},
		{"command", TypeCommandAMF0, unhex(b, connectResult)},
		{"shared object", TypeSharedObjectAMF0, unhex(b, objectGolden()[2].body)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(bb.typ, bb.body, amf.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendCommand(b *testing.B) {
	m, err := Parse(TypeCommandAMF0, unhex(b, connectResult), amf.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = Append(dst[:0], m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAggregateSplit(b *testing.B) {
	var subs []Sub
	for i := range uint32(32) {
		subs = append(subs, Sub{TypeVideo, 20 * i, make([]byte, 2000)})
	}
	body, err := AppendAggregate(nil, subs...)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := (Aggregate{Body: body}).Split(0); err != nil {
			b.Fatal(err)
		}
	}
}
