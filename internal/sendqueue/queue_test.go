package sendqueue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
)

// put parses a word such as "K1" (a key frame with the body "1") and puts it: S and A are sequence headers of video and audio, M
// is metadata, K, P and B frames of video, a is audio, d is data that is no header.
func put(t *testing.T, q *Queue, words ...string) {
	t.Helper()
	for _, word := range words {
		if err := q.Put(t.Context(), packet(word)); err != nil {
			t.Fatal(err)
		}
	}
}

func packet(word string) *media.Packet {
	p := &media.Packet{Body: []byte(word)}
	switch word[0] {
	case 'S':
		p.Kind, p.Config = media.Video, true
	case 'A':
		p.Kind, p.Config = media.Audio, true
	case 'M':
		p.Kind, p.Config, p.Name = media.Data, true, media.NameMetadata
	case 'K':
		p.Kind, p.Key = media.Video, true
	case 'P':
		p.Kind = media.Video
	case 'B':
		p.Kind, p.Disposable = media.Video, true
	case 'a':
		p.Kind = media.Audio
	case 'd':
		p.Kind, p.Name = media.Data, "onCuePoint"
	}
	return p
}

// taken is what Next returns without waiting.
func taken(q *Queue) string {
	var words []string
	for {
		p, _ := q.take()
		if p == nil {
			return strings.Join(words, " ")
		}
		words = append(words, string(p.Body))
	}
}

func TestDropOrder(t *testing.T) {
	tests := []struct {
		name string
		aged string // what is in the queue when time passes
		wait time.Duration
		then string // what comes after
		want string
	}{
		{"young video stays", "M S A K1 B2 P3 a4", 700 * time.Millisecond, "P5", "M S A K1 B2 P3 a4 P5"},
		{"first what no frame needs", "M S A K1 B2 P3 a4 B5", 701 * time.Millisecond, "P6 B7", "M S A K1 P3 a4 P6 B7"},
		{"then all behind the oldest key frame", "K1 B2 P3 a4", 901 * time.Millisecond, "P5 a6 d7", "K1 a4 a6 d7"},
		{"and it goes on at the next", "K1 P2 a3", 901 * time.Millisecond, "P4 K5 P6", "a3 K5 P6"},
		{"all up to the newest key frame", "P1 a2 P3 K4 P5 K6 P7", time.Second, "P8", "a2 K6 P7 P8"},
		{"without a key frame all", "P1 P2 a3", time.Second, "P4 K5", "a3 K5"},
		{"headers never", "S P1 S2 M P3 A", time.Second, "K4", "S S2 M A K4"},
		{"audio never", "a1 a2 a3", time.Hour, "a4", "a1 a2 a3 a4"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := New(Limits{})
				put(t, q, strings.Fields(test.aged)...)
				time.Sleep(test.wait)
				put(t, q, strings.Fields(test.then)...)
				if got := taken(q); got != test.want {
					t.Errorf("took %q, want %q", got, test.want)
				}
				s := q.Stats()
				lost := len(strings.Fields(test.aged)) + len(strings.Fields(test.then)) - len(strings.Fields(test.want))
				if int(s.Disposable+s.Dropped) != lost {
					t.Errorf("%d disposable and %d other frames were counted, %d were left out", s.Disposable, s.Dropped, lost)
				}
			})
		})
	}
}

func TestTracksDropByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Limits{})
		second := packet("P1")
		second.Track = 1
		put(t, q, "K1", "K2")
		if err := q.Put(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		put(t, q, "P3")
		if got := taken(q); got != "K2 P3" {
			t.Errorf("took %q", got)
		}
	})
}

func TestNeverDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Limits{DropDisposable: -1, DropToKey: -1})
		put(t, q, "K1", "B2")
		time.Sleep(time.Hour)
		put(t, q, "P3")
		if got := taken(q); got != "K1 B2 P3" {
			t.Errorf("took %q", got)
		}
	})
}

