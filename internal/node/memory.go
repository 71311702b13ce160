package node

import (
	"context"
	"log/slog"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"leat/rtmp"
)

// shortage is how short of memory the server is.
type shortage int32

const (
	roomy  shortage = iota
	tight           // what is kept for late joiners shrinks to the newest GOP
	short           // and new publishers and players are refused
	severe          // and new connections, too, and what is kept shrinks to a share of the limit
	spent           // and the publishers that bring most are closed, one after the other
)

// percents of the limit from which on there is each shortage.
var percents = [...]int64{tight: 70, short: 85, severe: 92, spent: 97}

const (
	// memoryEvery is how often the memory is looked at: a fast network brings some 10 MB meanwhile.
	memoryEvery = 50 * time.Millisecond
	// reliefAfter is how long there must be more room before what was taken back is given again, so that it does not go to and fro.
	reliefAfter = 10 * time.Second
	// tightAge is what rings keep besides the newest GOP while memory is tight.
	tightAge = 2 * time.Second
	// collectPercent of the limit is what the garbage collector keeps to. The rest is for what comes while it is at work.
	collectPercent = 80
	// closeEvery is how long is waited, while memory is spent, to see whether the end of a publisher has helped.
	closeEvery = 250 * time.Millisecond
	// leastRing is what a stream keeps in any case, bytes.
	leastRing = 256 << 10
)

// memory watches what the process uses.
type memory struct {
	own     int64         // the Go runtime's limit as it was at the start
	limit   atomic.Int64  // bytes; 0: there is none
	changed chan struct{} // holds something when limit is another
	state   atomic.Int32
	stop    context.CancelFunc // nil before startMemory
	done    chan struct{}

	// Of the watching goroutine.
	calmSince time.Time // when there was last as little room as state says
	share     int64     // bytes that each stream may keep now; 0: what the configuration says
	closedAt  time.Time // when a publisher was closed for want of memory
	samples   []metrics.Sample
}

func (m *memory) init(configured int64) {
	m.own, m.changed = debug.SetMemoryLimit(-1), make(chan struct{}, 1)
	m.samples = make([]metrics.Sample, len(memoryClasses))
	for i, name := range memoryClasses {
		m.samples[i].Name = name
	}
	m.limitMemory(configured)
}

// limitMemory sets the limit: what is configured, or else what GOMEMLIMIT says. The garbage collector works harder some way below
// what is configured, as the process has more than the collector sees.
func (m *memory) limitMemory(configured int64) {
	collect, limit := m.own, m.own
	switch {
	case configured > 0:
		collect, limit = configured/100*collectPercent, configured
	case m.own == math.MaxInt64:
		limit = 0
	}
	debug.SetMemoryLimit(collect)
	m.limit.Store(limit)
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// shortage is how short of memory the server is now.
func (m *memory) shortage() shortage { return shortage(m.state.Load()) }

// startMemory starts the goroutine that watches the memory while there is a limit. It ends with stopMemory.
func (n *Node) startMemory() {
	m := &n.memory
	m.done = make(chan struct{})
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() {
		defer close(m.done)
		tick := time.NewTicker(memoryEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-m.changed:
				if tick.Reset(memoryEvery); m.limit.Load() == 0 {
					tick.Stop()
					n.ration(roomy, m.shortage(), 0, 0)
				}
			case now := <-tick.C:
				if limit := m.limit.Load(); limit > 0 {
					n.relieve(now, limit, m.used())
				}
			}
		}
	}()
}

func (n *Node) stopMemory() {
	if n.memory.stop != nil {
		n.memory.stop()
		<-n.memory.done
	}
}

// memoryClasses are what used adds up, the first, and takes off, the others but the last.
var memoryClasses = [...]string{
	"/memory/classes/total:bytes",
	"/memory/classes/heap/released:bytes",
	"/memory/classes/heap/free:bytes",
	"/memory/classes/heap/unused:bytes",
	"/memory/classes/heap/objects:bytes",
	"/gc/heap/live:bytes",
}

// used is how much memory the process cannot do without: the heap as the last garbage collection has left it, stacks and the
// runtime's own. Garbage does not count, of which there is much more as long as there is room for it.
func (m *memory) used() int64 {
	metrics.Read(m.samples)
	last := len(m.samples) - 1
	sum := m.samples[0].Value.Uint64() + m.samples[last].Value.Uint64()
	for _, s := range m.samples[1:last] {
		sum -= min(sum, s.Value.Uint64())
	}
	return int64(sum)
}

// relieve takes measures when little of limit is left, and takes them back when there has been more for a while.
func (n *Node) relieve(now time.Time, limit, used int64) {
	m := &n.memory
	was := m.shortage()
	is := shortageOf(used, limit)
	if is >= was {
		m.calmSince = now
	}
	switch {
	case is > was, is >= severe, is < was && now.Sub(m.calmSince) >= reliefAfter:
		n.ration(is, was, limit, used)
	}
	if is == spent && now.Sub(m.closedAt) >= closeEvery {
		m.closedAt = now
		n.closeHeaviest()
	}
}

// closeHeaviest ends the connection of the publisher that brings most bytes a second: that the memory is used up is most likely its doing, and
// the process would end with everybody's.
func (n *Node) closeHeaviest() {
	var heaviest *rtmp.Conn
	most := 0.0
	for _, c := range n.rtmp.Conns() {
		stats := c.Stats()
		if rate := float64(stats.BytesReceived) / time.Since(stats.Since).Seconds(); c.Publishing() && rate > most {
			heaviest, most = c, rate
		}
	}
	if heaviest != nil {
		heaviest.Kick("the server is out of memory (limits.memory), and this publisher sends the most")
	}
}

func shortageOf(used, limit int64) shortage {
	is := roomy
	for at := tight; at <= spent; at++ {
		if used >= limit/100*percents[at] {
			is = at
		}
	}
	return is
}

// ration puts the measures of a shortage into force.
func (n *Node) ration(is, was shortage, limit, used int64) {
	m := &n.memory
	age, share := time.Duration(0), int64(0)
	if is >= tight {
		age = tightAge
	}
	if is >= severe {
		share = max(leastRing, limit/8/max(1, n.publishers.Load()))
	}
	if is == was && share == m.share {
		return
	}
	m.share = share
	m.state.Store(int32(is))
	n.hub.Squeeze(age, share)
	n.sweeper.Squeeze(share)
	n.outputs.hls.Squeeze(share)
	if is == was {
		return
	}
	log := n.log.With("used", used, "limit", limit)
	switch is {
	case roomy:
		log.Info("there is room in memory again")
	case tight:
		log.Info("memory is getting short: streams keep no more than their newest group of pictures")
	case short:
		log.Warn("memory is short: new publishers and players are refused; raise limits.memory, or give the machine less to do")
	case severe:
		log.Error("memory is nearly used up: new connections are refused, and streams keep less than a group of pictures; raise limits.memory, or give the machine less to do")
	case spent:
		log.Error("memory is used up: the publishers that send most are closed; raise limits.memory, or give the machine less to do")
	}
}

// noMemory refuses a request for want of memory; nil lets it pass.
func (n *Node) noMemory(log *slog.Logger, what request, from shortage, code rtmp.Code) error {
	if n.memory.shortage() < from {
		return nil
	}
	n.counters.refuse(what, byMemory)
	log.Warn("refused: the server is out of memory; raise limits.memory, or give the machine less to do", "request", requestNames[what])
	return rtmp.Refuse(code, "The server is out of memory; try again later.")
}
