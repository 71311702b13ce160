package rtmp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"leat/flv"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

// errCleanEnd ends a packetQueue as the sender wished: its reader gets io.EOF.
var errCleanEnd = errors.New("rtmp: the stream was ended by its sender")

// cleanEnd is a particular errCleanEnd.
type cleanEnd string

func (e cleanEnd) Error() string { return string(e) }

// Is makes every cleanEnd an errCleanEnd to errors.Is, and to those who write to the stream ErrClosed.
func (e cleanEnd) Is(target error) bool { return target == errCleanEnd || target == ErrClosed }

var errSinkPanicked = errors.New("rtmp: the writer panicked")

// maxQueuedPackets is how many packets wait for a reader; then the connection's reading waits, and with it the
// sender: TCP does the rest.
const maxQueuedPackets = 256

// maxQueuedBytes is how many bytes of them may wait, but for the last.
const maxQueuedBytes = 16 << 20

// packetQueue is between the goroutine that reads a connection and the one that reads the stream. Once a sink
// is set nothing is queued any more: packets go to it straight from the reading goroutine.
type packetQueue struct {
	mu    sync.Mutex
	items []*media.Packet
	bytes int // of items
	sink  func(*media.Packet) error
	busy  bool  // the sink has a packet in its hands
	deaf  bool  // what comes is thrown away
	err   error // why there will be no more; nil while the stream lives
	taken int64 // packets that the sink took

	filled chan struct{} // holds a token when items, or err, may have come
	room   chan struct{} // holds a token when items were taken, or err came
}

func (q *packetQueue) init() {
	q.filled = make(chan struct{}, 1)
	q.room = make(chan struct{}, 1)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// put hands p on. It blocks while the queue is full, until ctx is done; after the end, and while the queue is deaf, packets
// are thrown away. Only the reading goroutine calls it.
func (q *packetQueue) put(ctx context.Context, p *media.Packet) {
	for {
		q.mu.Lock()
		sink, full, over := q.sink, len(q.items) >= maxQueuedPackets || q.bytes >= maxQueuedBytes, q.err != nil || q.deaf
		q.busy = sink != nil && !over
		if sink == nil && !full && !over {
			q.items = append(q.items, p)
			q.bytes += len(p.Body)
		}
		q.mu.Unlock()
		switch {
		case over:
			return
		case sink != nil:
			q.give(sink, p)
			return
		case !full:
			signal(q.filled)
			return
		}
		select {
		case <-q.room:
		case <-ctx.Done():
			return
		}
	}
}

// give hands p to the sink, which may panic.
func (q *packetQueue) give(sink func(*media.Packet) error, p *media.Packet) {
	err := errSinkPanicked
	defer func() { q.took(err) }()
	err = sink(p)
}

// took notes what the sink made of a packet.
func (q *packetQueue) took(err error) {
	q.mu.Lock()
	q.busy = false
	if err == nil {
		q.taken++
	} else if q.err == nil {
		q.err = err
	}
	over := q.err != nil
	q.mu.Unlock()
	if over {
		signal(q.filled)
	}
}

// end makes err what the reader gets after the packets that wait. The first call counts.
func (q *packetQueue) end(err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
	}
	q.mu.Unlock()
	signal(q.filled)
	signal(q.room)
}

// cause returns why there will be no more packets; nil while the stream lives.
func (q *packetQueue) cause() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// get returns the next packet, or io.EOF after a clean end. What has come before the end is never lost to ctx, which the end of the
// connection cancels too.
func (q *packetQueue) get(ctx context.Context) (*media.Packet, error) {
	for done := false; ; {
		q.mu.Lock()
		var p *media.Packet
		if len(q.items) > 0 {
			p = q.items[0]
			q.items[0] = nil
			q.items = q.items[1:]
			q.bytes -= len(p.Body)
		}
		err := q.err
		q.mu.Unlock()
		switch {
		case p != nil:
			signal(q.room)
			return p, nil
		case errors.Is(err, errCleanEnd):
			return nil, io.EOF
		case err != nil:
			return nil, err
		case done:
			return nil, context.Cause(ctx)
		}
		select {
		case <-q.filled:
		case <-ctx.Done():
			done = true
		}
	}
}