// Beyond the bytes everything goes, and a newcomer's beginning comes instead.
func TestOverflow(t *testing.T) {
	q := New(Limits{Bytes: 12})
	put(t, q, "S0", "A0", "K1", "a2", "a3", "a4", "a5")
	if got := q.Stats(); got.Overflowed != 4 || got.Bytes != 2 {
		t.Errorf("after the overflow: %+v", got)
	}
	put(t, q, "P6", "K7")
	if got := taken(q); got != "S0 A0 a5 K7" {
		t.Errorf("took %q", got)
	}
}

func TestOnePacketFitsAlways(t *testing.T) {
	for _, wait := range []bool{false, true} {
		q := New(Limits{Bytes: 1, Wait: wait})
		put(t, q, "K-larger-than-all")
		if got := taken(q); got != "K-larger-than-all" {
			t.Errorf("took %q with Wait %v", got, wait)
		}
	}
}

func TestBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Limits{Bytes: 1000})
		for i := range 5000 {
			put(t, q, fmt.Sprintf("a%d", i), fmt.Sprintf("M%d", i), fmt.Sprintf("K%d", i))
			time.Sleep(time.Millisecond)
			if got := q.Stats().Bytes; got > 1000 {
				t.Fatalf("%d bytes wait", got)
			}
		}
	})
}

func TestSuspendAndResume(t *testing.T) {
	q := New(Limits{})
	put(t, q, "M1", "S1", "A1", "K1", "P1")
	if got := taken(q); got != "M1 S1 A1 K1 P1" {
		t.Fatalf("took %q", got)
	}
	put(t, q, "P2", "S2")
	q.Suspend()
	put(t, q, "K3", "P3", "a3", "A3")
	if got := taken(q); got != "" {
		t.Errorf("took %q while suspended", got)
	}
	q.Resume()
	if got := taken(q); got != "" {
		t.Errorf("took %q before anything came", got)
	}
	put(t, q, "P4", "a4", "K5", "P6")
	if got := taken(q); got != "M1 S2 A3 a4 K5 P6" {
		t.Errorf("took %q", got)
	}
	if s := q.Stats(); s.Missed != 4 || s.Dropped != 1 {
		t.Errorf("missed %d, want 4; dropped %d, want 1", s.Missed, s.Dropped)
	}
}

// Headers that are given out again have the time of what follows: the timeline goes on, and never back.
func TestResumeKeepsTime(t *testing.T) {
	q := New(Limits{})
	put(t, q, "S1", "K1")
	q.Suspend()
	q.Resume()
	late := packet("K2")
	late.Timestamp = time.Hour
	if err := q.Put(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p, err := q.Next(t.Context())
		if err != nil || p.Timestamp != time.Hour {
			t.Fatalf("took %s at %v, %v", p.Body, p.Timestamp, err)
		}
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Limits{Bytes: 4, Wait: true})
		put(t, q, "K1", "P2")
		var done bool
		go func() { done = q.Put(t.Context(), packet("P3")) == nil }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if done {
			t.Fatal("Put did not wait for room")
		}
		if p, err := q.Next(t.Context()); err != nil || string(p.Body) != "K1" {
			t.Fatalf("took %v, %v", p, err)
		}
		synctest.Wait()
		if !done {
			t.Fatal("Put still waits")
		}
		if got := taken(q); got != "P2 P3" {
			t.Errorf("took %q", got)
		}
	})
}

func TestWaitKeepsWhatWaitedForAConnection(t *testing.T) {
	q := New(Limits{Wait: true})
	put(t, q, "S1", "K1", "P1")
	if p, _ := q.take(); string(p.Body) != "S1" {
		t.Fatal("the header is not the first")
	}
	if p, _ := q.take(); string(p.Body) != "K1" {
		t.Fatal("the key frame is not the second")
	}
	put(t, q, "a2", "K2", "P3")
	q.Suspend()
	q.Resume()
	if got := taken(q); got != "S1 a2 K2 P3" {
		t.Errorf("took %q", got)
	}
	if s := q.Stats(); s.Dropped != 1 {
		t.Errorf("%d frames dropped, want 1", s.Dropped)
	}
}

