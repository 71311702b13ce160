package bench

import (
	"context"
	"time"

	"leat/rtmp"
)

// A publisher sends one stream in real time.
type publisher struct {
	step   *step
	index  int
	conn   *rtmp.Conn
	stream *rtmp.Publisher
	source *source
}

// announce connects and begins to publish the i-th stream.
func announce(ctx context.Context, s *step, i int) (_ *publisher, err error) {
	p := &publisher{step: s, index: i, source: newSource(s.cfg.Media, s.pictures, s.run, uint32(i))}
	name := s.streamName(i)
	p.conn, err = s.dialer.connect(ctx, name, false, nil)
	if err != nil {
		return nil, err
	}
	for {
		ctx, done := context.WithTimeoutCause(ctx, s.cfg.Timeout, s.noAnswer("publish"))
		p.stream, err = p.conn.Publish(ctx, name, nil)
		done()
		if err == nil {
			return p, p.begin(ctx)
		}
		next, err := p.conn.Redial(ctx, err)
		if err != nil {
			p.conn.Close()
			return nil, err
		}
		p.conn = next
	}
}

// begin sends what a stream begins with.
func (p *publisher) begin(ctx context.Context) error {
	headers, err := p.source.headers()
	for _, packet := range headers {
		if err == nil {
			err = p.stream.WritePacket(ctx, packet)
		}
	}
	if err != nil {
		p.conn.Close()
	}
	return err
}

// blockedAfter is how long a write may take before it has waited for the server.
const blockedAfter = time.Millisecond

// run sends every packet when it is due, until ctx is done or the server ends the stream. It closes the connection.
func (p *publisher) run(ctx context.Context) error {
	defer p.conn.Close()
	s := p.step
	frame := time.Second / time.Duration(s.cfg.Media.FrameRate)
	begin := s.clock() + frame*time.Duration(p.index)/time.Duration(s.Publishers) // not all at once
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due := begin + p.source.due()
		timer.Reset(due - s.clock())
		select {
		case <-timer.C:
		case <-p.stream.Done():
			return p.stream.Err()
		case <-ctx.Done():
			return p.stream.Close()
		}
		now := s.clock()
		s.lateness.add(now - due)
		packet := p.source.next(now)
		if err := p.stream.WritePacket(ctx, packet); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if took := s.clock() - now; took > blockedAfter {
			s.blocked.Add(int64(took))
		}
		s.messagesIn.Add(1)
		s.bytesIn.Add(uint64(len(packet.Body)))
	}
}
