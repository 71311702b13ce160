package fanout

import (
	"bytes"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// visitBytes bounds what one player gets before it is others' turn.
const visitBytes = 1 << 20

// Player is a place in a Log and the Outlet that its bytes go to. Its methods may be called from any
// goroutine, but not from within its Outlet's.
type Player struct {
	log     *Log
	wake    func() // handed to NotifyWritable; made once
	onEnd   func(Reason)
	onFirst func()
	task    task // guarded by Sweeper.mu

	parked atomic.Bool // the Outlet was full and has not called wake yet
	ended  atomic.Bool // set with mu held: no TryWrite any more

	mu     sync.Mutex
	outlet Outlet
	first  []byte // goes before anything else: headers, or what is left of a message
	pos    int64  // offset of the next message
	seq    int64  // its sequence number

	audio, video bool          // wanted
	waitKey      bool          // no video up to the newest key frame
	switched     bool          // it waits because video was switched on, not for lagging
	needHeaders  bool          // the headers in force go before that key frame
	limit        time.Duration // 0: none
	origin       time.Duration // timestamp that limit counts from
	started      bool          // origin is set
	finishing    bool          // ends in front of message until
	until        int64

	caughtUp bool  // has been at the head
	rested   bool  // is at the head
	joined   int64 // when
	progress int64 // when something was taken, or first offered after a rest

	bytes, messages, dropped int64
}

// Leave ends the player without OnEnd. After it returns there is no TryWrite any more. It waits for the write to
// this player's socket that may be under way, for nothing else. Further calls do nothing.
func (p *Player) Leave() {
	p.mu.Lock()
	first := p.stop()
	p.mu.Unlock()
	if first {
		p.log.left()
	}
}

// SetReceive says whether audio and video frames are to be sent. When video is switched on, it
// begins with the headers in force and the newest key frame that follows.
func (p *Player) SetReceive(audio, video bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.audio = audio
	if video && !p.video {
		p.waitKey, p.switched, p.needHeaders = true, true, true
	}
	p.video = video
}

// Finish ends the player with ReasonFinished as soon as it has got all that is in the log now. It does not wait for that.
// OnEnd is told, unless Leave comes first.
func (p *Player) Finish() {
	p.mu.Lock()
	if !p.ended.Load() && !p.finishing {
		p.finishing, p.until = true, p.log.next()
	}
	p.mu.Unlock()
	p.log.sweeper.ready(p)
}

// next returns the sequence number of the message that will come next.
func (l *Log) next() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.store.next
}

// PlayerStats is a snapshot of a Player.
type PlayerStats struct {
	Bytes    int64         // taken by the Outlet
	Messages int64         // of the Log, sent or begun
	Dropped  int64         // that it should have had, but for lagging
	Lag      time.Duration // for how long the next message has been waiting for it; 0 when it has had everything
}

// Stats returns a snapshot.
func (p *Player) Stats() PlayerStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := PlayerStats{Bytes: p.bytes, Messages: p.messages, Dropped: p.dropped}
	if at := p.log.arrival(p.seq); at != never && !p.ended.Load() {
		s.Lag = time.Duration(p.log.sweeper.now() - at)
	}
	return s
}

// arrival returns when message seq, or the oldest one kept after it, came; never when it has not.
func (l *Log) arrival(seq int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	seq = max(seq, l.store.first)
	if seq >= l.store.next {
		return never
	}
	return l.store.at(seq).at
}

// stop marks the player as ended and reports whether it was not before. p.mu is held.
func (p *Player) stop() bool {
	if p.ended.Load() {
		return false
	}
	p.ended.Store(true)
	p.first = nil
	return true
}

// finish tells the owner that the player has ended. No lock is held.
func (p *Player) finish(r Reason) {
	if p.onEnd != nil {
		p.onEnd(r)
	}
	p.log.left()
}

// writable is what NotifyWritable calls.
func (p *Player) writable() {
	p.parked.Store(false)
	p.log.sweeper.ready(p)
}

