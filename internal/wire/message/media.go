package message

import (
	"encoding/binary"
	"fmt"
)

// Audio carries the body of an FLV audio tag (RTMP 7.1.4).
type Audio struct {
	Body []byte // empty: the sound pauses, the clock runs on (E-RTMP v2, Audio message)
}

// Video carries the body of an FLV video tag (RTMP 7.1.5).
type Video struct {
	Body []byte // empty: to be ignored
}

// Data carries a handler name and its arguments, such as onMetaData (RTMP 7.1.2).
type Data struct {
	// AMF3 chooses type 15 instead of 18. It may only be sent to a peer that agreed to object encoding 3.
	AMF3 bool
	// Body holds AMF0 values, of which with AMF3 any may be AMF3 behind the marker 0x11. The format selector that
	// type 15 has in front of them is not part of it.
	Body []byte
}

// Opaque is a message of a type that this package does not know. It should be ignored, or passed on.
type Opaque struct {
	MessageType Type
	Body        []byte
}

// Type returns TypeAudio.
func (*Audio) Type() Type { return TypeAudio }

// Type returns TypeVideo.
func (*Video) Type() Type { return TypeVideo }

// Type returns TypeDataAMF3 or TypeDataAMF0.
func (m *Data) Type() Type { return choose(m.AMF3, TypeDataAMF3, TypeDataAMF0) }

// Type returns MessageType.
func (m *Opaque) Type() Type { return m.MessageType }

func parseData(t Type, body []byte) (Message, error) {
	if t == TypeDataAMF0 {
		return &Data{Body: body}, nil
	}
	body, err := withoutSelector(t, body)
	if err != nil {
		return nil, err
	}
	return &Data{AMF3: true, Body: body}, nil
}

func (m *Data) append(dst []byte) []byte {
	if m.AMF3 {
		dst = append(dst, formatAMF0)
	}
	return append(dst, m.Body...)
}

// formatAMF0 is the only format selector in use: AMF0 values follow.
const formatAMF0 = 0

// markerString begins an AMF0 string, with which the bodies of data and commands begin (AMF0 2.4).
const markerString = 2

// withoutSelector cuts off the format selector of types 15 and 17. Some Flash builds leave it out: a body that
// begins with a string that fits into it has none.
func withoutSelector(t Type, body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, tooShort(t, body)
	}
	switch {
	case body[0] == formatAMF0:
		return body[1:], nil
	case body[0] == markerString && len(body) >= 3 && int(binary.BigEndian.Uint16(body[1:])) <= len(body)-3:
		return body, nil
	default:
		return nil, &Error{Type: t, Reason: fmt.Sprintf("format %d is unknown", body[0])}
	}
}
