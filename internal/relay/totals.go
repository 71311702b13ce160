package relay

import "sync/atomic"

// totals are counters of all pushes to one target since the start.
type totals struct {
	bytes, packets, dropped, reconnects, refusals atomic.Uint64
}

// maxTotals bounds the targets that are counted by name; the others are counted together.
const maxTotals = 1_000

// totalsOf wants r.mu held.
func (r *Relay) totalsOf(name string) *totals {
	if r.totals[name] == nil {
		if len(r.totals) >= maxTotals {
			name = "others"
		}
		if r.totals[name] == nil {
			r.totals[name] = &totals{}
		}
	}
	return r.totals[name]
}

// PushTotals is what the pushes to one target have done since the start, those that have ended too. Numbers never go back.
type PushTotals struct {
	Target     string // its name
	Bytes      uint64 // of packet bodies
	Packets    uint64
	Dropped    uint64 // packets left out because the target was too slow
	Reconnects uint64 // connections that were lost after they had run
	Refusals   uint64 // times that the target refused
}

// PullTotals is what all pulls have done since the start. Numbers never go back.
type PullTotals struct {
	Bytes    uint64 // of packet bodies
	Packets  uint64
	Failures uint64 // times that an origin could not be reached, refused, failed or fell silent
}

// PushTotals returns the totals of all targets that there were.
func (r *Relay) PushTotals() []PushTotals {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]PushTotals, 0, len(r.totals))
	for name, t := range r.totals {
		list = append(list, PushTotals{
			Target: name, Bytes: t.bytes.Load(), Packets: t.packets.Load(), Dropped: t.dropped.Load(),
			Reconnects: t.reconnects.Load(), Refusals: t.refusals.Load(),
		})
	}
	return list
}

// PullTotals returns the totals of all pulls.
func (r *Relay) PullTotals() PullTotals {
	return PullTotals{Bytes: r.fetched.bytes.Load(), Packets: r.fetched.packets.Load(), Failures: r.fetched.refusals.Load()}
}
