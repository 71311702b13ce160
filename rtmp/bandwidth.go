package rtmp

import (
	"context"
	"math"
	"strings"
	"time"

	"leat/internal/wire/message"
)

// Clients measure their bandwidth in one of two ways: by "checkBandwidth", whose rounds are calls of "onBWCheck" and
// whose result is a call of "onBWDone", or by "_checkbw", with "_onbwcheck" and "_onbwdone". In each round the server
// calls the client with a payload and takes the time until the answer. The first payload is empty: a client that
// does not answer it is sent no more, and the time of its answer is the latency.

// bandwidthDialect names the calls of one way.
type bandwidthDialect struct{ check, done string }

var (
	bandwidthNative = bandwidthDialect{"onBWCheck", "onBWDone"}
	bandwidthSimple = bandwidthDialect{"_onbwcheck", "_onbwdone"}
)

// bandwidthDialectOf returns the way that a client asks for with a command.
func bandwidthDialectOf(command string) bandwidthDialect {
	if command == "checkBandwidth" {
		return bandwidthNative
	}
	return bandwidthSimple
}

// bandwidthPayloads are the bytes of the rounds, few enough to be lost in a stream that is being played.
var bandwidthPayloads = [...]int{0, 1 << 10, 4 << 10, 16 << 10, 32 << 10}

// bandwidthTimeout bounds a measurement.
const bandwidthTimeout = 2 * time.Second

// measureBandwidth begins a measurement on a goroutine of its own, unless one is under way.
func (s *serverSide) measureBandwidth(ctx context.Context, c *Conn, d bandwidthDialect) {
	if s.measuring.Swap(true) {
		return
	}
	c.life.use()
	c.wg.Go(func() {
		defer c.life.release()
		defer s.measuring.Store(false)
		defer c.recovered("measuring bandwidth")
		ctx, cancel := context.WithTimeout(ctx, bandwidthTimeout)
		defer cancel()
		var b bandwidth
		if err := b.measure(ctx, c, d.check); err != nil {
			c.logger.Debug("bandwidth not measured to the end", "rounds", b.rounds, "err", err)
		}
		if b.rounds == 0 {
			return
		}
		if err := c.send(0, &message.Command{Name: d.done, Args: b.result(d)}); err != nil {
			c.logger.Debug("bandwidth not told", "err", err)
		}
	})
}

// bandwidth is a measurement.
type bandwidth struct {
	rounds  int
	latency time.Duration
	bytes   int
	time    time.Duration // that they took, without the latency
}

// measure calls the client until all payloads are sent, the socket is full, or it does not answer.
func (b *bandwidth) measure(ctx context.Context, c *Conn, check string) error {
	for _, size := range bandwidthPayloads {
		if c.out.isCongested() {
			return nil // what waits would be measured too, and has a better use for the line
		}
		var args []any
		if size > 0 {
			args = []any{strings.Repeat("0", size)}
		}
		start := time.Now()
		if _, err := c.call(ctx, 0, check, nil, args...); err != nil {
			return err
		}
		took := time.Since(start)
		if b.rounds++; b.rounds == 1 {
			b.latency = took
			continue
		}
		b.bytes += size
		b.time += max(took-b.latency, 0)
	}
	return nil
}

// result is what the client is told: kilobits per second, of the native way also the kilobits and the seconds that they
// come from, and the latency in milliseconds.
func (b *bandwidth) result(d bandwidthDialect) []any {
	kilobits := float64(b.bytes) * 8 / 1000
	seconds := max(b.time, time.Millisecond).Seconds()
	down := math.Round(kilobits / seconds)
	latency := float64(b.latency.Milliseconds())
	if d == bandwidthNative {
		return []any{down, kilobits, seconds, latency}
	}
	return []any{down, latency}
}
