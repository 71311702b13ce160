package node

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

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

	fitter  *rtmp.Fitter                  // only pump uses it
	fitted  []*media.Packet               // reused by pump
	notices atomic.Pointer[[]rtmp.Status] // of what the players do not get

	players int // guarded by Node.mu
}

// maxForms bounds the logs of one stream: clients say which codecs they take in more ways than a server can hold logs.
const maxForms = 32

// dryAfter is how long a stream may be silent before its players are told (Stream Dry, RTMP 7.1.7).
const dryAfter = 5 * time.Second

// enter returns the feed for key and counts a player in; a new feed is begun at the stream's newest key frame.
func (n *Node) enter(key feedKey) *feed {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := n.feeds[key]
	if f == nil && n.forms(key.stream) >= maxForms { // the codecs that the player has not listed are sent to it after all
		key.encoder.Form.Video, key.encoder.Form.Audio = rtmp.CodecSet{}, rtmp.CodecSet{}
		f = n.feeds[key]
	}
	if f == nil {
		cfg := n.Config()
		f = &feed{node: n, key: key, done: make(chan struct{}), fitter: rtmp.NewFitter(key.encoder.Form, key.stream.Name)}
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

// forms counts the feeds of a stream. n.mu is held.
func (n *Node) forms(stream media.Key) int {
	total := 0
	for key := range n.feeds {
		if key.stream == stream {
			total++
		}
	}
	return total
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
	dry := time.AfterFunc(dryAfter, func() { f.out.WriteControl(enc.AppendStreamDry(nil)) })
	dry.Stop()
	defer dry.Stop()
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
			f.restart()
			b := enc.AppendStreamBegin(nil)
			f.out.WriteControl(enc.AppendStatus(b, rtmp.Status{
				Code: string(rtmp.CodePlayPublishNotify), Description: name + " is now published.", Details: name,
			}))
		case live.EventChanged:
			f.restart()
		case live.EventUnpublished:
			dry.Stop()
			b := enc.AppendStreamEOF(nil)
			f.out.WriteControl(enc.AppendStatus(b, rtmp.Status{
				Code: string(rtmp.CodePlayUnpublishNotify), Description: name + " is now unpublished.", Details: name,
			}))
		case live.EventSkipped:
			f.node.log.Warn("players of a stream were served too slowly, packets were left out", "stream", f.key.stream.String(), "packets", item.Skipped)
		default:
			dry.Reset(dryAfter)
			f.deliver(item.Packet)
		}
	}
}

// restart makes room for another publisher.
func (f *feed) restart() {
	f.fitter.Reset()
	f.notices.Store(nil)
	f.out.Restart()
}

// deliver writes what the players get of a packet. A notice is stored before it is written, so that nobody can miss it who
// joins at the same time: see tell.
func (f *feed) deliver(p *media.Packet) {
	packets, notice := f.fitter.Fit(f.fitted[:0], p)
	f.fitted = packets
	if notice != nil || p.Config {
		all := f.fitter.Notices()
		f.notices.Store(&all)
	}
	if notice != nil {
		f.node.log.Warn("players of a stream cannot take one of its tracks", "stream", f.key.stream.String(),
			"kind", p.Kind.String(), "track", p.Track, "codec", p.Codec.String())
		f.out.WriteControl(f.key.encoder.AppendStatus(nil, *notice))
	}
	for _, p := range packets {
		f.out.WritePacket(p)
	}
}

// tell sends a player that has joined the notices from before.
func (f *feed) tell(s *rtmp.PlayStream) error {
	all := f.notices.Load()
	if all == nil {
		return nil
	}
	for _, status := range *all {
		if err := s.Status(status); err != nil {
			return err
		}
	}
	return nil
}
