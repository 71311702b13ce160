package bench

import (
	"bytes"
	"time"
)

// A marker travels in every frame. It is written seven bits to a byte with the top bit set: no byte is zero, so that the
// emulation prevention of H.264 never applies.
type marker struct {
	run    uint32 // tells this run's frames from another's
	stream uint32
	number uint32        // of the frame in its stream and kind
	sent   time.Duration // on the run's clock
}

// markerName begins a marker. It is the uuid_iso_iec_11578 of the SEI message (H.264 D.1.7).
const markerName = "leat-bench-frame"

const markerSize = len(markerName) + 5 + 5 + 5 + 9

func appendSevens(dst []byte, v uint64, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, 0x80|byte(v>>(7*i)))
	}
	return dst
}

func sevens(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<7 | uint64(c&0x7f)
	}
	return v
}

func (m *marker) append(dst []byte) []byte {
	dst = append(dst, markerName...)
	dst = appendSevens(dst, uint64(m.run), 5)
	dst = appendSevens(dst, uint64(m.stream), 5)
	dst = appendSevens(dst, uint64(m.number), 5)
	return appendSevens(dst, uint64(m.sent), 9)
}

// findMarker looks for a marker in the first bytes of a message. A server may have put other NAL units before it.
func findMarker(b []byte) (m marker, ok bool) {
	at := bytes.Index(b, []byte(markerName))
	if at < 0 || len(b) < at+markerSize {
		return marker{}, false
	}
	b = b[at+len(markerName):]
	return marker{
		run:    uint32(sevens(b[:5])),
		stream: uint32(sevens(b[5:10])),
		number: uint32(sevens(b[10:15])),
		sent:   time.Duration(sevens(b[15:24])),
	}, true
}
