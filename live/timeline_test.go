package live

import (
	"math"
	"testing"
	"time"

	"leat/media"
)

func TestTimelineClock(t *testing.T) {
	tests := []struct {
		name    string
		packets []*media.Packet
		want    time.Duration
	}{
		{"nothing", nil, 0},
		{"large first timestamp", []*media.Packet{video(1e6), video(1e6 + 40)}, ms(40)},
		{"interleaving", []*media.Packet{video(0), audio(0), video(40), audio(23), video(80), audio(46)}, ms(80)},
		{"constant skew", []*media.Packet{video(5000), audio(0), video(5040), audio(40), video(5080), audio(80)}, ms(80)},
		{"small step back", []*media.Packet{video(0), video(100), video(60), video(140)}, ms(140)},
		{"jump back", []*media.Packet{video(9000), video(9040), video(0), video(40)}, ms(80)},
		{"jump forward counts up to the limit", []*media.Packet{video(0), video(3600e3), video(3600e3 + 40)}, ms(11040)},
		{"headers do not count", []*media.Packet{video(5000), header(media.Video, 9e6, "V"), video(5040)}, ms(40)},
		{"data beside video does not count", []*media.Packet{video(0), frame(media.Data, 9e6, false), video(40)}, ms(40)},
		{"data alone counts", []*media.Packet{frame(media.Data, 1000, false), frame(media.Data, 3000, false)}, ms(2000)},
		{"one kind pauses for long and is at most the skew behind then", []*media.Packet{
			video(0), audio(0), audio(5000), audio(10000), audio(15000), video(15000), video(15040), video(16000), audio(15000),
		}, ms(15000)},
		{"a kind that fell behind keeps the clock going", []*media.Packet{
			video(0), audio(0), video(3600e3), audio(1000), audio(4000),
		}, ms(11000 - 2000 + 3000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tl timeline
			var got time.Duration
			for _, p := range tt.packets {
				clock := tl.observe(p, 11*time.Second)
				if clock < got {
					t.Fatalf("clock went back from %v to %v at %s", got, clock, describe(p))
				}
				got = clock
			}
			if got != tt.want {
				t.Errorf("clock %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTimelineNext(t *testing.T) {
	tests := []struct {
		name    string
		packets []*media.Packet
		want    time.Duration
		ok      bool
	}{
		{"nothing", nil, 0, false},
		{"headers only", []*media.Packet{header(media.Video, 0, "V")}, 0, false},
		{"one frame", []*media.Packet{video(1000)}, ms(1033), true},
		{"video", []*media.Packet{video(1000), video(1040)}, ms(1080), true},
		{"audio is ahead", []*media.Packet{video(0), video(40), audio(30), audio(51)}, ms(80), true},
		{"audio ends last", []*media.Packet{video(0), video(40), audio(80), audio(100)}, ms(120), true},
		{"a gap is no frame", []*media.Packet{video(0), video(40), video(9000)}, ms(9040), true},
		{"jump back of both", []*media.Packet{video(90000), audio(90000), video(0), audio(10), video(40)}, ms(80), true},
		{"jump back of one, the other silent", []*media.Packet{audio(90000), video(90000), video(0), video(40)}, ms(80), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tl timeline
			for _, p := range tt.packets {
				tl.observe(p, time.Minute)
			}
			if got, ok := tl.next(); got != tt.want || ok != tt.ok {
				t.Errorf("next %v, %v, want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestRebase(t *testing.T) {
	r := rebase{active: true, base: ms(10000)}
	for _, step := range []struct {
		packet *media.Packet
		want   int
	}{
		{header(media.Data, 0, "M"), 10000},
		{header(media.Video, 77, "V"), 10000},
		{frame(media.Data, 0, false), 10000},
		{key(500000), 10000},
		{audio(499980), 10000}, // began a little earlier
		{audio(500003), 10003},
		{video(500040), 10040},
		{video(700000), 210000}, // a jump stays one
		{video(400000), -90000}, // a step back, too
	} {
		before := *step.packet
		got := r.apply(step.packet)
		if got.Timestamp != ms(step.want) {
			t.Errorf("%s is moved to %v, want %v", describe(step.packet), got.Timestamp, ms(step.want))
		}
		if step.packet.Timestamp != before.Timestamp {
			t.Errorf("%s was changed in place", describe(&before))
		}
	}
	p := key(7)
	if got := new(rebase).apply(p); got != p {
		t.Error("the zero rebase copies packets")
	}
}

func TestTimelineExtremes(t *testing.T) {
	var tl timeline
	for n := range 100000 {
		at := time.Duration(math.MinInt64)
		if n%2 == 0 {
			at = math.MaxInt64
		}
		tl.observe(&media.Packet{Kind: media.Video, Timestamp: at}, 11*time.Second)
	}
	if tl.clock < 0 {
		t.Errorf("clock is %v after absurd timestamps", tl.clock)
	}
}
