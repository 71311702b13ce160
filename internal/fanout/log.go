package fanout

import (
	"sync"
	"time"

	"leat/media"
)

const (
	defaultMaxLag    = 30 * time.Second
	defaultMaxBytes  = 32 << 20
	defaultCloseWait = 2 * time.Second

	frameWindow = 33 * time.Millisecond // how long MergeFrame lets audio wait for video: a frame at 30 per second
	minLag      = time.Second           // GOPs shorter than this count together when a player's lag is judged
	audioKept   = 5 * time.Second       // what stays for joins while there is no key frame

	groupSize = 256 // players that a group has before another one is opened
)

// LogConfig says how a Log works. The zero value of every field but Encoder is its default.
type LogConfig struct {
	Encoder   Encoder       // required
	Merge     Merge         // default MergeFrame
	MaxLag    time.Duration // how long a player may take nothing, or be behind; default 30 s
	MaxBytes  int           // memory for the log, beyond which the oldest is dropped; default 32 MiB
	CloseWait time.Duration // how long Close waits for slow players; default 2 s

	// OnSweep, when set, is called after each sweep that brought a group of players something new: delay is the
	// time from the arrival of the oldest message among it to the end of the sweep. It is called from
	// several goroutines and must not block.
	OnSweep func(delay time.Duration, players int)
}

// Log is one stream in one encoding, and its players. WritePacket is for one goroutine; all other
// methods may be called from any.
type Log struct {
	cfg     LogConfig
	sweeper *Sweeper
	done    chan struct{} // closed when the log is closed and has no players any more

	mu      sync.Mutex
	store   store
	headers media.Headers
	gop     gop
	origin  int64         // the publisher's first message: nobody joins before it
	lastTS  time.Duration // timestamp of the newest packet
	number  uint64        // of the newest packet, see WriteNumbered
	gather  int64         // when the messages that wait for company are due; 0 when none wait
	groups  []*group
	active  int // players that have not ended
	closed  bool
	skipped int64
	packets int64
	sweep   time.Duration
}

// gop knows where the newest GOP begins. Guarded by Log.mu.
type gop struct {
	lead    int   // the video track whose key frames count; -1 until there is one
	key     int64 // sequence number of the newest key frame, -1 when none is held
	off     int64 // its offset
	ts      time.Duration
	inForce []*media.Packet // headers in force at it
	headers []byte          // the same encoded with its timestamp; nil until somebody needs them
	started bool            // there has been a key frame
	mark    int64           // offset of the newest key frame that came at least minLag after the mark before it
	markAt  int64           // its arrival
	lag     int64           // the mark before: players that have not come that far are lagging
}

