package media

import "slices"

// Headers is the state that is in force at a point of a stream: the newest Config packet of each Kind,
// Track and Name. A decoder that starts there needs them before the first frame. The zero value is empty.
// It is not safe for concurrent use.
type Headers struct {
	packets []*Packet // in sending order; replaced, never changed in place, so that Packets may be kept
}

const (
	// maxHeaders bounds the headers of one stream: 256 tracks of two kinds with two headers each would be
	// 1,024, and stored data messages have free names.
	maxHeaders = 1024
	// maxHeaderBytes bounds what they hold together: whoever follows a stream has its headers, and a message may be long.
	maxHeaderBytes = 4 << 20
)

// Apply takes note of p if it is a Config packet and reports whether it was one. Above 1,024 different
// headers, and 4 MiB of them, new ones are ignored.
func (h *Headers) Apply(p *Packet) bool {
	if !p.Config {
		return false
	}
	i := slices.IndexFunc(h.packets, func(q *Packet) bool {
		return q.Kind == p.Kind && q.Track == p.Track && q.Name == p.Name
	})
	clears := p.Kind == Data && len(p.Body) == 0
	next := slices.Clone(h.packets)
	switch {
	case i >= 0 && clears:
		next = slices.Delete(next, i, i+1)
	case i >= 0:
		next[i] = p
	case !clears && len(next) < maxHeaders:
		next = append(next, p)
		slices.SortStableFunc(next, func(a, b *Packet) int { return headerRank(a) - headerRank(b) })
	}
	if clears || size(next) <= maxHeaderBytes {
		h.packets = next
	}
	return true
}

// size returns the bytes of packets.
func size(packets []*Packet) int {
	n := 0
	for _, p := range packets {
		n += len(p.Name) + len(p.Body)
	}
	return n
}

// headerRank orders headers as players expect them: metadata, video, audio, then the rest.
func headerRank(p *Packet) int {
	switch {
	case p.Kind == Data && p.Name == NameMetadata:
		return 0
	case p.Kind == Data:
		return 1
	case p.Kind == Video && p.Name == "":
		return 2
	case p.Kind == Video:
		return 3
	case p.Name == "":
		return 4
	}
	return 5
}

// Packets returns the headers in the order in which they are to be sent: data, video, audio. The slice
// is shared and must not be changed; it stays as it is when later packets are applied.
func (h *Headers) Packets() []*Packet { return h.packets }

// Reset forgets all headers.
func (h *Headers) Reset() { h.packets = nil }
