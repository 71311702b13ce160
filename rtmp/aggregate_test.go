package rtmp

import (
	"bytes"
	"context"
	"testing"
	"time"

	"leat/internal/wire/chunk"
	"leat/media"
)

// The bytes are the worked example of an Aggregate of audio at 5000 and video at 5010.
const aggregateBody = "08 000004 001388 00 000000 af01aabb 0000000f 09 00000a 001392 00 000000 27010000000000000165 00000015"

func TestEncoderAggregate(t *testing.T) {
	audio := &media.Packet{Kind: media.Audio, Timestamp: 5000 * time.Millisecond, Body: unhex(t, "af01aabb")}
	video := &media.Packet{Kind: media.Video, Timestamp: 5010 * time.Millisecond, Body: unhex(t, "27010000000000000165")}
	data := &media.Packet{Kind: media.Data, Timestamp: 5010 * time.Millisecond, Body: unhex(t, "02 0001 78")}
	e := &Encoder{StreamID: 1, ChunkSize: 4096}

	want := unhex(t, "06 001388 00002c 16 01000000"+aggregateBody)
	var a Aggregate
	if !a.Add(audio) || !a.Add(video) || a.Size() != 0x2c {
		t.Fatalf("audio and video were not gathered, size %d", a.Size())
	}
	if a.Add(data) {
		t.Error("a data message was gathered")
	}
	if got := a.AppendTo(nil, e); !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
	if got := a.AppendTo(nil, e); got != nil || a.Size() != 0 {
		t.Errorf("an empty one gave % x", got)
	}
	for _, alone := range []*media.Packet{audio, video} {
		a.Add(alone)
		if got := a.AppendTo(nil, e); !bytes.Equal(got, e.Append(nil, alone)) {
			t.Errorf("one packet alone is % x", got)
		}
	}
	large := &media.Packet{Kind: media.Video, Body: make([]byte, maxAggregate-aggregateOverhead)}
	if !a.Add(large) || a.Add(audio) {
		t.Error("the limit was not kept")
	}
}

// TestReceiverAggregate takes the example with a time of its own, and damaged ones: what is whole before the damage counts.
func TestReceiverAggregate(t *testing.T) {
	nested := "16 000000 001392 00 000000 0000000b"
	tests := []struct {
		name string
		body string
		want []time.Duration
	}{
		{"re-based", aggregateBody, []time.Duration{7000 * time.Millisecond, 7010 * time.Millisecond}},
		{"without the last back pointer", aggregateBody[:len(aggregateBody)-9], []time.Duration{7000 * time.Millisecond, 7010 * time.Millisecond}},
		{"cut off", aggregateBody[:len(aggregateBody)-11], []time.Duration{7000 * time.Millisecond}},
		{"nested", aggregateBody + nested + aggregateBody, []time.Duration{7000 * time.Millisecond, 7010 * time.Millisecond}},
		{"nested at once", nested + aggregateBody, nil},
		{"empty", "", nil},
	}
	for _, test := range tests {
		var r receiver
		c := newConn(nopConn{}, nil, Limits{}.withDefaults(), discard)
		var got []time.Duration
		m := chunk.Message{Type: 22, Timestamp: 7000, Body: unhex(t, test.body)}
		r.receive(c, &m, time.Time{}, func(p *media.Packet) { got = append(got, p.Timestamp) })
		if len(got) != len(test.want) {
			t.Errorf("%s: times %v, want %v", test.name, got, test.want)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%s: times %v, want %v", test.name, got, test.want)
			}
		}
	}
}

// TestReceiverAggregateIsCopied: of a message that is mostly dropped no more is kept than its packets.
func TestReceiverAggregateIsCopied(t *testing.T) {
	var r receiver
	c := newConn(nopConn{}, nil, Limits{}.withDefaults(), discard)
	m := chunk.Message{Type: 22, Body: append(unhex(t, aggregateBody), make([]byte, 1<<20)...)}
	var got []*media.Packet
	r.receive(c, &m, time.Time{}, func(p *media.Packet) { got = append(got, p) })
	clear(m.Body)
	if len(got) < 2 || got[0].Body[0] != 0xaf || got[1].Body[0] != 0x27 {
		t.Error("the packets lie in the message")
	}
}

