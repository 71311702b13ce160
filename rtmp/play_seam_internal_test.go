package rtmp

import (
	"slices"
	"testing"
	"time"

	"leat/media"
)

// TestSeam: what another place sends goes on where it belongs.
func TestSeam(t *testing.T) {
	const ms = time.Millisecond
	header := func(body string) *media.Packet {
		return &media.Packet{Kind: media.Video, Config: true, Body: []byte(body)}
	}
	key := func(at time.Duration, body string) *media.Packet {
		return &media.Packet{Kind: media.Video, Key: true, Timestamp: at, Body: []byte(body)}
	}
	frame := func(at time.Duration) *media.Packet {
		return &media.Packet{Kind: media.Video, Timestamp: at, Body: []byte("frame")}
	}
	sound := func(at time.Duration) *media.Packet {
		return &media.Packet{Kind: media.Audio, Timestamp: at, Body: []byte("sound")}
	}
	tests := []struct {
		name           string
		before, behind []*media.Packet
		want           []time.Duration // of what comes of behind
	}{
		{
			"a key frame that both have sent: each frame once",
			[]*media.Packet{header("h"), key(0, "a"), sound(10 * ms), frame(40 * ms), frame(80 * ms)},
			[]*media.Packet{header("h"), key(9000*ms, "a"), sound(9010 * ms), sound(9030 * ms), frame(9040 * ms), frame(9080 * ms), frame(9120 * ms)},
			[]time.Duration{30 * ms, 120 * ms},
		},
		{
			"the same key frame twice: the time decides",
			[]*media.Packet{key(0, "a"), frame(40 * ms), key(80*ms, "a"), frame(120 * ms)},
			[]*media.Packet{key(0, "a"), frame(40 * ms), key(80*ms, "a"), frame(120 * ms), key(160*ms, "a")},
			[]time.Duration{160 * ms},
		},
		{
			"the same key frame long ago is none",
			[]*media.Packet{key(0, "a"), key(29960*ms, "b"), frame(30 * time.Second)},
			[]*media.Packet{key(0, "a"), frame(40 * ms)},
			[]time.Duration{30040 * ms, 30080 * ms},
		},
		{
			"another stream follows upon the last frame, with its header and from its key frame on",
			[]*media.Packet{header("h"), key(0, "a"), frame(20 * ms)},
			[]*media.Packet{header("i"), frame(5000 * ms), sound(5010 * ms), key(5020*ms, "x"), sound(5030 * ms), frame(5040 * ms)},
			[]time.Duration{20 * ms, 40 * ms, 50 * ms, 60 * ms},
		},
		{
			"sound alone follows as well",
			[]*media.Packet{sound(0), sound(20 * ms)},
			[]*media.Packet{sound(7000 * ms), sound(7020 * ms)},
			[]time.Duration{40 * ms, 60 * ms},
		},
		{
			"what has not begun has no time to go on from",
			nil,
			[]*media.Packet{frame(500 * ms), sound(510 * ms)},
			[]time.Duration{500 * ms, 510 * ms},
		},
	}
	for _, test := range tests {
		s := newSeam()
		for _, p := range test.before {
			if s.take(p) != p {
				t.Errorf("%s: the first place's packet at %v is changed", test.name, p.Timestamp)
			}
		}
		s.join()
		var got []time.Duration
		for _, p := range test.behind {
			if p = s.take(p); p != nil {
				got = append(got, p.Timestamp)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestPlayOptionsRest: a recording goes on where it was, a live stream as it was asked for.
func TestPlayOptionsRest(t *testing.T) {
	const played = 5 * time.Second
	tests := []struct{ o, want PlayOptions }{
		{PlayOptions{}, PlayOptions{}},
		{PlayOptions{Start: StartLive}, PlayOptions{Start: StartLive}},
		{PlayOptions{Recorded: true}, PlayOptions{Start: 5 * time.Second, Recorded: true}},
		{PlayOptions{Start: time.Second, Duration: 8 * time.Second}, PlayOptions{Start: 6 * time.Second, Recorded: true, Duration: 3 * time.Second}},
		{PlayOptions{Duration: 4 * time.Second}, PlayOptions{Duration: time.Millisecond}},
	}
	for _, test := range tests {
		if got := test.o.rest(played); *got != test.want {
			t.Errorf("%+v: %+v, want %+v", test.o, *got, test.want)
		}
	}
}
