package bench

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"leat/internal/format/codec"
	"leat/media"
)

// take makes the packets of a stream up to a time.
func take(s *source, until time.Duration) (packets []*media.Packet) {
	for s.due() < until {
		packets = append(packets, s.next(s.due()+time.Millisecond))
	}
	return packets
}

func TestSource(t *testing.T) {
	for _, m := range []Media{
		{},
		{VideoRate: 5000, FrameRate: 60, KeyInterval: time.Second, AudioRate: 320},
		{VideoRate: 50, FrameRate: 5, AudioRate: -1},
	} {
		m = m.withDefaults()
		const length = 40 * time.Second
		packets := take(newSource(m, newPictures(), 7, 3), length)
		var sizes [2]int
		var numbers [2]uint32
		last := time.Duration(-1)
		for _, p := range packets {
			kind := 0
			if p.Kind == media.Audio {
				kind = 1
			}
			got, ok := findMarker(p.Body)
			want := marker{run: 7, stream: 3, number: numbers[kind], sent: p.Timestamp + time.Millisecond}
			if !ok || got != want {
				t.Fatalf("%v at %v is marked %+v, %v, want %+v", p.Kind, p.Timestamp, got, ok, want)
			}
			if p.Timestamp < last {
				t.Fatalf("%v follows %v", p.Timestamp, last)
			}
			if kind == 0 && p.Key != (int(numbers[0])%m.keyFrames() == 0) {
				t.Fatalf("frame %d: key is %v", numbers[0], p.Key)
			}
			last = p.Timestamp
			numbers[kind]++
			sizes[kind] += len(p.Body)
		}
		for kind, rate := range []int{m.VideoRate, max(m.AudioRate, 0)} {
			got, want := float64(sizes[kind])*8/1000/length.Seconds(), float64(rate)
			if got < want*.95 || got > want*1.05+2 {
				t.Errorf("%+v: kind %d has %.1f kbit/s, want %.0f", m, kind, got, want)
			}
		}
	}
}

// TestSourceIsH264 walks through the NAL units of every frame. The start of a NAL unit must not appear inside one (H.264 7.4.1).
func TestSourceIsH264(t *testing.T) {
	s := newSource(Media{AudioRate: -1}.withDefaults(), newPictures(), 1<<31, 1<<31)
	headers, err := s.headers()
	if err != nil {
		t.Fatal(err)
	}
	info, err := codec.Describe(headers[1])
	if err != nil || info.Width != width || info.Height != height {
		t.Fatalf("%+v, %v", info, err)
	}
	for _, p := range take(s, 4*time.Second) {
		rest := p.Data
		var types []byte
		for len(rest) >= 4 {
			n := int(binary.BigEndian.Uint32(rest))
			if n == 0 || n > len(rest)-4 {
				t.Fatalf("at %v a NAL unit has %d bytes of %d", p.Timestamp, n, len(rest)-4)
			}
			unit := rest[4 : 4+n]
			rest = rest[4+n:]
			types = append(types, unit[0]&0x1f)
			for _, forbidden := range [][]byte{{0, 0, 0}, {0, 0, 1}, {0, 0, 2}} {
				if bytes.Contains(unit, forbidden) {
					t.Fatalf("at %v a NAL unit of type %d holds % x", p.Timestamp, unit[0]&0x1f, forbidden)
				}
			}
		}
		want := byte(naluSlice & 0x1f)
		if p.Key {
			want = naluIDR & 0x1f
		}
		if len(rest) > 0 || len(types) < 2 || types[0] != naluSEI || types[1] != want {
			t.Fatalf("at %v there are NAL units of the types %v and %d bytes more", p.Timestamp, types, len(rest))
		}
	}
}

func BenchmarkSource(b *testing.B) {
	s := newSource(Media{}.withDefaults(), newPictures(), 1, 1)
	b.ReportAllocs()
	for b.Loop() {
		s.next(s.due())
	}
}
