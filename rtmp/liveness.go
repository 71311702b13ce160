package rtmp

import (
	"time"

	"leat/internal/wire/message"
)

// pingInterval is how often a server measures the round trip time of a connection.
const pingInterval = 15 * time.Second

// ping asks the peer for a sign of life unless it was asked a short while ago (RTMP 7.1.7, Ping Request).
func (c *Conn) ping(now time.Time) {
	f := &c.flow
	age := now.Sub(c.started)
	f.mu.Lock()
	asked := f.pingAt > 0 && age-f.pingAt < min(c.limits.IdleTimeout/2, pingInterval)
	if !asked {
		f.pingAt, f.pingValue = age, uint32(age.Milliseconds())
		f.pinging.Store(true)
	}
	value := f.pingValue
	f.mu.Unlock()
	if asked {
		return
	}
	c.hurryReading() // or the answer would take longer than the way
	if err := c.send(0, &message.UserControl{Event: message.EventPingRequest, Value: value}); err != nil {
		c.logger.Debug("ping not sent", "err", err)
	}
}

// awaitsPong reports whether the answer to a ping may come any moment.
func (c *Conn) awaitsPong(now time.Time) bool {
	f := &c.flow
	if !f.pinging.Load() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.Sub(c.started)-f.pingAt < time.Second
}

// measures reports whether it is time to measure the round trip. Clients do not: to them a ping is an answer.
func (c *Conn) measures(now time.Time) bool {
	if _, ok := c.side.(*serverSide); !ok {
		return false
	}
	c.flow.mu.Lock()
	defer c.flow.mu.Unlock()
	return now.Sub(c.started)-c.flow.pingAt >= pingInterval
}

// pong takes the answer to the last ping. One to an earlier ping tells no time any more.
func (f *flow) pong(age time.Duration, value uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pinging.Load() && value == f.pingValue {
		f.rtt = age - f.pingAt
		f.pinging.Store(false)
	}
}

// checkPublishers tells publishers that have fallen silent (RTMP 7.2.2.6, NetStream.Publish.Idle). It is called about once a
// second.
func (s *serverSide) checkPublishers(c *Conn, now time.Time) {
	if c.closing.Load() {
		return
	}
	var silent []*PublishStream
	s.mu.Lock()
	for _, st := range s.streams {
		st.mu.Lock()
		if st.pub != nil && st.pub.fellSilent(now, c.limits.PublishIdle) {
			silent = append(silent, st.pub)
		}
		st.mu.Unlock()
	}
	s.mu.Unlock()
	for _, p := range silent {
		name := p.key.Name
		p.st.log(p.Status(Status{Code: string(CodePublishIdle), Description: name + " is idle.", Details: name}))
	}
}

// fellSilent reports, once for each silence, that nothing has come for d since the publisher was accepted or last sent something.
func (p *PublishStream) fellSilent(now time.Time, d time.Duration) bool {
	last := p.heard.Load()
	return last != 0 && now.Sub(time.Unix(0, last)) >= d && p.heard.CompareAndSwap(last, 0)
}

// idled ends a connection from which nothing comes any more. A client is told why, should it still be there.
func (c *Conn) idled(reason *CloseReason) {
	if _, ok := c.side.(*serverSide); !ok {
		c.close(reason)
		return
	}
	status := Status{Code: string(CodeConnectIdleTimeout), Description: "Nothing was received for too long."}
	if err := c.send(0, &message.Command{Name: "onStatus", Args: []any{status.Object()}}); err != nil {
		c.logger.Debug("status not sent", "err", err)
	}
	c.closeGently(reason)
}
