package abuse

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leat/media"
	"leat/rtmp"
)

// The healthy stream: audio every 20 ms and video every 40, which is about 1 Mbit/s.
const (
	healthyPlayers  = 3
	healthyInterval = 20 * time.Millisecond
	healthyAudio    = 250
	healthyVideo    = 4500
	framesOfGOP     = 25
)

// maxDelay is how long all but one in a hundred of the healthy messages may take from the publisher's write to a player's read.
const maxDelay = 50 * time.Millisecond

// healthy is a publisher and its players, who must not notice anything.
type healthy struct {
	t       *testing.T
	stop    chan struct{}
	cut     sync.Once
	sent    int // valid once published is closed
	failed  error
	late    atomic.Int64  // how late the publisher's timer was at worst, nanoseconds
	ended   chan struct{} // closed when the publisher has ended
	players []*watcher
}

// newHealthy starts the stream at url.
func newHealthy(t *testing.T, url string) *healthy {
	t.Helper()
	h := &healthy{t: t, stop: make(chan struct{}), ended: make(chan struct{})}
	for range healthyPlayers {
		h.players = append(h.players, newWatcher(t, url))
	}
	c := dialHealthy(t, url)
	p, err := c.Publish(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { // ends with halt
		defer close(h.ended)
		h.failed = h.publish(p)
	}()
	t.Cleanup(h.halt)
	return h
}

func dialHealthy(t *testing.T, url string) *rtmp.Conn {
	t.Helper()
	c, err := rtmp.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// halt ends the publisher.
func (h *healthy) halt() {
	h.cut.Do(func() { close(h.stop) })
	<-h.ended
}

func (h *healthy) publish(p *rtmp.Publisher) error {
	tick := time.NewTicker(healthyInterval)
	defer tick.Stop()
	ctx := context.Background()
	for at := time.Duration(0); ; at += healthyInterval {
		if err := p.WritePacket(ctx, healthyPacket(media.Audio, h.sent, at)); err != nil {
			return err
		}
		h.sent++
		if at%(2*healthyInterval) == 0 {
			if err := p.WritePacket(ctx, healthyPacket(media.Video, h.sent, at)); err != nil {
				return err
			}
			h.sent++
		}
		select {
		case due := <-tick.C:
			h.late.Store(max(h.late.Load(), int64(time.Since(due))))
		case <-h.stop:
			return p.Close()
		}
	}
}

// Behind the tag header each message has its number and when it was sent, 8 bytes each, and then bytes that follow from the number.
const stampSize = 16

func healthyPacket(kind media.Kind, number int, at time.Duration) *media.Packet {
	p := &media.Packet{Kind: kind, Timestamp: at}
	switch {
	case kind == media.Audio:
		p.Body = append(p.Body, 0xaf, 1)
	case at/(2*healthyInterval)%framesOfGOP == 0:
		p.Key = true
		p.Body = append(p.Body, 0x17, 1, 0, 0, 0)
	default:
		p.Body = append(p.Body, 0x27, 1, 0, 0, 0)
	}
	p.Body = binary.BigEndian.AppendUint64(p.Body, uint64(number))
	p.Body = binary.BigEndian.AppendUint64(p.Body, uint64(time.Since(epoch)))
	p.Body = append(p.Body, filling(kind, number)...)
	return p
}

// epoch is the zero of the clock that publisher and players share.
var epoch = time.Now()

func filling(kind media.Kind, number int) []byte {
	size := healthyVideo
	if kind == media.Audio {
		size = healthyAudio
	}
	return bytes.Repeat([]byte{byte(number)}, size)
}

// await waits until each player has had so many messages more.
func (h *healthy) await(messages int) {
	h.t.Helper()
	goals := make([]int, len(h.players))
	for i, w := range h.players {
		goals[i] = w.seen() + messages
	}
	for i, w := range h.players {
		until(h.t, fmt.Sprintf("the healthy player %d had %d messages", i, goals[i]), func() bool { return w.seen() >= goals[i] || w.over() })
	}
}

// mark is where delays begin to count.
func (h *healthy) mark() {
	for _, w := range h.players {
		w.mu.Lock()
		w.delays = w.delays[:0]
		w.mu.Unlock()
	}
}

// allow is how long what should take d may take: longer under the race detector, and longer on a machine that is too busy to keep
// its own timers.
func (h *healthy) allow(d time.Duration) time.Duration {
	return d*slowdown + 3*time.Duration(h.late.Load())
}

// finish ends the stream and checks that the players got all of it in time.
func (h *healthy) finish() {
	h.t.Helper()
	h.halt()
	if h.failed != nil {
		h.t.Errorf("the healthy publisher: %v", h.failed)
	}
	budget := h.allow(maxDelay)
	for i, w := range h.players {
		select {
		case <-w.ended:
		case <-time.After(patience):
			h.t.Fatalf("the healthy player %d was not told of the end", i)
		}
		if w.err != nil || w.next != h.sent {
			h.t.Errorf("the healthy player %d had message %d to %d of %d: %v", i, w.first, w.next, h.sent, w.err)
		}
		if d := percentile(w.delays, 99); d > budget {
			h.t.Errorf("the healthy player %d had its messages up to %v late, more than %v", i, d, budget)
		}
	}
}

// percentile returns the delay below which p of a hundred lie.
func percentile(delays []time.Duration, p int) time.Duration {
	if len(delays) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(delays))
	return sorted[(len(sorted)-1)*p/100]
}

// watcher is a healthy player.
type watcher struct {
	ended chan struct{}
	err   error // why it did not get all; valid once ended is closed

	mu     sync.Mutex
	first  int // the message that it began with; it may have joined a moment late
	next   int // the message that is due; 0 before the first
	delays []time.Duration
}

func newWatcher(t *testing.T, url string) *watcher {
	t.Helper()
	p, err := dialHealthy(t, url).Play(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{ended: make(chan struct{})}
	go func() { // ends with the stream
		defer close(w.ended)
		w.err = w.watch(p)
	}()
	return w
}

// watch reads to the end of the stream.
func (w *watcher) watch(p *rtmp.Player) error {
	for {
		pkt, err := p.ReadPacket(context.Background())
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case pkt.Kind == media.Data:
			continue
		}
		if err := w.take(pkt); err != nil {
			return err
		}
	}
}

func (w *watcher) take(p *media.Packet) error {
	head := 5
	if p.Kind == media.Audio {
		head = 2
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(p.Body) < head+stampSize {
		return fmt.Errorf("message %d is damaged: %d bytes", w.next, len(p.Body))
	}
	number := int(binary.BigEndian.Uint64(p.Body[head:]))
	sent := time.Duration(binary.BigEndian.Uint64(p.Body[head+8:]))
	if w.next == 0 {
		w.first, w.next = number, number
	}
	switch {
	case number != w.next:
		return fmt.Errorf("message %d came where %d was due", number, w.next)
	case !bytes.Equal(p.Body[head+stampSize:], filling(p.Kind, number)):
		return fmt.Errorf("message %d is damaged", number)
	}
	w.next++
	w.delays = append(w.delays, time.Since(epoch)-sent)
	return nil
}

func (w *watcher) seen() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next - w.first
}

func (w *watcher) over() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}
