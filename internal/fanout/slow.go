package fanout

import "leat/media"

// runBytes is about how much the slow lane gathers for one write.
const runBytes = 256 << 10

// verdict is what the slow lane does with a message.
type verdict uint8

const (
	sendIt verdict = iota
	skipIt         // not wanted
	dropIt         // wanted, but lost by lagging
	stopIt         // the player's duration is over
	keyIt          // the key frame at which video comes back
	lostIt         // a video frame that is no longer held: video waits for a key frame from here
)

// pick moves p's cursor over messages that it does not get and sets run to the next ones that it does, which lie
// behind each other in memory. Instead it may set p.first, or put p back into the fast lane with an empty run. It reports
// whether p's duration is over. p.mu is held, and Log.mu taken.
func (p *Player) pick(v *view, run *span) (over bool) {
	l := p.log
	l.mu.Lock()
	defer l.mu.Unlock()
	st := &l.store
	if p.seq < st.first { // even the audio was dropped for want of memory
		p.dropped += st.first - p.seq
		p.seq, p.pos = st.first, st.head
		if st.first < st.next {
			p.pos = st.at(st.first).off
		}
		p.waitKey, p.needHeaders = p.video, p.video
	}
	var from *message
	v.ends = v.ends[:0]
	for p.seq+int64(len(v.ends)) < v.next && !p.finishedAt(p.seq+int64(len(v.ends))) {
		m := st.at(p.seq + int64(len(v.ends)))
		what := p.judge(l, m)
		if from != nil {
			size := m.pos + m.n - from.pos
			if what != sendIt || m.blk != from.blk || size > runBytes {
				break
			}
			v.ends = append(v.ends, size)
			p.countFrom(m)
			continue
		}
		switch what {
		case sendIt:
			p.countFrom(m)
			from = m
			v.ends = append(v.ends, m.n)
		case keyIt:
			p.waitKey, p.switched = false, false
			if p.needHeaders {
				p.needHeaders = false
				p.first = l.keyHeaders()
			}
			if len(p.first) > 0 || !p.slow() {
				return false
			}
		case dropIt:
			p.dropped++
			fallthrough
		case skipIt:
			p.seq, p.pos = p.seq+1, m.off+int64(m.n)
		case lostIt:
			p.waitKey = true
		case stopIt:
			return true
		}
	}
	if from != nil {
		size := v.ends[len(v.ends)-1]
		*run = span{start: p.pos, seq: p.seq, buf: from.blk.buf[from.pos : from.pos+size], ends: v.ends}
	}
	return false
}

// finishedAt reports whether the player is to end in front of message seq. p.mu is held.
func (p *Player) finishedAt(seq int64) bool { return p.finishing && seq >= p.until }

// countFrom lets the duration begin at the first frame that is sent. p.mu is held.
func (p *Player) countFrom(m *message) {
	if m.frame && !p.started {
		p.started, p.origin = true, m.ts
	}
}

// judge decides on m. Only frames are ever left out: configuration, data and control bytes are few, and
// with them every player knows the headers in force. p.mu and l.mu are held.
func (p *Player) judge(l *Log, m *message) verdict {
	if !m.frame {
		return sendIt
	}
	if p.limit > 0 && p.started && m.ts-p.origin >= p.limit {
		return stopIt
	}
	switch {
	case m.kind == media.Audio && !p.audio, m.kind == media.Video && !p.video:
		return skipIt
	case m.kind == media.Audio:
		return sendIt
	case p.waitKey && l.gop.key >= 0 && m == l.store.at(l.gop.key):
		return keyIt
	case p.switched:
		return skipIt
	case p.waitKey:
		return dropIt
	case m.blk == nil:
		return lostIt
	}
	return sendIt
}
