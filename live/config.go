package live

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"leat/media"
)

var (
	// ErrBusy says that the stream has a publisher that the policy does not let another replace.
	ErrBusy = errors.New("live: stream has a publisher")
	// ErrTakenOver is what a publisher gets that another has replaced.
	ErrTakenOver = errors.New("live: stream was taken over by another publisher")
	// ErrClosed says that the hub, the publication or the subscription was closed.
	ErrClosed = errors.New("live: closed")
)

// Config sets up a Hub. The zero value is ready for use.
type Config struct {
	// Rewind is how far back a subscription can begin (SubscribeOptions.Back), in media time: what has come since the newest key
	// frame that is at least so old is kept in any case. Zero means 2 s; it is at most RingDuration.
	Rewind time.Duration
	// RingDuration is how far a subscription may be behind, in media time: for it more is kept than for newcomers. Zero means 10 s.
	RingDuration time.Duration
	// RingBytes bounds a stream's ring, whatever Rewind, RingDuration and the newest GOP ask for. Zero means 32 MiB.
	// The newest packet is always kept.
	RingBytes int64
	// PublisherGrace is how long the subscriptions of a stream wait without a word for a publisher that
	// left without saying so. Zero means 10 s; negative means not at all.
	PublisherGrace time.Duration
	// DeadAfter is how long a publisher must have been silent for PolicyTakeoverIfDead to count it as
	// dead. Zero means 5 s. From one with the same remote address 1 s is enough.
	DeadAfter time.Duration
	// Policy says who may publish a stream that has a publisher. PolicyDefault means PolicyTakeoverIfDead.
	Policy Policy
	// OnWanted, if not nil, is called when a subscription that is not Passive begins while nobody publishes the stream: whoever
	// can fetch it from elsewhere may do so. It is called from Hub.Subscribe, with no lock of the hub held, and must not block.
	OnWanted func(key media.Key)
}

// withDefaults returns a copy of c, which may be nil, with its zero fields filled in.
func (c *Config) withDefaults() Config {
	if c == nil {
		c = &Config{}
	}
	return Config{
		Rewind:         cmp.Or(c.Rewind, 2*time.Second),
		RingDuration:   cmp.Or(c.RingDuration, 10*time.Second),
		RingBytes:      cmp.Or(c.RingBytes, 32<<20),
		PublisherGrace: cmp.Or(c.PublisherGrace, 10*time.Second),
		DeadAfter:      cmp.Or(c.DeadAfter, 5*time.Second),
		Policy:         cmp.Or(c.Policy, PolicyTakeoverIfDead),
		OnWanted:       c.OnWanted,
	}
}

// bounds returns those of the rings. c has its defaults.
func (c *Config) bounds() bounds {
	return bounds{rewind: min(c.Rewind, c.RingDuration), age: c.RingDuration, bytes: c.RingBytes}
}

// Policy says what happens to a publisher whose stream another one wants to publish.
type Policy uint8

// The policies.
const (
	PolicyDefault        Policy = iota // what the hub's Config says
	PolicyTakeoverIfDead               // replaced if it has been silent (Config.DeadAfter), else the other gets ErrBusy
	PolicyReject                       // stays; the other gets ErrBusy
	PolicyTakeover                     // is replaced
)

var policyNames = [...]string{"default", "takeover_if_dead", "reject", "takeover"}

// String returns the name that ParsePolicy takes.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// ParsePolicy returns the policy named "default", "takeover_if_dead", "reject" or "takeover".
func ParsePolicy(s string) (Policy, error) {
	for i, name := range policyNames {
		if s == name {
			return Policy(i), nil
		}
	}
	return 0, fmt.Errorf("live: unknown policy %q", s)
}
