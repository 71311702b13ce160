package rtmp

import "leat/internal/wire/message"

// backlog holds whole messages that a congested socket has no room for yet. What is in outbound.buf is committed: its order
// does not change any more. What is here goes out piece by piece behind it, in order, while control messages go straight to
// buf. So an answer to a ping or an acknowledgement waits for about one piece of media, and not for all that waits.
//
// Audio does not overtake video here: all of it will be sent, and receivers record it in the order in which it comes. What
// cannot all be sent is the fan-out's matter, which leaves out video and keeps audio. Guarded by outbound.mu.
type backlog struct {
	pieces [][]byte
	bytes  int
}

// congestion is how many committed bytes may wait before media goes to the backlog.
const congestion = 16 << 10

func (b *backlog) push(messages []byte) {
	b.pieces = append(b.pieces, messages)
	b.bytes += len(messages)
}

// pop returns the first messages; nil when there are none.
func (b *backlog) pop() []byte {
	if len(b.pieces) == 0 {
		return nil
	}
	first := b.pieces[0]
	b.pieces[0] = nil
	b.pieces = b.pieces[1:]
	b.bytes -= len(first)
	return first
}

// congested reports whether media must wait behind what is committed. Called with mu held.
func (o *outbound) congested() bool {
	return o.backlog.bytes > 0 || len(o.buf)+o.inFlight > congestion
}

// isCongested is congested for who does not hold mu.
func (o *outbound) isCongested() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.congested()
}

// pending returns how many bytes wait. Called with mu held.
func (o *outbound) pending() int { return len(o.buf) + o.inFlight + o.backlog.bytes }

// refill commits the next of the backlog once all that was committed before has been taken, and reports whether there is
// anything to send. Called with mu held.
func (o *outbound) refill() bool {
	if len(o.buf) > 0 {
		return true
	}
	for len(o.buf) < congestion {
		next := o.backlog.pop()
		if next == nil {
			break
		}
		o.add(append(o.buf, next...))
	}
	return len(o.buf) > 0
}

// isUrgent reports whether a message means the same wherever it stands among the others. Set Chunk Size, Abort, events of a
// stream and commands do not.
func isUrgent(m message.Message) bool {
	switch m := m.(type) {
	case *message.Acknowledgement, *message.WindowAckSize, *message.SetPeerBandwidth:
		return true
	case *message.UserControl:
		return m.Event == message.EventPingRequest || m.Event == message.EventPingResponse
	}
	return false
}
