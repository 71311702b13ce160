package mediatest

import (
	"bytes"
	"fmt"

	"leat/media"
)

// Diff returns what differs between two packets in one line, and "" if nothing does. Received is not compared, and of
// Data only its bytes.
func Diff(got, want *media.Packet) string {
	for _, d := range []struct {
		field     string
		got, want any
	}{
		{"Kind", got.Kind, want.Kind},
		{"Track", got.Track, want.Track},
		{"Codec", got.Codec, want.Codec},
		{"Timestamp", got.Timestamp, want.Timestamp},
		{"Offset", got.Offset, want.Offset},
		{"Config", got.Config, want.Config},
		{"Key", got.Key, want.Key},
		{"Disposable", got.Disposable, want.Disposable},
		{"AMF3", got.AMF3, want.AMF3},
		{"Name", got.Name, want.Name},
	} {
		if d.got != d.want {
			return fmt.Sprintf("%s is %v, want %v", d.field, d.got, d.want)
		}
	}
	if !bytes.Equal(got.Body, want.Body) {
		return fmt.Sprintf("Body is %s, want %s", abbreviate(got.Body), abbreviate(want.Body))
	}
	if !bytes.Equal(got.Data, want.Data) {
		return fmt.Sprintf("Data is %s, want %s", abbreviate(got.Data), abbreviate(want.Data))
	}
	return ""
}

// DiffAll compares two lists of packets and returns a line for the first difference, and "" if there is none.
func DiffAll(got, want []*media.Packet) string {
	for i := range min(len(got), len(want)) {
		if d := Diff(got[i], want[i]); d != "" {
			return fmt.Sprintf("packet %d (%v at %v): %s", i, want[i].Kind, want[i].Timestamp, d)
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d packets, want %d", len(got), len(want))
	}
	return ""
}

// abbreviate shows the length and the first bytes.
func abbreviate(b []byte) string {
	const most = 24
	if len(b) <= most {
		return fmt.Sprintf("%x (%d bytes)", b, len(b))
	}
	return fmt.Sprintf("%x… (%d bytes)", b[:most], len(b))
}

// clone returns a copy of p that shares no memory with it, for a comparison with what p has become.
func clone(p *media.Packet) *media.Packet {
	c := *p
	c.Body = bytes.Clone(p.Body)
	c.Data = bytes.Clone(p.Data)
	return &c
}

func cloneAll(packets []*media.Packet) []*media.Packet {
	out := make([]*media.Packet, len(packets))
	for i, p := range packets {
		out[i] = clone(p)
	}
	return out
}
