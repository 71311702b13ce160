package fanout

import (
	"runtime"
	"slices"
	"time"
)

// view is a shard's look at a log: what of it can be sent without its lock. It is used again and again.
type view struct {
	log    *Log
	now    int64
	head   int64 // end of the bytes
	next   int64 // end of the messages
	lag    int64 // players before this offset are lagging
	closed bool
	spans  []span
	ends   []int32 // scratch for pick
	buf    []byte  // scratch for joins
}

// span is the part of a block that there was when the view was taken, or a run of messages within one.
type span struct {
	start int64 // offset of buf[0]
	seq   int64 // sequence number of the first message
	buf   []byte
	ends  []int32 // where in buf each message ends
}

// take fills v. l.mu is held.
func (v *view) take(l *Log) {
	v.log, v.now = l, l.sweeper.now()
	v.head, v.next, v.lag, v.closed = l.store.head, l.store.next, l.gop.lag, l.closed
	for _, b := range l.store.blocks {
		v.spans = append(v.spans, span{b.start, b.seq, b.buf, b.ends})
	}
}

// release lets go of the log's memory.
func (v *view) release() {
	clear(v.spans)
	v.spans, v.log = v.spans[:0], nil
}

// find returns the span with offset pos, which is before the head; nil when it was dropped. Nearly all
// players are in the last one.
func (v *view) find(pos int64) *span {
	for i := len(v.spans) - 1; i >= 0; i-- {
		if v.spans[i].start <= pos {
			return &v.spans[i]
		}
	}
	return nil
}

// serve serves one player: its Outlet has become writable.
func (v *view) serve(p *Player) {
	l := p.log
	l.mu.Lock()
	v.take(l)
	l.mu.Unlock()
	defer v.release()

	p.mu.Lock()
	r := p.visit(v, true, false)
	p.mu.Unlock()
	if r != 0 {
		p.finish(r)
	}
}

// sweep walks the players of g: with flush it sends them what they have not had, with check it ends those
// without progress. It returns when it began and ended.
func (v *view) sweep(g *group, flush, check bool) (start, end int64) {
	l := g.log
	l.mu.Lock()
	v.take(l)
	players := g.players
	g.joined = floors{never, never}
	oldest := int64(never)
	if flush {
		l.gather = 0
		if seq := max(g.swept, l.store.first); seq < v.next {
			oldest = l.store.at(seq).at
		}
		g.swept = v.next
	}
	l.mu.Unlock()
	defer v.release()

	low := floors{never, never}
	ended := false
	for i, p := range players {
		if i%groupSize == groupSize-1 {
			runtime.Gosched() // a publisher's reader must not wait for thousands of writes
		}
		p.mu.Lock()
		r := p.visit(v, flush, check)
		if p.ended.Load() {
			ended = true
		} else {
			low = low.with(p)
		}
		p.mu.Unlock()
		if r != 0 {
			p.finish(r)
		}
	}
	start, end = v.now, l.sweeper.now()

	l.mu.Lock()
	g.floor, g.keep = min(low.floor, g.joined.floor), min(low.keep, g.joined.keep)
	if flush {
		l.sweep = time.Duration(end - start)
	}
	if ended {
		g.players = slices.DeleteFunc(g.players, func(p *Player) bool { return p.ended.Load() })
	}
	l.mu.Unlock()
	if oldest != never && len(players) > 0 && l.cfg.OnSweep != nil {
		l.cfg.OnSweep(time.Duration(end-oldest), len(players))
	}
	return start, end
}

// with lowers f to where p is. p.mu is held.
func (f floors) with(p *Player) floors {
	f.keep = min(f.keep, p.seq)
	if p.video && !p.waitKey {
		f.floor = min(f.floor, p.pos)
	}
	return f
}
