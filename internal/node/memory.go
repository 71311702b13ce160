package node

import (
	"cmp"
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
	roomy   shortage = iota
	tight            // what is kept for late joiners shrinks to the newest GOP
	short            // and new publishers and players are refused
	severe           // and new connections, too, and what is kept shrinks to a share of the limit
	noLimit = math.MaxInt64
)

// percents of the limit from which on there is each shortage.
var percents = [...]int64{tight: 70, short: 85, severe: 92}

const (
	// memoryEvery is how often the memory is looked at: a fast network brings some 10 MB meanwhile.
	memoryEvery = 50 * time.Millisecond
	// reliefAfter is how long there must be more room before what was taken back is given again, so that it does not go to and fro.
	reliefAfter = 10 * time.Second
	// tightAge is what rings keep besides the newest GOP while memory is tight.
	tightAge = 2 * time.Second
	// leastRing is what a stream keeps in any case, bytes.
	leastRing = 256 << 10
)

// memory watches what the process uses.
type memory struct {
	own   int64 // the Go runtime's limit as it was at the start
	state atomic.Int32
	stop  context.CancelFunc // nil before startMemory
	done  chan struct{}

	// Of the watching goroutine.
	calmSince time.Time // when there was last as little room as state says
	share     int64     // bytes that each stream may keep now; 0: what the configuration says
	samples   []metrics.Sample
}

// limitMemory sets the limit of memory.
func (m *memory) limitMemory(configured int64) {
	debug.SetMemoryLimit(cmp.Or(configured, m.own))
}

// shortage is how short of memory the server is now.
func (m *memory) shortage() shortage { return shortage(m.state.Load()) }

// startMemory starts the goroutine that watches the memory, which ends with stopMemory.
func (n *Node) startMemory() {
	m := &n.memory
	m.samples = make([]metrics.Sample, len(memoryClasses))
	for i, name := range memoryClasses {
		m.samples[i].Name = name
	}
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
			case now := <-tick.C:
				if limit := debug.SetMemoryLimit(-1); limit < noLimit {
					n.relieve(now, limit, m.used())
				} else if m.shortage() != roomy {
					n.ration(roomy, 0, 0, 0)
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
	case is > was, is == severe, is < was && now.Sub(m.calmSince) >= reliefAfter:
		n.ration(is, was, limit, used)
	}
}

func shortageOf(used, limit int64) shortage {
	is := roomy
	for at := tight; at <= severe; at++ {
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
	if is == severe {
		share = max(leastRing, limit/8/int64(max(1, n.publishers.Load())))
	}
	if is == was && share == m.share {
		return
	}
	m.share = share
	m.state.Store(int32(is))
	n.hub.Squeeze(age, share)
	n.sweeper.Squeeze(share)
	if is == was {
		return
	}
	level, text := slog.LevelInfo, "there is room in memory again"
	switch is {
	case tight:
		text = "memory is getting short: streams keep no more than their newest group of pictures"
	case short:
		level, text = slog.LevelWarn, "memory is short: new publishers and players are refused; raise limits.memory, or give the machine less to do"
	case severe:
		level, text = slog.LevelError, "memory is nearly used up: new connections are refused, and streams keep less than a group of pictures; raise limits.memory, or give the machine less to do"
	}
	n.log.Log(context.Background(), level, text, "used", used, "limit", limit)
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