// NewLog returns an empty Log whose players are served by s. Close must be called when it is no longer
// needed.
func (s *Sweeper) NewLog(cfg LogConfig) *Log {
	if cfg.Encoder == nil {
		panic("fanout: LogConfig without Encoder")
	}
	if cfg.MaxLag <= 0 {
		cfg.MaxLag = defaultMaxLag
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	if cfg.CloseWait <= 0 {
		cfg.CloseWait = defaultCloseWait
	}
	return &Log{cfg: cfg, sweeper: s, done: make(chan struct{}), gop: gop{lead: -1, key: -1}}
}

// WritePacket encodes p and appends it. It never blocks on a player. Timestamps are the caller's matter.
// After Close it does nothing.
func (l *Log) WritePacket(p *media.Packet) { l.WriteNumbered(0, p) }

// WriteNumbered does as WritePacket, with several packets that come of the one of that number in the stream, which rises; they
// may be none. Player.Part and JoinOptions.After name places by these numbers. 0 is the number of the packet before.
func (l *Log) WriteNumbered(number uint64, packets ...*media.Packet) {
	now, due := l.sweeper.now(), int64(never)
	l.mu.Lock()
	l.number = max(l.number, number)
	for _, p := range packets {
		due = min(due, l.write(p, now))
	}
	var own *group
	if due != never {
		own = l.sweeper.schedule(l.groups, due, now, l.active <= fewPlayers)
	}
	l.mu.Unlock()
	if own != nil {
		l.sweeper.sweepOwn(own)
	}
}

// write appends p, and returns when the players are to have it; never when there is no news in it for the Sweeper. l.mu is held.
func (l *Log) write(p *media.Packet, now int64) (due int64) {
	if l.closed {
		return never
	}
	l.headers.Apply(p)
	m := message{
		at: now,
		ts: p.Timestamp, number: l.number,
		kind:  p.Kind,
		frame: !p.Config && p.Kind != media.Data,
	}
	if m.isVideoFrame() {
		m.key = l.gop.starts(p)
		if !m.key && !l.gop.started {
			l.skipped++
			return never
		}
	}
	// The estimate holds for chunk sizes from 128 up; a wrong one costs a copy, nothing else.
	n := l.append(len(p.Body)+len(p.Body)/32+64, m, func(dst []byte) []byte {
		return l.cfg.Encoder.Append(dst, p)
	})
	if n == 0 {
		return never
	}
	l.packets++
	l.lastTS = p.Timestamp
	if m.key {
		l.gop.begin(&m, l.store.next-1, l.store.head-int64(n), l.headers.Packets())
	}
	return l.due(now, l.window(p, &m))
}

// WriteControl appends ready-made bytes of whole messages (a status, a user control event). They are sent at
// once, in order with the packets, and also to lagging players; a player that joins later at an
// earlier key frame gets them as well. b is copied. After Close it does nothing.
func (l *Log) WriteControl(b []byte) {
	now := l.sweeper.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	m := message{at: now, ts: l.lastTS, number: l.number}
	if l.append(len(b), m, func(dst []byte) []byte { return append(dst, b...) }) > 0 {
		l.sweeper.schedule(l.groups, l.due(now, 0), now, false)
	}
}

// starts reports whether the video frame p begins a GOP.
func (g *gop) starts(p *media.Packet) bool {
	if !p.Key {
		return false
	}
	if g.lead < 0 || int(p.Track) < g.lead {
		g.lead = int(p.Track)
	}
	return int(p.Track) == g.lead
}

// begin takes note of the key frame m, at seq and off.
func (g *gop) begin(m *message, seq, off int64, inForce []*media.Packet) {
	g.key, g.off, g.ts, g.inForce, g.headers = seq, off, m.ts, inForce, nil
	if !g.started || m.at-g.markAt >= int64(minLag) {
		g.lag, g.mark, g.markAt = g.mark, off, m.at
	}
	g.started = true
}

// lose is called when the bytes of the newest key frame had to be dropped. Perhaps its track is
// gone: the next key frame of any track counts again.
func (g *gop) lose() { g.key, g.inForce, g.headers, g.lead = -1, nil, nil, -1 }

// append adds what encode appends as message m and returns its length. l.mu is held.
func (l *Log) append(estimate int, m message, encode func(dst []byte) []byte) int {
	blk := l.store.current()
	if blk == nil || cap(blk.buf)-len(blk.buf) < estimate {
		l.trim(m.at)
		blk = l.store.open(estimate)
	}
	buf := encode(blk.buf)
	n := len(buf) - len(blk.buf)
	if n <= 0 {
		return 0
	}
	if cap(buf) == cap(blk.buf) {
		blk.buf = buf
	} else { // it did not fit and was moved: only the new part goes to a block of its own
		added := buf[len(blk.buf):]
		blk = l.store.open(n)
		blk.buf = append(blk.buf, added...)
	}
	l.store.add(blk, n, m)
	l.bound()
	return n
}

// keyHeaders returns the headers in force at the newest key frame. l.mu is held.
func (l *Log) keyHeaders() []byte {
	if l.gop.headers == nil {
		l.gop.headers = l.encodeHeaders(l.gop.inForce, l.gop.ts)
	}
	return l.gop.headers
}

// encodeHeaders returns headers with timestamp ts. l.mu is held.
func (l *Log) encodeHeaders(headers []*media.Packet, ts time.Duration) []byte {
	var b []byte
	for _, h := range headers {
		p := *h
		p.Timestamp = ts
		b = l.cfg.Encoder.Append(b, &p)
	}
	return b
}

// trim frees the blocks that nobody needs: not those who join, nor the players. l.mu is held.
func (l *Log) trim(now int64) {
	floor, keep := int64(never), int64(never)
	for _, g := range l.groups {
		floor, keep = min(floor, g.floor), min(keep, g.keep)
	}
	if l.gop.key >= 0 {
		floor = min(floor, l.gop.off)
	}
	st := &l.store
	for len(st.blocks) > 1 && st.blocks[1].start <= floor {
		if l.gop.key < 0 && st.blocks[0].at > now-int64(audioKept) {
			break
		}
		st.evict(keep)
	}
	st.forget(keep)
}

// bound enforces MaxBytes: the oldest blocks give up their video frames even if players still need them, then the oldest of
// what is left goes. l.mu is held.
func (l *Log) bound() {
	st, most := &l.store, l.maxBytes()
	if st.memory() <= most {
		return
	}
	keep := int64(never)
	for _, g := range l.groups {
		keep = min(keep, g.keep)
	}
	for st.memory() > most && len(st.blocks) > 1 {
		st.evict(keep)
		if l.gop.key >= 0 && l.gop.off < st.blocks[0].start {
			l.gop.lose()
		}
	}
	for st.memory() > most && st.first < st.blocks[0].seq {
		st.drop()
	}
}

// maxBytes is what the log may hold now.
func (l *Log) maxBytes() int {
	if most := l.sweeper.most.Load(); most > 0 {
		return int(min(int64(l.cfg.MaxBytes), most))
	}
	return l.cfg.MaxBytes
}

// window says how long the message may wait for others to be written with it.
func (l *Log) window(p *media.Packet, m *message) time.Duration {
	switch {
	case l.cfg.Merge > 0:
		return time.Duration(l.cfg.Merge)
	case l.cfg.Merge < 0, m.isVideoFrame() && (l.gop.lead < 0 || int(p.Track) == l.gop.lead):
		return 0
	}
	return frameWindow
}

// due says when news that may wait for window is to be sent. While messages wait for company, more of them do not concern
// the Sweeper: then it is never. l.mu is held.
func (l *Log) due(now int64, window time.Duration) int64 {
	switch {
	case window == 0:
		l.gather = 0
		return now
	case l.gather != 0:
		return never
	}
	l.gather = nextTick(now + int64(window))
	return l.gather
}

// Close delivers what is left, for CloseWait at most, and ends every player with ReasonClosed; their OnEnd
// has returned when it returns. It must not be called from an OnEnd. A second call waits for the first.
func (l *Log) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return
	}
	l.closed = true
	if l.active == 0 {
		close(l.done)
	}
	now := l.sweeper.now()
	l.sweeper.schedule(l.groups, now, now, false)
	l.mu.Unlock()

	timer := time.NewTimer(l.cfg.CloseWait)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
		l.endAll()
	case <-l.sweeper.stop:
		l.endAll()
	}
	<-l.done
	l.sweeper.forget(l.groups)
}

// endAll ends every player without sending anything more. The log is closed.
func (l *Log) endAll() {
	l.mu.Lock()
	var players []*Player
	for _, g := range l.groups {
		players = append(players, g.players...)
	}
	l.mu.Unlock()
	for _, p := range players {
		p.mu.Lock()
		first := p.stop()
		p.mu.Unlock()
		if first {
			p.finish(ReasonClosed)
		}
	}
}

// left counts a player out that has ended.
func (l *Log) left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	if l.active == 0 && l.closed {
		close(l.done)
	}
}

// LogStats is a snapshot of a Log.
type LogStats struct {
	Players   int
	Bytes     int           // memory held
	Packets   int64         // packets encoded
	Skipped   int64         // video frames that were left out because no key frame had come before them
	LastSweep time.Duration // how long the newest sweep of a group of players took
}

// Stats returns a snapshot.
func (l *Log) Stats() LogStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return LogStats{Players: l.active, Bytes: l.store.memory(), Packets: l.packets, Skipped: l.skipped, LastSweep: l.sweep}
}