func TestAbandon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Limits{Bytes: 2, Wait: true})
		put(t, q, "K1")
		waited := make(chan error)
		go func() { waited <- q.Put(t.Context(), packet("P2")) }()
		synctest.Wait()
		q.Abandon()
		if err := <-waited; err != nil {
			t.Error(err)
		}
		put(t, q, "P3")
		if s := q.Stats(); s.Packets != 0 || s.Bytes != 0 {
			t.Errorf("an abandoned queue holds %d packets, %d bytes", s.Packets, s.Bytes)
		}
	})
}

func TestEnd(t *testing.T) {
	q := New(Limits{})
	put(t, q, "K1")
	q.End()
	if p, err := q.Next(t.Context()); err != nil || string(p.Body) != "K1" {
		t.Fatalf("took %v, %v", p, err)
	}
	if _, err := q.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
}

func TestContext(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	q := New(Limits{Bytes: 1, Wait: true})
	if _, err := q.Next(ctx); !errors.Is(err, why) {
		t.Errorf("Next: %v", err)
	}
	put(t, q, "K1")
	if err := q.Put(ctx, packet("P2")); !errors.Is(err, why) {
		t.Errorf("Put: %v", err)
	}
}

func TestIsDisposable(t *testing.T) {
	avc := &media.Packet{Kind: media.Video, Codec: media.CodecAVC, Config: true, Data: []byte{1, 100, 0, 31, 0xff, 0xe1}}
	hevc := &media.Packet{Kind: media.Video, Codec: media.CodecHEVC, Config: true, Data: slices.Concat(make([]byte, 21), []byte{0x0f, 0})}
	tests := []struct {
		name   string
		config *media.Packet
		data   string
		want   bool
	}{
		{"AVC slice with nal_ref_idc 0", avc, "\x00\x00\x00\x02\x01\x9a", true},
		{"AVC slice with nal_ref_idc 2", avc, "\x00\x00\x00\x02\x41\x9a", false},
		{"AVC SEI in front", avc, "\x00\x00\x00\x02\x06\x05\x00\x00\x00\x02\x01\x9a", true},
		{"AVC without a slice", avc, "\x00\x00\x00\x02\x06\x05", false},
		{"AVC second slice is a reference", avc, "\x00\x00\x00\x02\x01\x9a\x00\x00\x00\x02\x21\x9a", false},
		{"AVC cut off", avc, "\x00\x00\x00\x09\x01\x9a", false},
		{"AVC of a length that no int32 holds", avc, "\xff\xff\xff\xff\x01\x9a", false},
		{"HEVC TRAIL_N", hevc, "\x00\x00\x00\x03\x00\x01\x80", true},
		{"HEVC TRAIL_R", hevc, "\x00\x00\x00\x03\x02\x01\x80", false},
		{"HEVC IDR_N_LP", hevc, "\x00\x00\x00\x03\x28\x01\x80", false},
		{"no header before it", nil, "\x00\x00\x00\x02\x01\x9a", false},
		{"empty", avc, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var tr track
			p := &media.Packet{Kind: media.Video, Codec: media.CodecAVC, Data: []byte(test.data)}
			if test.config != nil {
				tr.configure(test.config)
				p.Codec = test.config.Codec
			}
			if got := tr.isDisposable(p); got != test.want {
				t.Errorf("isDisposable = %v, want %v", got, test.want)
			}
		})
	}
}

// No bytes of a peer may do harm.
func FuzzIsDisposable(f *testing.F) {
	f.Add([]byte{1, 100, 0, 31, 0xff}, []byte("\x00\x00\x00\x02\x01\x9a"))
	f.Fuzz(func(_ *testing.T, config, data []byte) {
		for _, codec := range []media.FourCC{media.CodecAVC, media.CodecHEVC} {
			var tr track
			tr.configure(&media.Packet{Kind: media.Video, Codec: codec, Config: true, Data: config})
			tr.isDisposable(&media.Packet{Kind: media.Video, Codec: codec, Data: data})
		}
	})
}

func BenchmarkPutNext(b *testing.B) {
	q := New(Limits{})
	p := packet("a1")
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Put(b.Context(), p); err != nil {
			b.Fatal(err)
		}
		if _, err := q.Next(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