// drainTo writes what waits to w, makes w the sink and waits for the end. w is left alone when it returns.
func (q *packetQueue) drainTo(ctx context.Context, w media.Writer) (n int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		q.mu.Lock()
		if len(q.items) == 0 {
			q.sink = func(p *media.Packet) error { return w.WritePacket(ctx, p) }
			q.mu.Unlock()
			break
		}
		q.mu.Unlock()
		p, err := q.get(ctx)
		if err != nil {
			return n, err
		}
		if err := w.WritePacket(ctx, p); err != nil {
			return n, err
		}
		n++
	}
	signal(q.room)
	_, err = q.get(ctx)
	cancel()
	n += q.closeSink(err)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// deafen throws away what waits and what comes, until hear.
func (q *packetQueue) deafen() {
	q.mu.Lock()
	q.deaf = true
	clear(q.items)
	q.items, q.bytes = nil, 0
	q.mu.Unlock()
	signal(q.room)
}

// hear ends what deafen has begun, and reports whether that was so.
func (q *packetQueue) hear() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := q.deaf
	q.deaf = false
	return was
}

// revive takes a clean end back: the sender goes on.
func (q *packetQueue) revive() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if errors.Is(q.err, errCleanEnd) {
		q.err = nil
	}
}

// closeSink takes the sink away, waits until it is idle, and returns how many packets it took.
func (q *packetQueue) closeSink(err error) int64 {
	for {
		q.mu.Lock()
		if q.err == nil {
			q.err = err
		}
		busy, taken := q.busy, q.taken
		if !busy {
			q.sink, q.taken = nil, 0
		}
		q.mu.Unlock()
		if !busy {
			return taken
		}
		<-q.filled
	}
}

// receiver turns the media messages of one stream into packets. Only the reading goroutine uses it.
type receiver struct {
	timeline media.Timeline
	packets  []*media.Packet // reused between messages
}

// receive parses a media message and hands its packets to put. Malformed ones are relayed as they are or
// dropped, with a line in the debug log; they never end the stream.
func (r *receiver) receive(c *Conn, m *chunk.Message, now time.Time, put func(*media.Packet)) {
	if message.Type(m.Type) == message.TypeAggregate {
		subs, err := message.Aggregate{Body: m.Body}.Split(m.Timestamp)
		if err != nil {
			c.logger.Debug("aggregate message damaged", "err", err)
		}
		for _, sub := range subs {
			// A copy, as a packet must not keep the whole message: what is dropped of that, nobody counts.
			r.one(c, flv.TagType(sub.Type), sub.Timestamp, bytes.Clone(sub.Body), now, put)
		}
		return
	}
	r.one(c, flv.TagType(m.Type), m.Timestamp, m.Body, now, put)
}

// time returns where a message stands on the timeline. Metadata in mid-stream often says 0 and means now.
func (r *receiver) time(t flv.TagType, timestamp uint32) time.Duration {
	if timestamp == 0 && t != flv.TagAudio && t != flv.TagVideo {
		return r.timeline.Position()
	}
	return r.timeline.Unwrap(timestamp)
}

func (r *receiver) one(c *Conn, t flv.TagType, timestamp uint32, body []byte, now time.Time, put func(*media.Packet)) {
	packets, err := flv.AppendPackets(r.packets[:0], t, r.time(t, timestamp), body)
	if err != nil {
		c.logger.Debug("media message damaged", "type", t, "err", err)
	}
	for i, p := range packets {
		packets[i] = nil
		if flv.IsNameless(p) {
			c.logger.Debug("data message ignored, it has no name", "bytes", len(p.Body))
			continue
		}
		p.Received = now
		put(p)
	}
	r.packets = packets[:0]
}
