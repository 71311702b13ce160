package flvfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"leat/internal/format"
	"leat/media"
	"leat/media/mediatest"
)

// TestTagLengths: with every tag's length wrong in turn, a file opens or is refused, and what is before that tag plays.
func TestTagLengths(t *testing.T) {
	whole := written(t, mediatest.AVC(400*time.Millisecond))
	want := readAll(t, open(t, whole).NewCursor())
	before := -1 // tags before the wrong one
	for at := 13; at < len(whole); {
		length := int(binary.BigEndian.Uint32(whole[at:]) & 0xffffff)
		before++
		for _, wrong := range []int{0, 1, length - 1, length + 1, length * 2, len(whole), 1<<24 - 1} {
			b := bytes.Clone(whole)
			b[at+1], b[at+2], b[at+3] = byte(wrong>>16), byte(wrong>>8), byte(wrong)
			f, err := Open(bytes.NewReader(b))
			if err != nil {
				if !errors.Is(err, format.ErrStructure) && !errors.Is(err, format.ErrNoTrack) {
					t.Fatalf("the tag at %d with %d bytes: %v", at, wrong, err)
				}
				continue
			}
			same := 0
			for i, p := range readAll(t, f.NewCursor()) {
				if i < len(want) && p.Kind != media.Data && mediatest.DiffAll([]*media.Packet{p}, want[i:i+1]) == "" {
					same++
				}
			}
			if same < min(before, len(want))-1 {
				t.Fatalf("the tag at %d with %d bytes: %d packets are left, want %d", at, wrong, same, before)
			}
		}
		at += tagHeaderSize + length + 4
	}
}
