package sockets

import "time"

const (
	// patience is how long an owner may hold up the leader, at most twice.
	patience = 5 * time.Millisecond
	// lull is after how many looks at a leader with nothing to do watch rests until there is something.
	lull = 20
	// strikes is how often an owner may hold it up before its socket is quick no longer.
	strikes = 3
)

// watch makes another worker the leader when an owner holds it up.
func (l *Loop) watch() {
	tick := time.NewTicker(patience)
	defer tick.Stop()
	turns, quiet := uint64(0), 0
	for {
		select {
		case <-l.quit:
			return
		case <-tick.C:
		}
		l.mu.Lock()
		switch {
		case l.turns != turns:
			turns, quiet = l.turns, 0
		case l.held != nil:
			l.depose()
		default:
			quiet++
		}
		l.unwatched = quiet >= lull
		l.mu.Unlock()
		if quiet < lull {
			continue
		}
		select {
		case <-l.quit:
			return
		case <-l.alert:
			quiet = 0
		}
	}
}

// depose makes another worker the leader. Called with mu held.
func (l *Loop) depose() {
	if l.held.strikes++; l.held.strikes == strikes {
		l.held.quick = false
	}
	l.held = nil
	l.leader = l.send()
}
