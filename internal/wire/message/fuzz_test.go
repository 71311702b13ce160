package message

import (
	"bytes"
	"testing"

	"leat/amf"
)

// fuzzLimits are small, so that the fuzzer finds their ends.
var fuzzLimits = amf.Limits{Depth: 8, Elements: 256, StringBytes: 4096}

// checkParse parses body and checks what Parse promises. What it accepts must be written in a form that it
// reads as the same again.
func checkParse(t *testing.T, typ Type, body []byte) {
	t.Helper()
	input := bytes.Clone(body)
	m, err := Parse(typ, body, fuzzLimits)
	if !bytes.Equal(input, body) {
		t.Fatal("Parse changed its input")
	}
	if _, command := m.(*Command); err != nil && m != nil && !command || err == nil && m == nil {
		t.Fatalf("Parse returned %+v and %v", m, err)
	}
	if m == nil {
		return
	}
	if m.Type() != typ {
		t.Fatalf("a message of type %v became one of %v", typ, m.Type())
	}
	first, err := Append(nil, m)
	if err != nil {
		return // cycles, and values that exceed what an encoder may write
	}
	again, err := Parse(typ, first, amf.Limits{})
	if err != nil {
		t.Fatalf("Parse of what Append wrote: %v\n% x", err, first)
	}
	second, err := Append(nil, again)
	if err != nil {
		t.Fatalf("Append for the second time: %v", err)
	}
	if !bytes.Equal(first, second) {
		t.Fatalf("not stable:\n% x\n% x", first, second)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []struct {
		typ  Type
		body string
	}{
		{TypeSetChunkSize, "00001000"},
		{TypeUserControl, "0003 00000001 00000bb8"},
		{TypeUserControl, "001a 01"},
		{TypeSetPeerBandwidth, "002625a0 02"},
		{TypeCommandAMF0, connectResult},
		{TypeCommandAMF3, "00 02 0001 78 00 3ff0000000000000 05 11 06 03 61 11 06 00"},
		{TypeCommandAMF0, "02 0001 78 00 3ff0000000000000 0a 00000001 07 0000"},
		{TypeDataAMF3, "00 02 0001 78"},
		{TypeAggregate, aggregateAudio},
	} {
		f.Add(uint8(seed.typ), unhex(f, seed.body))
	}
	f.Fuzz(func(t *testing.T, typ uint8, body []byte) { checkParse(t, Type(typ), body) })
}

func FuzzSharedObject(f *testing.F) {
	for _, g := range objectGolden() {
		f.Add(unhex(f, g.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		checkParse(t, TypeSharedObjectAMF0, body)
		checkParse(t, TypeSharedObjectAMF3, body)
	})
}

func FuzzAggregate(f *testing.F) {
	f.Add(unhex(f, aggregateAudio+aggregateVideo), uint32(7000))
	f.Add(unhex(f, aggregateAudio+aggregateVideo)[:30], uint32(0xfffffff0))
	f.Fuzz(func(t *testing.T, body []byte, timestamp uint32) {
		subs, err := Aggregate{Body: body}.Split(timestamp)
		if len(subs) > 0 && subs[0].Timestamp != timestamp {
			t.Fatalf("the first message is at %d, the aggregate at %d", subs[0].Timestamp, timestamp)
		}
		built, buildErr := AppendAggregate(nil, subs...)
		if buildErr != nil {
			t.Fatal(buildErr)
		}
		if err == nil && len(built) < len(body) {
			t.Fatalf("%d bytes became %d without an error", len(body), len(built))
		}
		again, err := Aggregate{Body: built}.Split(timestamp)
		if err != nil || len(again) != len(subs) {
			t.Fatalf("%d messages became %d, error %v", len(subs), len(again), err)
		}
		for i, s := range again {
			if s.Type != subs[i].Type || s.Timestamp != subs[i].Timestamp || !bytes.Equal(s.Body, subs[i].Body) {
				t.Fatalf("message %d: got %+v, want %+v", i, s, subs[i])
			}
		}
	})
}
