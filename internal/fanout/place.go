package fanout

import (
	"sort"
	"time"
)

// Place is where a player has left its Log.
type Place struct {
	After   uint64        // number of the packet that it has got last; 0: it has got nothing that could be gone on from
	At      time.Duration // timestamp of what it got last, or would have got next
	WaitKey bool          // its video waits for a key frame
}

// Part ends the player as Leave does, and says where it was.
func (p *Player) Part() Place {
	p.mu.Lock()
	place := p.log.placeOf(p.seq)
	place.WaitKey = p.waitKey || !p.video
	if len(p.first) > 0 {
		place.After = 0
	}
	first := p.stop()
	p.mu.Unlock()
	if first {
		p.log.left()
	}
	return place
}

// placeOf returns the place in front of message seq.
func (l *Log) placeOf(seq int64) Place {
	l.mu.Lock()
	defer l.mu.Unlock()
	seq = max(seq, l.store.first)
	if seq >= l.store.next {
		return Place{After: l.number, At: l.lastTS}
	}
	m := l.store.at(seq)
	if seq > l.store.first {
		return Place{After: l.store.at(seq - 1).number, At: m.ts}
	}
	return Place{After: m.number - min(m.number, 1), At: m.ts}
}

// placeAfter puts p behind the packet of a number, and reports whether it can. p.mu and l.mu are held.
func (l *Log) placeAfter(p *Player, number uint64) bool {
	st := &l.store
	if l.number < number || len(st.blocks) == 0 {
		return false
	}
	first := max(st.blocks[0].seq, st.first)
	n := sort.Search(int(st.next-first), func(i int) bool { return st.at(first+int64(i)).number > number })
	seq := first + int64(n)
	held := seq < st.next && st.at(seq).number == number+1 || seq == st.next && number == l.number
	if n == 0 && !held { // what lies between is not held any more
		return false
	}
	for seq > first && st.at(seq-1).kind == 0 { // what was said behind the packet
		seq--
	}
	p.seq, p.pos = seq, st.head
	if seq < st.next {
		p.pos = st.at(seq).off
	}
	return true
}
