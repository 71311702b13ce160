package relay

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// newSilent puts a host on the network that accepts connections and never says a word.
func newSilent(t *testing.T, n *network, host string) (stop func()) {
	t.Helper()
	l := rtmptest.NewListener()
	n.mu.Lock()
	n.hosts[host] = l
	n.mu.Unlock()
	var conns []net.Conn
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	})
	return func() {
		err := l.Close()
		accepting.Wait()
		for _, c := range conns {
			err = errors.Join(err, c.Close())
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// newStuck puts a server on the network that accepts publishers and reads no frame of theirs.
func newStuck(t *testing.T, n *network, host string) (stop func()) {
	t.Helper()
	return n.serve(t, host, stuck{})
}

type stuck struct{}

func (stuck) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	if err := s.Accept(); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (stuck) ServePlay(ctx context.Context, _ *rtmp.PlayStream) error {
	<-ctx.Done()
	return ctx.Err()
}
