package node

import (
	"context"
	"errors"
	"io"

	"leat/internal/fanout"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// feedKey tells which bytes players share: those of one stream in one encoding.
type feedKey struct {
	stream  media.Key
	encoder rtmp.Encoder
}

// feed brings a stream's packets into a fan-out log, from its first player to its last.
type feed struct {
	node *Node
	key  feedKey
	sub  *live.Subscription
	out  *fanout.Log
	done chan struct{} // closed when pump has returned

	players int // guarded by Node.mu
}

// enter returns the feed for key and counts a player in; a new feed is begun at the stream's newest key frame.
func (n *Node) enter(key feedKey) *feed {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.feeds[key]
	if f == nil {
		cfg := n.Config()
		f = &feed{node: n, key: key, done: make(chan struct{})}
		f.sub = n.hub.Subscribe(key.stream, &live.SubscribeOptions{Name: "rtmp players", Follow: true})
		f.out = n.sweeper.NewLog(fanout.LogConfig{
			Encoder: &f.key.encoder,
			Merge:   fanout.Merge(cfg.Merge),
			MaxLag:  cfg.Limits.MaxLag,
			OnSweep: n.counters.swept,
		})
		n.feeds[key] = f
		go f.pump() // leave and closeFeeds wait for it
	}
	f.players++
	return f
}

// leave counts a player out; the last one ends the feed. It does not block, so that the fan-out may call it.
func (f *feed) leave() {
	n := f.node
	n.mu.Lock()
	f.players--
	last := f.players == 0 && n.feeds[f.key] == f
	if last {
		delete(n.feeds, f.key)
	}
	n.mu.Unlock()
	if last {
		n.closing.Go(f.close)
	}
}

func (f *feed) close() {
	f.sub.Close()
	<-f.done
	f.out.Close()
}

func (n *Node) closeFeeds() {
	n.mu.Lock()
	feeds := n.feeds
	n.feeds = map[feedKey]*feed{}
	n.mu.Unlock()
	for _, f := range feeds {
		f.close()
	}
}

// pump ends when the subscription is closed. The players' news of the publisher travels in the log, at its place among
// the packets.
func (f *feed) pump() {
	defer close(f.done)
	enc, name := &f.key.encoder, f.key.stream.Name
	for {
		item, err := f.sub.Next(context.Background())
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, live.ErrClosed) {
				f.node.log.Error("feeding players failed", "stream", f.key.stream.String(), "err", err)
			}
			return
		}
		switch item.Event {
		case live.EventPublished:
			f.out.Restart()
			b := enc.AppendStreamBegin(nil)
			f.out.WriteControl(enc.AppendStatus(b, rtmp.Status{
				Code: string(rtmp.CodePlayPublishNotify), Description: name + " is now published.", Details: name,
			}))
		case live.EventChanged:
			f.out.Restart()
		case live.EventUnpublished:
			b := enc.AppendStreamEOF(nil)
			f.out.WriteControl(enc.AppendStatus(b, rtmp.Status{
				Code: string(rtmp.CodePlayUnpublishNotify), Description: name + " is now unpublished.", Details: name,
			}))
		case live.EventSkipped:
			f.node.log.Warn("players of a stream were served too slowly, packets were left out", "stream", f.key.stream.String(), "packets", item.Skipped)
		default:
			f.out.WritePacket(item.Packet)
		}
	}
}
