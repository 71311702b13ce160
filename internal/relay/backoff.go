package relay

import (
	"math/rand/v2"
	"time"
)

const (
	firstRetry  = time.Second
	lastRetry   = 30 * time.Second
	refusedWait = 2 * time.Minute // after a refusal, which only people can mend
	stableAfter = time.Minute     // a connection that has lasted so long makes the next wait the first again
)

// backoff counts the failures in a row. The zero value has seen none.
type backoff struct{ failures int }

// next returns how long to wait after one more failure.
func (b *backoff) next() time.Duration {
	d := lastRetry
	if b.failures < 5 {
		d = min(firstRetry<<b.failures, lastRetry)
	}
	b.failures++
	return jitter(d)
}

// jitter keeps those that failed together from coming back together: it moves d by up to a fifth.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*d/5)
}