// park leaves the player alone until its Outlet is writable. p.mu is held.
func (p *Player) park() {
	p.parked.Store(true)
	p.outlet.NotifyWritable(p.wake)
}

// visit does for the player what is due. A reason says that it has ended now and finish must be called. p.mu is
// held.
func (p *Player) visit(v *view, flush, check bool) (r Reason) {
	if p.ended.Load() {
		return 0
	}
	if p.lagging(v) {
		p.waitKey = true
		p.first = bytes.Clone(p.first) // a stalled player must not hold a whole block
	}
	if flush && !p.parked.Load() {
		r = p.send(v)
	}
	if r == 0 && check && p.overdue(v) {
		r = ReasonLag
	}
	if r != 0 {
		p.stop()
	}
	return r
}

// lagging says that the player has to give up video. p.mu is held.
func (p *Player) lagging(v *view) bool {
	return p.video && !p.waitKey && p.pos < v.lag &&
		(p.caughtUp || v.now-p.joined > int64(p.log.cfg.MaxLag))
}

// overdue says that the player took nothing, or is behind, for too long. p.mu is held.
func (p *Player) overdue(v *view) bool {
	most := int64(p.log.cfg.MaxLag)
	if p.parked.Load() && v.now-p.progress > most {
		return true
	}
	if p.seq >= v.next {
		return false
	}
	at := p.log.arrival(p.seq)
	return at != never && v.now-max(at, p.joined) > most
}

// send writes until the player has everything, its Outlet is full, or it is others' turn. p.mu is
// held.
func (p *Player) send(v *view) Reason {
	if p.rested && p.pos < v.head {
		p.rested, p.progress = false, v.now
	}
	budget := p.bytes + visitBytes
	for p.bytes < budget {
		var run span
		switch {
		case len(p.first) > 0:
			n, err := p.write(p.first, v.now)
			if err != nil {
				return ReasonError
			}
			if p.first = p.first[n:]; len(p.first) > 0 {
				p.park()
				return 0
			}
			p.first = nil
			continue
		case p.slow():
			if p.finishedAt(p.seq) {
				return ReasonFinished
			}
			if p.pick(v, &run) {
				return ReasonDuration
			}
			if len(p.first) > 0 || p.finishedAt(p.seq) {
				continue
			}
		}
		if p.pos >= v.head {
			p.caughtUp, p.rested = true, true
			if v.closed {
				return ReasonClosed
			}
			return 0
		}
		if len(run.buf) == 0 {
			at := v.find(p.pos)
			if at == nil { // dropped for want of memory
				p.waitKey = true
				continue
			}
			run = *at
		}
		from := int(p.pos - run.start)
		n, err := p.write(run.buf[from:], v.now)
		if err != nil {
			return ReasonError
		}
		p.advance(&run, from+n)
		if from+n < len(run.buf) {
			p.park()
			return 0
		}
	}
	p.log.sweeper.ready(p)
	return 0
}

// slow says that the messages have to be picked one by one.
func (p *Player) slow() bool { return !p.audio || !p.video || p.waitKey || p.limit > 0 || p.finishing }

// write offers b to the Outlet.
func (p *Player) write(b []byte, now int64) (int, error) {
	n, err := p.outlet.TryWrite(b)
	if n > 0 {
		if p.bytes == 0 && p.onFirst != nil {
			p.onFirst()
		}
		p.bytes += int64(n)
		p.progress = now
	}
	return n, err
}

// advance moves the cursor to byte x of run; when that is within a message, behind the message, whose
// remainder goes first then.
func (p *Player) advance(run *span, x int) {
	i := sort.Search(len(run.ends), func(i int) bool { return int(run.ends[i]) > x })
	begin := 0
	if i > 0 {
		begin = int(run.ends[i-1])
	}
	if x > begin {
		p.first = run.buf[x:run.ends[i]]
		begin = int(run.ends[i])
		i++
	}
	p.messages += run.seq + int64(i) - p.seq
	p.seq, p.pos = run.seq+int64(i), run.start+int64(begin)
}