func TestKnowsAggregates(t *testing.T) {
	for flashVer, want := range map[string]bool{
		"LNX 10,0,32,18": true, "LNX 9,0,124,2": true, "WIN 9,0,115,0": true, "WIN 32,0,0,465": true, "WIN 9,1,0,0": true, "X 9,0,115": true,
		"WIN 9,0,114,0": false, "WIN 8,9,999,0": false, "WIN 9,0": false, "WIN 9": false, "": false, "WIN": false, "WIN a,b,c,d": false,
		"FMLE/3.0 (compatible; FMSc/1.0)": false, "WIN 99999999999999999999,0,0,0": false,
	} {
		if got := knowsAggregates(flashVer); got != want {
			t.Errorf("%q: %v, want %v", flashVer, got, want)
		}
	}
}

func TestBandwidthResult(t *testing.T) {
	b := bandwidth{rounds: 3, latency: 20 * time.Millisecond, bytes: 50_000, time: 400 * time.Millisecond}
	want := map[bandwidthDialect][]any{bandwidthNative: {1000.0, 400.0, 0.4, 20.0}, bandwidthSimple: {1000.0, 20.0}}
	for d, w := range want {
		got := b.result(d)
		if len(got) != len(w) {
			t.Fatalf("%s: %v, want %v", d.done, got, w)
		}
		for i := range got {
			if got[i] != w[i] {
				t.Errorf("%s: %v, want %v", d.done, got, w)
			}
		}
	}
	if got := (&bandwidth{rounds: 1}).result(bandwidthSimple)[0]; got != 0.0 {
		t.Errorf("without a payload: %v", got)
	}
}

// A client that does not answer gets one empty question and no result.
func TestBandwidthUnanswered(t *testing.T) {
	c := newConn(nopConn{}, nil, Limits{}.withDefaults(), discard)
	c.out.flushing = true // nothing goes out
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	var b bandwidth
	if err := b.measure(ctx, c, "_onbwcheck"); err == nil || b.rounds != 0 || b.bytes != 0 {
		t.Errorf("%+v, %v", b, err)
	}
	if len(c.out.buf) > 100 {
		t.Errorf("%d bytes were sent", len(c.out.buf))
	}
}

// TestAwaitsPong: a peer is read in a hurry while the answer to a ping may be on its way, and not for ever when it never comes.
func TestAwaitsPong(t *testing.T) {
	now := time.Now()
	c := &Conn{started: now.Add(-time.Minute)}
	asked := func(at time.Duration) bool { return c.awaitsPong(now.Add(at)) }
	if asked(0) {
		t.Error("an answer is awaited without a question")
	}
	c.flow.pingAt, c.flow.pingValue = time.Minute, 60_000
	c.flow.pinging.Store(true)
	if !asked(10*time.Millisecond) || asked(time.Second) {
		t.Errorf("after 10 ms an answer is awaited: %v, after 1 s: %v", asked(10*time.Millisecond), asked(time.Second))
	}
	c.flow.pong(time.Minute+20*time.Millisecond, 60_000)
	if asked(30 * time.Millisecond) {
		t.Error("an answer is awaited that has come")
	}
}

func TestPong(t *testing.T) {
	var f flow
	const age = time.Hour
	f.pong(age, 0)
	if f.roundTrip() != 0 {
		t.Error("an answer without a question counts")
	}
	f.pingAt, f.pingValue = age, 15000
	f.pinging.Store(true)
	f.pong(age+time.Second, 1)
	f.pong(age+20*time.Millisecond, 15000)
	f.pong(2*age, 15000)
	if got := f.roundTrip(); got != 20*time.Millisecond {
		t.Errorf("the round trip is %v", got)
	}
}
