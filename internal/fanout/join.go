package fanout

import (
	"sort"
	"time"

	"leat/media"
)

const (
	defaultAudioBack = time.Second

	// joinBytes is how much of the log is copied behind the headers, so that a player's first frames come with them in
	// one write. What is beyond follows without a copy.
	joinBytes = 256 << 10
)

// JoinOptions says what a player wants. With the zero value it gets neither audio nor video.
type JoinOptions struct {
	Audio, Video bool          // what to send, see Player.SetReceive
	Duration     time.Duration // of the stream's time to send, then the player ends; 0 means no limit
	AudioBack    time.Duration // where to start when there is no key frame; default 1 s, at most 5 s; negative: at the head
	Prelude      []byte        // whole messages to send before all else

	// After, when not 0, is the number of the packet that the client has got last, elsewhere: it goes on with the next one, without
	// headers. Join returns nil if the log does not hold that place, or has not come that far.
	After uint64

	// OnFirst, when set, is called once, when the outlet has taken the first bytes. It is for taking the time: it is
	// called with the player's lock held and must not block.
	OnFirst func()
	// OnEnd, when set, is called at most once, without locks held, when the player ends by itself: not after
	// Leave. It is called from a shard, from Close, or from Join before that returns, and must not block.
	OnEnd func(Reason)
}

// Join adds a player that writes to o. It gets the prelude, the headers in force at the newest key frame, and all
// from that key frame on. When there is none, or no video is wanted, it starts with the headers and the audio of the last second. Join
// itself sends what o takes at once. In a closed log the player has already ended when Join returns.
func (l *Log) Join(o Outlet, opts JoinOptions) *Player {
	p := &Player{
		log:     l,
		onEnd:   opts.OnEnd,
		onFirst: opts.OnFirst,
		outlet:  o,
		audio:   opts.Audio,
		video:   opts.Video,
		limit:   opts.Duration,
	}
	p.wake, p.task.player = p.writable, p
	v := l.sweeper.views.Get().(*view)
	defer l.sweeper.views.Put(v)

	p.mu.Lock()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		p.stop()
		p.mu.Unlock()
		if p.onEnd != nil {
			p.onEnd(ReasonClosed)
		}
		return p
	}
	v.take(l)
	p.joined, p.progress = v.now, v.now
	p.first = append(p.first, opts.Prelude...)
	if opts.After == 0 {
		l.place(p, opts.AudioBack)
	} else if !l.placeAfter(p, opts.After) {
		l.mu.Unlock()
		p.stop()
		p.mu.Unlock()
		v.release()
		return nil
	}
	l.admit(p, v.now)
	l.mu.Unlock()
	r := p.open(v)
	if r != 0 {
		p.stop()
	}
	p.mu.Unlock()
	v.release()
	if r != 0 {
		p.finish(r)
	}
	return p
}

// place sets where p begins and what goes before it. p.mu and l.mu are held.
func (l *Log) place(p *Player, back time.Duration) {
	if p.video && l.gop.key >= 0 {
		p.seq, p.pos = l.gop.key, l.gop.off
		p.first = append(p.first, l.keyHeaders()...)
		return
	}
	if p.video && l.gop.started { // the key frame was dropped for want of memory
		p.waitKey, p.switched = true, true
	}
	p.seq, p.pos = l.store.next, l.store.head
	ts := l.lastTS
	if seq := l.recentAudio(back); seq < l.store.next {
		m := l.store.at(seq)
		p.seq, p.pos, ts = seq, m.off, m.ts
	}
	p.first = append(p.first, l.encodeHeaders(l.headers.Packets(), ts)...)
}

// recentAudio returns the sequence number of the audio frame that lies back before the newest one: not before
// a change of the headers, nor where timestamps jump. Without audio it is the head. l.mu is held.
func (l *Log) recentAudio(back time.Duration) int64 {
	st := &l.store
	seq := st.next
	if back < 0 || len(st.blocks) == 0 {
		return seq
	}
	if back == 0 {
		back = defaultAudioBack
	}
	var newest, later time.Duration
	for i := st.next - 1; i >= max(l.origin, st.blocks[0].seq); i-- {
		m := st.at(i)
		if m.kind != media.Audio {
			continue
		}
		if seq == st.next {
			newest, later = m.ts, m.ts
		}
		if !m.frame || m.ts > later || newest-m.ts > back {
			break
		}
		seq, later = i, m.ts
	}
	return seq
}

// admit puts p into the smallest group, or into a new one when all are large and there are shards for it. p.mu and
// l.mu are held.
func (l *Log) admit(p *Player, now int64) {
	var to *group
	for _, g := range l.groups {
		if to == nil || len(g.players) < len(to.players) {
			to = g
		}
	}
	if to == nil || len(to.players) >= groupSize && len(l.groups) < l.sweeper.shards {
		to = &group{log: l, floor: never, keep: never, joined: floors{never, never}, swept: l.store.next, again: never}
		to.task.group = to
		l.groups = append(l.groups, to)
		l.sweeper.register(to)
		if l.gather != 0 {
			l.sweeper.schedule(l.groups[len(l.groups)-1:], l.gather, now, false)
		}
	}
	to.players = append(to.players, p)
	to.joined = to.joined.with(p)
	to.floor, to.keep = min(to.floor, to.joined.floor), min(to.keep, to.joined.keep)
	l.active++
}

// open makes the player's first write: the headers and, copied behind them, as many whole messages as fit. p.mu is
// held.
func (p *Player) open(v *view) Reason {
	if p.slow() || len(p.first) == 0 || p.pos >= v.head {
		return p.send(v)
	}
	run := v.find(p.pos)
	from := int(p.pos - run.start)
	i := sort.Search(len(run.ends), func(i int) bool { return int(run.ends[i])-from > joinBytes })
	if i == 0 || int(run.ends[i-1]) <= from {
		return p.send(v)
	}
	v.buf = append(append(v.buf[:0], p.first...), run.buf[from:run.ends[i-1]]...)
	n, err := p.write(v.buf, v.now)
	if err != nil {
		return ReasonError
	}
	if n < len(p.first) {
		p.first = p.first[n:]
	} else {
		at := from + n - len(p.first)
		p.first = nil
		p.advance(run, at)
	}
	if n < len(v.buf) {
		p.park()
		return 0
	}
	return p.send(v)
}
