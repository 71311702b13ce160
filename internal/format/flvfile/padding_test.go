package flvfile

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"leat/amf"
	"leat/media"
	"leat/media/mediatest"
)

// TestPadding: an onMetaData has the size that it is to have, without a string that FFmpeg does not read.
func TestPadding(t *testing.T) {
	smallest := len(appendMetadata(nil, nil, &totals{}, 0))
	keys := keyIndex{list: []keyFrame{{0, 100}, {time.Second, 9000}}}
	sizes := []int{smallest + indexRoom, smallest + 70_000, smallest + 200_000}
	for extra := range 2500 {
		sizes = append(sizes, smallest+extra)
	}
	for _, size := range sizes {
		body := appendMetadata(nil, nil, &totals{keys: keys}, size)
		if len(body) != size {
			t.Fatalf("%d bytes, want %d", len(body), size)
		}
		values, err := amf.Decode(body, amf.Limits{})
		if err != nil {
			t.Fatalf("of %d bytes: %v", size, err)
		}
		o, _ := values[1].(*amf.Object).Get(memberKeyFrames)
		for _, m := range o.(*amf.Object).Members {
			if text, ok := m.Value.(string); ok && len(text) >= 1024 {
				t.Fatalf("of %d bytes: a string of %d", size, len(text))
			}
		}
	}
}

// TestRepairLongPadding: earlier builds filled the room with one long string.
func TestRepairLongPadding(t *testing.T) {
	s := record(t, mediatest.AVC(3*time.Second))
	want := bytes.Clone(s.b)
	name := appendName(nil, memberPadding)
	from := bytes.Index(s.b, name) + len(name)
	end := 13 + tagHeaderSize + int(binary.BigEndian.Uint32(s.b[13:])&0xffffff) - 6
	long := binary.BigEndian.AppendUint32([]byte{0x0c}, uint32(end-from-5))
	copy(s.b[from:end], append(long, bytes.Repeat([]byte{' '}, end-from-5)...))
	if n := len(frames(readAll(t, open(t, s.b).NewCursor()))); n == 0 {
		t.Fatal("nothing plays")
	}
	s.b = append(s.b, 9, 0, 0) // torn
	if _, err := Repair(s); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.b, want) {
		t.Error("the repaired file is not what is written today")
	}
	if o := metadataIn(t, s.b); number(o, memberDuration) == 0 {
		t.Errorf("%s without a duration", media.NameMetadata)
	}
}
