package node

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
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
	done chan struct{} // closed when run has returned

	pumping sync.Mutex      // held while packets are brought over
	fitter  *rtmp.Fitter    // guarded by pumping
	fitted  []*media.Packet // likewise; used again and again

	dry    *time.Timer // tells players that the publisher is silent
	flowed time.Time   // when dry was set; guarded by pumping

	notices atomic.Pointer[[]rtmp.Status] // of what the players do not get
	over    atomic.Bool                   // the publisher has gone, and no other has come

	players map[*player]struct{} // guarded by Node.mu
}

// maxForms bounds the logs of one stream: clients say which codecs they take in more ways than a server can hold logs.
const maxForms = 32

// dryAfter is how long a stream may be silent before its players are told (Stream Dry, RTMP 7.1.7), less up to a second.
const dryAfter = 6 * time.Second

var (
	errStopping   = errors.New("node: shutting down")
	errManyEnough = errors.New("node: limits.players_per_stream is reached")
	errNoMemory   = errors.New("node: out of memory")
)

// enter counts a player into the feed for key, which it makes if need be, begun at the stream's newest key frame. It
// returns errStopping or errManyEnough.
func (n *Node) enter(key feedKey, p *player) (*feed, error) {
	cfg := n.Config()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopping {
		return nil, errStopping
	}
	if limit := cfg.Limits.PlayersPerStream; limit > 0 && n.playersLocked(key.stream) >= limit {
		return nil, errManyEnough
	}
	f := n.feeds[key]
	if f == nil && n.forms(key.stream) >= maxForms { // the codecs that the player has not listed are sent to it after all
		key.encoder.Form.Video, key.encoder.Form.Audio = rtmp.CodecSet{}, rtmp.CodecSet{}
		f = n.feeds[key]
	}
	if f == nil {
		f = n.newFeed(key)
		n.feeds[key] = f
		go f.run() // close waits for it
	}
	f.players[p] = struct{}{}
	return f, nil
}

func (n *Node) newFeed(key feedKey) *feed {
	cfg := n.Config()
	f := &feed{
		node: n, key: key, done: make(chan struct{}),
		fitter:  rtmp.NewFitter(key.encoder.Form, key.stream.Name),
		players: map[*player]struct{}{},
	}
	f.dry = time.AfterFunc(dryAfter, f.tellDry)
	f.dry.Stop()
	f.sub = n.hub.Subscribe(key.stream, &live.SubscribeOptions{Name: "rtmp players", Follow: true, Direct: f.direct})
	f.out = n.sweeper.NewLog(fanout.LogConfig{
		Encoder: &f.key.encoder,
		Merge:   fanout.Merge(cfg.Merge),
		MaxLag:  cfg.Limits.MaxLag,
		OnSweep: n.counters.swept,
	})
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

// leave counts a player out, which has left the log; the last one ends the feed. It does not block, so that the fan-out
// may call it.
func (f *feed) leave(p *player) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.remove(p)
	f.node.counters.dropped.Add(p.dropped())
}

// release counts a player out that goes on in another feed.
func (f *feed) release(p *player) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.remove(p)
}

// remove ends a feed without players. Node.mu is held.
func (f *feed) remove(p *player) {
	n := f.node
	delete(f.players, p)
	if len(f.players) == 0 && n.feeds[f.key] == f {
		delete(n.feeds, f.key)
		n.closing.Go(f.close)
	}
}

func (f *feed) close() {
	f.sub.Close()
	<-f.done
	f.out.Close()
}

// closeFeeds ends all feeds once their players have got what the hub, which was closed, still had for them. No other
// feeds are made any more.
func (n *Node) closeFeeds() {
	n.mu.Lock()
	feeds := n.feeds
	n.feeds = map[feedKey]*feed{}
	n.stopping = true
	for _, f := range feeds {
		n.closing.Go(func() {
			<-f.done
			f.close()
		})
	}
	n.mu.Unlock()
	n.closing.Wait()
}

// run ends when the subscription or the hub is closed. Packets mostly come by direct.
func (f *feed) run() {
	defer close(f.done)
	defer f.dry.Stop()
	for {
		f.pumping.Lock()
		err := f.pump()
		f.pumping.Unlock()
		if err == nil {
			err = f.sub.Wait(context.Background())
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, live.ErrClosed) {
			f.node.log.Error("feeding players failed", "stream", f.key.stream.String(), "err", err)
		}
		return
	}
}

// direct pumps on the publisher's goroutine, unless run is at it or has to see the end.
func (f *feed) direct() bool {
	if !f.pumping.TryLock() {
		return false
	}
	defer f.pumping.Unlock()
	return f.pump() == nil
}

// pump brings over what there is. The players' news of the publisher travels in the log, at its place among the packets. pumping is
// held.
func (f *feed) pump() error {
	for {
		item, ok, err := f.sub.TryNext()
		if !ok {
			return err
		}
		switch item.Event {
		case live.EventUnpublished:
			f.dry.Stop()
			f.flowed = time.Time{}
			f.letGo()
			f.tellUnpublished()
		case live.EventPublished:
			f.over.Store(false)
			f.restart()
			f.tellPublished()
		case live.EventChanged:
			f.restart()
		case live.EventSkipped:
			f.node.log.Warn("players of a stream were served too slowly, packets were left out", "stream", f.key.stream.String(), "packets", item.Skipped)
		default:
			f.stillFlows(item.Packet)
			f.deliver(item.Packet, item.Number)
		}
	}
}

// stillFlows puts the news of a silent publisher off. Not with every packet: to set a timer is dear beside the rest.
func (f *feed) stillFlows(p *media.Packet) {
	now := p.Received
	if now.IsZero() {
		now = time.Now()
	}
	if now.Sub(f.flowed) >= time.Second {
		f.flowed = now
		f.dry.Reset(dryAfter)
	}
}

// tellDry says that a publisher is silent. Of one that has gone, players hear nothing within its grace.
func (f *feed) tellDry() {
	if info, ok := f.node.hub.Stream(f.key.stream); ok && info.Publisher != nil {
		f.out.WriteControl(f.key.encoder.AppendStreamDry(nil))
	}
}

func (f *feed) tellPublished() {
	enc, name := &f.key.encoder, f.key.stream.Name
	f.out.WriteControl(enc.AppendStatus(enc.AppendStreamBegin(nil), rtmp.Status{
		Code: string(rtmp.CodePlayPublishNotify), Description: name + " is now published.", Details: name,
	}))
}

// letGo lets the players go on with their playlists when they have had all of a stream that is over. Who gets a playlist later sees
// that it is (player.command).
func (f *feed) letGo() {
	f.over.Store(true)
	f.node.mu.Lock()
	players := slices.Collect(maps.Keys(f.players))
	f.node.mu.Unlock()
	for _, p := range players {
		p.goOn()
	}
}

func (f *feed) tellUnpublished() {
	enc, name := &f.key.encoder, f.key.stream.Name
	f.out.WriteControl(enc.AppendStatus(enc.AppendStreamEOF(nil), rtmp.Status{
		Code: string(rtmp.CodePlayUnpublishNotify), Description: name + " is now unpublished.", Details: name,
	}))
}

// restart makes room for another publisher.
func (f *feed) restart() {
	f.fitter.Reset()
	f.notices.Store(nil)
	f.out.Restart()
}

// deliver writes what the players get of a packet. A notice is stored before it is written, so that nobody can miss it who
// joins at the same time: see tell.
func (f *feed) deliver(p *media.Packet, number uint64) {
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
	f.out.WriteNumbered(number, packets...)
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
