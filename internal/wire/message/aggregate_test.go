package message

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

const (
	aggregateAudio = "08 000004 001388 00 000000 af01aabb 0000000f"
	aggregateVideo = "09 00000a 001392 00 000000 27010000000000000165 00000015"
)

func wantSubs(t *testing.T, body []byte, timestamp uint32, want ...Sub) {
	t.Helper()
	got, err := Aggregate{Body: body}.Split(timestamp)
	if err != nil {
		t.Fatalf("Split: %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Split\n got %+v\nwant %+v", got, want)
	}
}

func TestAggregateGolden(t *testing.T) {
	body := unhex(t, aggregateAudio+aggregateVideo)
	audio, video := unhex(t, "af01aabb"), unhex(t, "27010000000000000165")
	wantSubs(t, body, 7000, Sub{TypeAudio, 7000, audio}, Sub{TypeVideo, 7010, video})
	wantSubs(t, body, 5000, Sub{TypeAudio, 5000, audio}, Sub{TypeVideo, 5010, video})

	got, err := AppendAggregate(nil, Sub{TypeAudio, 5000, audio}, Sub{TypeVideo, 5010, video})
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("AppendAggregate = % x, %v, want % x", got, err, body)
	}
}

func TestAggregateTimestamps(t *testing.T) {
	// The upper eight bits stand behind the lower 24, and all arithmetic is modulo 2^32.
	body := unhex(t, "08 000000 fffff0 ff 000000 0000000b 08 000000 000010 00 000000 0000000b 08 000000 345678 12 000000 0000000b")
	wantSubs(t, body, 0xfffffff0,
		Sub{TypeAudio, 0xfffffff0, []byte{}}, Sub{TypeAudio, 0x10, []byte{}}, Sub{TypeAudio, 0x12345678, []byte{}})
	wantSubs(t, body, 0,
		Sub{TypeAudio, 0, []byte{}}, Sub{TypeAudio, 0x20, []byte{}}, Sub{TypeAudio, 0x12345688, []byte{}})
	built, err := AppendAggregate(nil, Sub{TypeAudio, 0xfffffff0, nil}, Sub{TypeAudio, 0x10, nil}, Sub{TypeAudio, 0x12345678, nil})
	if err != nil || !bytes.Equal(built, body) {
		t.Errorf("AppendAggregate = % x, %v, want % x", built, err, body)
	}
}

func TestAggregateLenient(t *testing.T) {
	audio := unhex(t, "af01aabb")
	want := []Sub{{TypeAudio, 7000, audio}, {TypeVideo, 7010, unhex(t, "27010000000000000165")}}
	whole := unhex(t, aggregateAudio+aggregateVideo)
	for missing := range 5 {
		wantSubs(t, whole[:len(whole)-missing], 7000, want...)
	}
	wrong := bytes.Clone(whole)
	copy(wrong[11+4:], []byte{0xff, 0xff, 0xff, 0xff})
	wantSubs(t, wrong, 7000, want...)

	// Unknown types pass, stream IDs do not matter.
	wantSubs(t, unhex(t, "63 000001 000000 00 123456 aa 0000000c"), 5, Sub{99, 5, []byte{0xaa}})
	wantSubs(t, nil, 5)
}

func TestAggregateTruncated(t *testing.T) {
	whole := unhex(t, aggregateAudio+aggregateVideo)
	first := len(unhex(t, aggregateAudio))
	for n := range whole {
		subs, err := Aggregate{Body: whole[:n:n]}.Split(7000)
		complete := 0
		switch {
		case n >= len(whole)-4:
			complete = 2
		case n >= first-4:
			complete = 1
		}
		fault := n > 0 && n < first-4 || n > first && n < len(whole)-4
		if len(subs) != complete || fault != errors.Is(err, io.ErrUnexpectedEOF) || !fault && err != nil {
			t.Errorf("%d bytes: %d messages, error %v", n, len(subs), err)
		}
	}
}

func TestAggregateFaults(t *testing.T) {
	var e *Error
	nested := unhex(t, aggregateAudio+"16 000000 000000 00 000000 0000000b"+aggregateVideo)
	subs, err := Aggregate{Body: nested}.Split(7000)
	if !errors.As(err, &e) || len(subs) != 1 {
		t.Errorf("nested aggregate: %d messages, error %v", len(subs), err)
	}
	many := bytes.Repeat(unhex(t, "08 000000 000000 00 000000 0000000b"), maxSubs+1)
	subs, err = Aggregate{Body: many}.Split(0)
	if !errors.As(err, &e) || len(subs) != maxSubs {
		t.Errorf("too many messages: %d, error %v", len(subs), err)
	}
	if b, err := AppendAggregate([]byte{1}, Sub{}, Sub{Body: make([]byte, maxTagSize+1)}); err == nil || len(b) != 1 {
		t.Errorf("AppendAggregate of too long a body: %d bytes, error %v", len(b), err)
	}
}
