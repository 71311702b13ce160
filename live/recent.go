package live

import "leat/media"

// Recent is a packet that a stream's ring holds.
type Recent struct {
	Packet  *media.Packet   // shared, not to be changed
	Number  uint64          // as in Item
	Headers []*media.Packet // in force at the packet, which may be one of them
	Start   bool            // a subscription can begin here
}

// Recent returns the packets of a stream that the ring still holds and whose numbers are higher than after, the oldest
// first, at most most of them. When live is false the stream is off the air. It is for who needs a look at a stream once; a
// Subscription is what follows one. Without one the numbers may begin at 1 again, when another publisher comes.
func (h *Hub) Recent(key media.Key, after uint64, most int) (list []Recent, live bool) {
	h.mu.Lock()
	s := h.streams[key]
	h.mu.Unlock()
	if s == nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.ring
	for n := max(r.tail, after); n < r.head && len(list) < most; n++ {
		e := r.at(n)
		list = append(list, Recent{e.packet, n + 1, e.state.headers, e.key})
	}
	return list, s.live
}
