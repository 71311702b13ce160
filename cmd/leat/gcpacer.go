package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// mostGarbage is by how many percent the heap grows until garbage is collected. Most of a large heap is media without pointers, which
	// costs the collector nothing, so half of Go's default takes a quarter of the memory away and no time (docs/performance.md).
	mostGarbage = 50
	// leastGarbage is the same as long as collections are few and short: when connections come and go, or a stream or two.
	leastGarbage = 10
	// thriftShare of the time may go into collections for leastGarbage's sake, saved up to thriftMost: a thousand players who
	// come at once are some twenty collections of 2 to 5 ms.
	thriftShare = 0.002
	thriftMost  = 150 * time.Millisecond
)

// gcPacer sets after each garbage collection when the next one begins.
type gcPacer struct {
	mu      sync.Mutex
	thrift  thrift
	percent int
	was     int // before start
	stopped bool
	cpu     [1]metrics.Sample
}

// startGCPacer sets how much garbage there may be, until stop.
func startGCPacer() *gcPacer {
	p := &gcPacer{percent: leastGarbage, thrift: thrift{at: time.Now(), left: thriftMost}}
	p.cpu[0].Name = "/cpu/classes/gc/total:cpu-seconds"
	p.thrift.spent = p.spent()
	p.was = debug.SetGCPercent(p.percent)
	p.awaitCollection()
	return p
}

// spent is what collections have taken since the process began.
func (p *gcPacer) spent() time.Duration {
	metrics.Read(p.cpu[:])
	return time.Duration(p.cpu[0].Value.Float64() * float64(time.Second))
}

// awaitCollection has collected called when something that is garbage already is found to be.
func (p *gcPacer) awaitCollection() {
	runtime.AddCleanup(new(*gcPacer), (*gcPacer).collected, p)
}

func (p *gcPacer) collected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	if percent := p.thrift.percent(time.Now(), p.spent()); percent != p.percent { // to set it stops everything for a moment
		p.percent = percent
		debug.SetGCPercent(percent)
	}
	p.awaitCollection()
}

// stop puts back what there was before.
func (p *gcPacer) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	debug.SetGCPercent(p.was)
}

// thrift is the account of time for collections that keep memory small.
type thrift struct {
	at    time.Time     // of the last entry
	spent time.Duration // by all collections until then
	left  time.Duration
}

// percent enters what collections have taken until now, and says how much garbage there may be until the next one.
func (t *thrift) percent(now time.Time, spent time.Duration) int {
	saved := time.Duration(thriftShare * float64(now.Sub(t.at)))
	t.left = max(min(t.left+saved, thriftMost)-(spent-t.spent), 0)
	t.at, t.spent = now, spent
	if t.left == 0 {
		return mostGarbage
	}
	return leastGarbage
}
