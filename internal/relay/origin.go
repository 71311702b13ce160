package relay

import (
	"sync"
	"time"
)

// Pull says how a stream is fetched. It is not changed once it is in use.
type Pull struct {
	// Origins are the servers that may have it, in the order of preference: URLs in which {app}, {instance} and {name} stand for those
	// of the stream. Without a name it has its own there.
	Origins []string
	// User and Password are for origins that ask for them; "" takes those of the URL.
	User, Password string
	// CA is PEM certificates that are trusted for rtmps instead of the system's. "" trusts the system's.
	CA string
	// Idle is how long a stream fetched on demand goes on after its last player has gone. 0 is 10 s.
	Idle time.Duration
	// Wait is how long a player waits for the stream before it is told that there is none. 0 is 10 s.
	Wait time.Duration
}

const (
	defaultIdle = 10 * time.Second
	defaultWait = 10 * time.Second
	// avoidFor is how long an origin that could not be reached is the last choice.
	avoidFor = 30 * time.Second
	// maxRemembered bounds the origins that a Relay remembers.
	maxRemembered = 1_000
)

func (rule *Pull) idle() time.Duration {
	if rule.Idle == 0 {
		return defaultIdle
	}
	return rule.Idle
}

func (rule *Pull) wait() time.Duration {
	if rule.Wait == 0 {
		return defaultWait
	}
	return rule.Wait
}

// health is what all pulls know of origins: those that could not be reached of late. Its lock is a leaf.
type health struct {
	mu    sync.Mutex
	until map[string]time.Time // by host and port
}

// note takes down whether an origin could be reached.
func (h *health) note(address string, reached bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	delete(h.until, address)
	if reached {
		return
	}
	for known, until := range h.until {
		if until.Before(now) {
			delete(h.until, known)
		}
	}
	if len(h.until) < maxRemembered {
		h.until[address] = now.Add(avoidFor)
	}
}

// avoids reports whether an origin could not be reached of late.
func (h *health) avoids(address string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Before(h.until[address])
}

// order returns the places of a pull in the order in which to try them: those that were not reached of late last.
func (h *health) order(places []*place) []*place {
	ordered := make([]*place, 0, len(places))
	var avoided []*place
	for _, at := range places {
		if h.avoids(at.url.Address()) {
			avoided = append(avoided, at)
		} else {
			ordered = append(ordered, at)
		}
	}
	return append(ordered, avoided...)
}
