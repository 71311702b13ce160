package mp4

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"leat/media"
)

// TestTimesDoNotDrift reads 22 minutes of 30,000/1,001 frames a second, whose times are never whole milliseconds: decoding and
// showing are off by half a millisecond at most from the first frame to the last.
func TestTimesDoNotDrift(t *testing.T) {
	const at, frames, scale, frame = 5000, 40_000, 30_000, 1001
	head := moov(trak(1, "vide", nil, [][]byte{vp9Entry(64, 10)},
		bx("stts", 0, 1, frames, frame), bx("ctts", 0, 2, frames/2, 2*frame, frames/2, frame), bx("stsz", 0, 1, frames),
		bx("stsc", 0, 1, 1, frames, 1), bx("stco", 0, 1, at)))
	clock := bx("mdhd", 0, 0, 0, 1000, 0, uint16(0x15c7), uint16(0))
	head = bytes.Replace(head, clock, bx("mdhd", 0, 0, 0, scale, 0, uint16(0x15c7), uint16(0)), 1)
	f, err := Open(sparse{size: at + frames, parts: map[int64][]byte{0: head}})
	if err != nil {
		t.Fatal(err)
	}
	near := func(got time.Duration, ticks int) bool {
		exact := time.Duration(ticks) * time.Second / scale
		return (got - exact).Abs() <= 500*time.Microsecond
	}
	c := f.NewCursor()
	for n := 0; ; {
		p, err := c.ReadPacket(t.Context())
		if errors.Is(err, io.EOF) {
			if n != frames {
				t.Errorf("%d frames, want %d", n, frames)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind != media.Video || p.Config {
			continue
		}
		offset := 2 * frame
		if n >= frames/2 {
			offset = frame
		}
		if !near(p.Timestamp, n*frame) || !near(p.Timestamp+p.Offset, n*frame+offset) {
			t.Fatalf("frame %d is at %v, shown %v later", n, p.Timestamp, p.Offset)
		}
		n++
	}
}
