package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"leat/rtmp"
)

// Config says what to do to which server. Its zero fields mean their defaults.
type Config struct {
	// URL is where to publish and play, by rtmp or rtmps. With one publisher its name is the stream's; with more of them
	// -1, -2 and so on is added, before the query.
	URL *rtmp.URL
	// TLS is used for rtmps; nil means TLS 1.2 at least, the system's roots and the host of the URL.
	TLS *tls.Config
	// Dial opens network connections; nil means net.Dialer. They must be *net.TCPConn.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Steps are measured one after another; there must be one at least.
	Steps []Step
	Media Media // what each stream carries

	Join     int           // connections opened per second; 0 means 500
	Settle   time.Duration // between the last publisher and the first player; 0 means 1 s
	Warm     time.Duration // between the last player and the measurement; 0 means 2 s
	Duration time.Duration // of the measurement; 0 means 10 s
	Timeout  time.Duration // for each answer of the server; 0 means 10 s

	Sample int           // one player in so many is read at once and measured; 0 means 16
	Tick   time.Duration // how often the others are read; 0 means 25 ms
	Idle   bool          // players connect and never play

	PID int // the server's process on this machine; 0: look for the one that listens, if the address is of this machine

	// Progress is told how things go, a few times a second, by one goroutine; nil for nobody.
	Progress func(Progress)
}

// A Step is how much load there is at a time.
type Step struct {
	Publishers int `json:"publishers"` // 0: somebody else publishes
	Players    int `json:"players"`    // spread over the streams in turn
}

// Most of what one run may open.
const (
	maxPublishers = 10_000
	maxPlayers    = 100_000
	maxSteps      = 50
	maxRate       = 100_000 // kbit/s
	maxFrameRate  = 240
	maxAudioRate  = 1000 // kbit/s
	maxTime       = 24 * time.Hour
)

// Check returns what Run would not begin with, as a clause for the user.
func (c *Config) Check() error {
	_, err := c.withDefaults()
	return err
}

// withDefaults returns the configuration with everything said, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	for _, d := range []struct {
		field    *time.Duration
		name     string
		standard time.Duration
	}{
		{&c.Settle, "settle", time.Second},
		{&c.Warm, "warm", 2 * time.Second},
		{&c.Duration, "duration", 10 * time.Second},
		{&c.Timeout, "timeout", 10 * time.Second},
		{&c.Tick, "tick", 25 * time.Millisecond},
	} {
		if *d.field < 0 || *d.field > maxTime {
			return c, fmt.Errorf("%s must be between 0 and %v", d.name, maxTime)
		}
		if *d.field == 0 {
			*d.field = d.standard
		}
	}
	if c.Join == 0 {
		c.Join = 500
	}
	if c.Sample == 0 {
		c.Sample = 16
	}
	c.Media = c.Media.withDefaults()
	return c, c.check()
}

func (c *Config) check() error {
	switch m := &c.Media; {
	case c.URL.Tunneled() || c.URL.Encrypted():
		return fmt.Errorf("%s is not measured, only rtmp and rtmps are", c.URL.Scheme)
	case c.Join < 1 || c.Sample < 1:
		return errors.New("join and sample must be more than 0")
	case m.VideoRate < 1 || m.VideoRate > maxRate:
		return fmt.Errorf("video must be between 1 and %d kbit/s", maxRate)
	case m.FrameRate < 1 || m.FrameRate > maxFrameRate:
		return fmt.Errorf("fps must be between 1 and %d", maxFrameRate)
	case m.KeyInterval < 0 || m.KeyInterval > time.Minute:
		return errors.New("key must be between 0 and 1m")
	case m.AudioRate > maxAudioRate:
		return fmt.Errorf("audio must be at most %d kbit/s", maxAudioRate)
	case len(c.Steps) == 0 || len(c.Steps) > maxSteps:
		return fmt.Errorf("there must be 1 to %d steps", maxSteps)
	}
	for _, s := range c.Steps {
		switch {
		case s.Publishers < 0 || s.Publishers > maxPublishers:
			return fmt.Errorf("publishers must be between 0 and %d", maxPublishers)
		case s.Players < 0 || s.Players > maxPlayers:
			return fmt.Errorf("players must be between 0 and %d", maxPlayers)
		case s.Publishers+s.Players == 0:
			return errors.New("a step needs publishers or players")
		}
	}
	return nil
}

// streamName is the name of the i-th of n streams, with the query that the URL has.
func (c *Config) streamName(i, n int) string {
	name, query, found := strings.Cut(c.URL.Name, "?")
	if n > 1 {
		name = fmt.Sprintf("%s-%d", name, i+1)
	}
	if found {
		name += "?" + query
	}
	return name
}

// Progress is how far a run has come.
type Progress struct {
	Step, Steps int    // the first is 1
	Doing       string // "publishing", "joining", "warming up", "measuring" or "closing"
	Publishers  int    // connected
	Players     int    // connected
	Done        float64
	Rate        float64 // bits per second that players receive
	Failed      int     // connections that could not be made
}
