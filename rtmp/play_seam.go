package rtmp

import (
	"bytes"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"leat/media"
)

// maxSeamKeys is how many key frames a seam remembers.
const maxSeamKeys = 64

// maxOverlap is how far back a place may begin to repeat what another has sent. An encoder that begins anew sends the key frames anew
// that it once began with: those from long ago are no sign.
const maxOverlap = 20 * time.Second

// seam makes one stream of what comes from several places one after the other. What comes from another place goes on with a key
// frame. If that has come from the place before it too, the two overlap, and each packet is taken once; else it follows upon the last.
type seam struct {
	seed     maphash.Seed // of keys
	headers  media.Headers
	hasVideo bool
	begun    bool
	start    time.Duration               // of the stream
	end      time.Duration               // of what was taken
	step     time.Duration               // between its last two frames
	last     map[seamTrack]time.Duration // what was taken of each
	keys     []seamKey

	joining bool                        // another place is to go on
	from    time.Duration               // end, when it was to
	before  map[seamTrack]time.Duration // last at that time, of tracks that have not gone on
	shift   time.Duration               // from its timeline to the stream's
}

// seamTrack tells tracks apart.
type seamTrack struct {
	kind  media.Kind
	track uint8
}

// seamKey is a key frame that was taken.
type seamKey struct {
	sum uint64
	at  time.Duration
}

func newSeam() *seam { return &seam{seed: maphash.MakeSeed()} }

// join says that what comes next is from another place.
func (s *seam) join() {
	s.joining = s.begun
	s.from = s.end
	s.before = maps.Clone(s.last)
}

// take returns a packet as it belongs into the stream; nil if it does not.
func (s *seam) take(p *media.Packet) *media.Packet {
	s.hasVideo = s.hasVideo || p.Kind == media.Video
	if p.Config {
		return s.takeHeader(p)
	}
	if s.joining {
		if !isBoundary(p, s.hasVideo) {
			return nil
		}
		s.shift, s.joining = s.shiftOf(p), false
	}
	track := seamTrack{p.Kind, p.Track}
	p = moved(p, max(p.Timestamp+s.shift, 0))
	if last, overlaps := s.before[track]; overlaps && p.Timestamp <= last {
		return nil
	}
	delete(s.before, track)
	s.note(p, track)
	return p
}

// takeHeader is take for headers: another place repeats those in force.
func (s *seam) takeHeader(p *media.Packet) *media.Packet {
	if s.joining && slices.ContainsFunc(s.headers.Packets(), func(h *media.Packet) bool {
		return h.Kind == p.Kind && h.Track == p.Track && h.Name == p.Name && bytes.Equal(h.Body, p.Body)
	}) {
		return nil
	}
	s.headers.Apply(p)
	if s.joining {
		return moved(p, s.from)
	}
	return moved(p, max(p.Timestamp+s.shift, s.from))
}

// shiftOf says where another place's first frame belongs.
func (s *seam) shiftOf(p *media.Packet) time.Duration {
	at := s.end + max(s.step, time.Millisecond)
	if p.Kind != media.Video {
		return at - p.Timestamp
	}
	sum := maphash.Bytes(s.seed, p.Body)
	for _, k := range s.keys { // pictures that stand still look alike: the same time decides, else the newest
		if k.sum != sum || s.end-k.at > maxOverlap {
			continue
		}
		if at = k.at; at == p.Timestamp {
			break
		}
	}
	return at - p.Timestamp
}

// note remembers a packet of the stream.
func (s *seam) note(p *media.Packet, track seamTrack) {
	if !s.begun {
		s.begun, s.start, s.end = true, p.Timestamp, p.Timestamp
		s.last = map[seamTrack]time.Duration{}
	}
	if last, ok := s.last[track]; ok && p.Kind != media.Data && (p.Kind == media.Video) == s.hasVideo {
		if step := p.Timestamp - last; step > 0 && step <= time.Second {
			s.step = step
		}
	}
	s.last[track] = p.Timestamp
	s.end = max(s.end, p.Timestamp)
	if p.Kind == media.Video && isBoundary(p, true) {
		if len(s.keys) == maxSeamKeys {
			s.keys = slices.Delete(s.keys, 0, 1)
		}
		s.keys = append(s.keys, seamKey{maphash.Bytes(s.seed, p.Body), p.Timestamp})
	}
}

// moved returns a packet at another time.
func moved(p *media.Packet, at time.Duration) *media.Packet {
	if p.Timestamp == at {
		return p
	}
	q := *p
	q.Timestamp = at
	return &q
}
