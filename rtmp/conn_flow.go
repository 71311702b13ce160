package rtmp

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// minPeerWindow is the least that a peer can make us hold our output to. Below it a single key frame would wait
// for several acknowledgements.
const minPeerWindow = 64 << 10

// defaultWindow is the Window Acknowledgement Size and the peer bandwidth that this end announces, bytes.
const defaultWindow = 2_500_000

// flow counts bytes for acknowledgements both ways (RTMP 5.4.3–5.4.5) and holds the round trip time.
type flow struct {
	// Receiving; only the reading goroutine uses these.
	ackWindow uint64 // the peer wants an Acknowledgement that often; 0: it has not said so
	ackSent   uint64

	mu         sync.Mutex
	sentWindow uint32 // the last Window Acknowledgement Size that we sent
	limit      uint64 // bytes that may be unacknowledged; 0: no limit was set
	hard       bool   // the last accepted limit type was hard
	acked      uint64 // bytes of ours that the peer has acknowledged, with wraps counted
	lastAck    uint32
	anyAck     bool

	pingAt    time.Duration // the connection's age at the last ping; zero before the first
	pingValue uint32        // what it said, and its answer will say
	pinging   atomic.Bool   // it has not been answered
	rtt       time.Duration
}

// acknowledge sends an Acknowledgement when the peer is due one. Half a window is as early as other
// servers send it; the peer must never have to wait for it.
func (c *Conn) acknowledge() error {
	f := &c.flow
	total := c.in.bytes.Load()
	if f.ackWindow == 0 || total-f.ackSent < max(1, f.ackWindow/2) {
		return nil
	}
	f.ackSent = total
	return c.send(0, &message.Acknowledgement{SequenceNumber: uint32(total)})
}

// control handles protocol control and user control messages, the same on both ends. Short ones are ignored.
func (c *Conn) control(m *chunk.Message) error {
	parsed, err := message.Parse(message.Type(m.Type), m.Body, c.limits.AMF)
	if err != nil {
		c.logger.Debug("control message ignored", "type", message.Type(m.Type), "err", err)
		return nil
	}
	switch v := parsed.(type) {
	case *message.Acknowledgement:
		c.flow.acknowledged(v.SequenceNumber, c.out.written())
		c.out.resume()
	case *message.WindowAckSize:
		c.flow.ackWindow = uint64(v.Size)
	case *message.SetPeerBandwidth:
		reply := c.flow.setPeerBandwidth(v)
		c.out.windowed.Store(true)
		if reply != nil {
			return c.send(0, reply)
		}
	case *message.UserControl:
		return c.userControl(v)
	}
	return nil
}

func (c *Conn) userControl(u *message.UserControl) error {
	switch u.Event {
	case message.EventPingRequest:
		return c.send(0, &message.UserControl{Event: message.EventPingResponse, Value: u.Value})
	case message.EventPingResponse:
		c.flow.pong(c.age(), u.Value)
		return nil
	}
	return c.side.userControl(c, u)
}

// acknowledged takes note of the peer's running total, which wraps at 2^32, when sent bytes have been sent. Only its steps are
// counted: peers begin to count before or behind the handshake, and some begin anew long before 2^32. At the first total, and
// at one that goes back, all that was sent counts as acknowledged: to hold back too little for a moment is harmless, to wait
// for bytes that the peer has forgotten is not.
func (f *flow) acknowledged(total uint32, sent uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delta := total - f.lastAck
	if f.anyAck && delta < 1<<31 {
		f.acked = min(f.acked+uint64(delta), sent)
	} else {
		f.acked = sent
	}
	f.lastAck, f.anyAck = total, true
}

// setPeerBandwidth applies RTMP 5.4.5 and returns the Window Acknowledgement Size to answer with, nil when it
// would repeat the last one.
func (f *flow) setPeerBandwidth(v *message.SetPeerBandwidth) message.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	size := uint64(v.Size)
	switch {
	case v.Limit == message.LimitHard || v.Limit == message.LimitDynamic && f.hard:
		f.limit, f.hard = size, true
	case v.Limit == message.LimitSoft:
		if f.limit == 0 || size < f.limit {
			f.limit = size
		}
		f.hard = false
	default: // dynamic without a hard limit before it, or a type that does not exist
		return nil
	}
	if v.Size == f.sentWindow || v.Size == 0 {
		return nil
	}
	f.sentWindow = v.Size
	return &message.WindowAckSize{Size: v.Size}
}

// window returns how many of the bytes after sent may go out now. Without a limit, or from a peer that has never
// acknowledged anything, it is everything: such a peer would wait for ever.
func (f *flow) window(sent uint64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.limit == 0 || !f.anyAck {
		return math.MaxInt
	}
	limit := max(f.limit, minPeerWindow)
	if used := sent - f.acked; used < limit {
		return int(limit - used)
	}
	return 0
}

func (f *flow) roundTrip() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rtt
}
