package stream

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"leat/flv"
	"leat/internal/fanout"
	"leat/live"
	"leat/media"
)

// Format is a container for streams without end.
type Format uint8

// The formats.
const (
	FLV Format = iota + 1 // HTTP-FLV
	MP4                   // fragmented MP4
)

// String returns "flv" or "mp4".
func (f Format) String() string {
	if f == MP4 {
		return "mp4"
	}
	return "flv"
}

type feedKey struct {
	stream media.Key
	format Format
}

// feed brings a stream's packets into a fan-out log, from its first viewer to its last.
type feed struct {
	server *Server
	key    feedKey
	sub    *live.Subscription
	out    *fanout.Log
	done   chan struct{} // closed when pump has returned

	viewers int // guarded by Server.mu

	ready     chan struct{}      // closed when it is known which tracks there are
	unsettled context.Context    //nolint:containedctx // until then, for the pump's waiting
	settle    context.CancelFunc // ends that
	once      sync.Once
	seen      atomic.Uint32 // kinds of media that have come, a bit for each
	fitter    Fitter        // FLV; only pump uses it
	fitted    []*media.Packet
	mp4       *fragmenter     // MP4
	held      []*media.Packet // until it is ready
}

// settleTime is how long a stream that has just begun may take until all its tracks have come.
const settleTime = time.Second

// maxHeld bounds what waits until a new stream's tracks are known.
const maxHeld = 1024

func (s *Server) newFeed(key feedKey) *feed {
	f := &feed{server: s, key: key, done: make(chan struct{}), ready: make(chan struct{})}
	f.unsettled, f.settle = context.WithCancel(context.Background())
	cfg := fanout.LogConfig{Merge: s.cfg.Merge(), MaxLag: s.cfg.MaxLag(), OnSweep: s.cfg.OnSweep}
	if key.format == MP4 {
		cfg.Encoder = raw{}
	} else {
		cfg.Encoder = tags{}
		f.fitter = s.cfg.NewFitter(key.stream)
	}
	f.out = s.cfg.Sweeper.NewLog(cfg)
	if key.format == MP4 {
		f.mp4 = newFragmenter(f.out)
	}
	f.sub = s.cfg.Hub.Subscribe(key.stream, &live.SubscribeOptions{Name: key.format.String() + " viewers"})
	return f
}

// tags is the fanout.Encoder of FLV.
type tags struct{}

func (tags) Append(dst []byte, p *media.Packet) []byte {
	if p.Kind != media.Data && len(p.Body) == 0 || p.Kind == media.Data && strings.HasPrefix(p.Name, "@") {
		return dst
	}
	at := media.WireTime(p.Timestamp)
	if p.Kind == media.Data && p.Name == media.NameMetadata {
		at = 0 // FFmpeg takes it for a track of its own if it comes at any other time
	}
	return flv.AppendTag(dst, p, at)
}

// pump ends with the stream, or when the subscription is closed. Then the viewers get what is left.
func (f *feed) pump() {
	defer close(f.done)
	defer f.settled()
	timer := time.AfterFunc(settleTime, f.settled)
	defer timer.Stop()
	err := f.read()
	if !errors.Is(err, io.EOF) && !errors.Is(err, live.ErrClosed) {
		f.server.cfg.Logger.Error("feeding viewers failed", "stream", f.key.stream.String(), "format", f.key.format.String(), "err", err)
	}
	f.flush()
}

// read returns why there is no more to read. What was held is released when that has been waited for, not at the next packet.
func (f *feed) read() error {
	ctx := f.unsettled
	for {
		item, err := f.sub.Next(ctx)
		switch {
		case errors.Is(err, context.Canceled):
			ctx = context.Background()
			err = f.release()
		case err == nil:
			err = f.deliver(&item)
		}
		if err != nil {
			return err
		}
	}
}

// settled says that the tracks are known, or will not be waited for.
func (f *feed) settled() {
	f.once.Do(func() {
		close(f.ready)
		f.settle()
	})
}

func (f *feed) isReady() bool {
	select {
	case <-f.ready:
		return true
	default:
		return false
	}
}

func (f *feed) deliver(item *live.Item) error {
	if item.Event == live.EventChanged {
		f.out.Restart()
		if f.mp4 != nil {
			f.mp4.restart()
		} else {
			f.fitter.Reset()
		}
	}
	p := item.Packet
	if p == nil {
		return nil
	}
	if p.Kind != media.Data && len(p.Body) > 0 {
		f.seen.Store(f.seen.Load() | 1<<p.Kind)
	}
	if !f.isReady() && f.hasAll() {
		f.settled()
	}
	if f.mp4 == nil {
		f.fitted = f.fitter.Fit(f.fitted[:0], p)
		for _, p := range f.fitted {
			f.out.WritePacket(p)
		}
		return nil
	}
	return f.fragment(p)
}

// hasAll reports whether every kind of media that the stream is known to have has come. A publisher that has just begun may
// not have sent all of them yet.
func (f *feed) hasAll() bool {
	const both = 1<<media.Audio | 1<<media.Video
	seen := f.seen.Load()
	if seen&both == both {
		return true
	}
	info, ok := f.server.cfg.Hub.Stream(f.key.stream)
	if !ok || info.Publisher == nil || time.Since(info.Publisher.Since) < settleTime || seen&both == 0 {
		return false
	}
	return !slices.ContainsFunc(info.Publisher.Tracks, func(t live.TrackInfo) bool { return seen&(1<<t.Kind) == 0 })
}

// fragment gives a packet to the fragmenter, once it is known which tracks its initialization segment must have.
func (f *feed) fragment(p *media.Packet) error {
	if f.held == nil && f.isReady() {
		return f.mp4.write(p)
	}
	f.held = append(f.held, p)
	if !f.isReady() && len(f.held) < maxHeld {
		return nil
	}
	return f.release()
}

// release writes what was held, headers first, so that the first initialization segment has all tracks.
func (f *feed) release() error {
	if f.mp4 == nil {
		return nil
	}
	held := f.held
	f.held = nil
	slices.SortStableFunc(held, func(a, b *media.Packet) int {
		if a.Config == b.Config {
			return 0
		}
		if a.Config {
			return -1
		}
		return 1
	})
	for _, p := range held {
		if err := f.mp4.write(p); err != nil {
			return err
		}
	}
	f.mp4.judge()
	return nil
}

// flush writes what waits for a packet that does not come any more.
func (f *feed) flush() {
	if f.mp4 == nil {
		return
	}
	err := f.release()
	if err == nil {
		err = f.mp4.writer.Close()
	}
	if err != nil {
		f.server.cfg.Logger.Error("the last fragment of a stream failed", "stream", f.key.stream.String(), "err", err)
	}
}

// close ends the subscription, and then the log.
func (f *feed) close() {
	f.sub.Close()
	<-f.done
	f.out.Close()
}
