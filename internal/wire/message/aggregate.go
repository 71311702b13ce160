package message

import "fmt"

// Aggregate holds several messages, laid out as the tags of an FLV file (RTMP 7.1.6):
//
//	type 8, size 24, timestamp 24, upper 8 bits of timestamp, stream ID 24, body, back pointer 32
//
// The back pointer is the size of what stands before it in the tag, 11 + size.
type Aggregate struct {
	Body []byte
}

// Sub is one message of an Aggregate. Its message stream is that of the aggregate.
type Sub struct {
	Type      Type
	Timestamp uint32 // milliseconds
	Body      []byte
}

const (
	tagHeaderSize = 11
	maxTagSize    = 1<<24 - 1
	// maxSubs bounds the messages of one aggregate. Real ones hold some dozens.
	maxSubs = 1 << 16
)

// Type returns TypeAggregate.
func (*Aggregate) Type() Type { return TypeAggregate }

// Split returns the messages of the aggregate, whose own timestamp is given. Theirs are moved by what the
// first differs from it (RTMP 7.1.6). The bodies share the memory of a.Body.
//
// The value of a back pointer does not matter, and the last one may be missing. On error, an *Error, the
// messages that stand complete before the fault are returned, too. An aggregate within the aggregate is
// a fault, and so are more than 65,536 messages.
func (a Aggregate) Split(timestamp uint32) ([]Sub, error) {
	var subs []Sub
	var offset uint32
	for c := cursor(a.Body); len(c) > 0; {
		sub, err := c.sub()
		switch {
		case err != nil:
			return subs, &Error{Type: TypeAggregate, Reason: "it ends within a message", Err: err}
		case sub.Type == TypeAggregate:
			return subs, &Error{Type: TypeAggregate, Reason: "it holds another aggregate"}
		case len(subs) == maxSubs:
			return subs, &Error{Type: TypeAggregate, Reason: fmt.Sprintf("it holds more than %d messages", maxSubs)}
		case len(subs) == 0:
			offset = timestamp - sub.Timestamp
		}
		sub.Timestamp += offset
		subs = append(subs, sub)
	}
	return subs, nil
}

// sub reads one message with its back pointer.
func (c *cursor) sub() (Sub, error) {
	head, err := c.take(tagHeaderSize)
	if err != nil {
		return Sub{}, err
	}
	body, err := c.take(int(uint24(head[1:])))
	if err != nil {
		return Sub{}, err
	}
	*c = (*c)[min(4, len(*c)):]
	return Sub{Type: Type(head[0]), Timestamp: uint24(head[4:]) | uint32(head[7])<<24, Body: body}, nil
}

// AppendAggregate appends the body of an Aggregate of the given messages to dst and returns the extended slice.
// The aggregate must be sent with the timestamp of the first, or a receiver moves all of them. It fails, and
// returns dst as it was, if a body is longer than 16,777,215 bytes.
func AppendAggregate(dst []byte, subs ...Sub) ([]byte, error) {
	out := dst
	for _, s := range subs {
		if len(s.Body) > maxTagSize {
			return dst, fmt.Errorf("message: %v message of %d bytes is too long for an aggregate", s.Type, len(s.Body))
		}
		out = append(out, byte(s.Type))
		out = appendUint24(out, uint32(len(s.Body)))
		out = appendUint24(out, s.Timestamp)
		out = append(out, byte(s.Timestamp>>24), 0, 0, 0)
		out = append(out, s.Body...)
		out = appendUint32(out, tagHeaderSize+uint32(len(s.Body)))
	}
	return out, nil
}
