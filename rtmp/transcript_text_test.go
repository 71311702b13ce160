package rtmp_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// The text form of a message in a transcript is
//
//	[msid=N] [csid=N] [ts=N] [type=N] what
//
// where what is one of
//
//	SetChunkSize N          Abort CSID           Acknowledgement N
//	WindowAckSize N         SetPeerBandwidth N hard|soft|dynamic
//	StreamBegin ID          StreamEOF ID         StreamDry ID      StreamIsRecorded ID
//	SetBufferLength ID MS   PingRequest N        PingResponse N    BufferEmpty ID
//	audio HEX               video HEX            data AMF…
//	body HEX                a message of the type= given
//	name AMF…               a command: its name, in quotes if it needs them, and its values
//
// AMF values are written as numbers, "strings", true, false, null, undefined, {name: value}, ecma{name: value} and
// [value]. The message stream is 0, the chunk stream that of the kind, and the timestamp 0, unless it says otherwise.

// userControlNames are the events that have a text form.
var userControlNames = []message.Event{
	message.EventStreamBegin, message.EventStreamEOF, message.EventStreamDry, message.EventSetBufferLength,
	message.EventStreamIsRecorded, message.EventPingRequest, message.EventPingResponse, message.EventBufferEmpty,
}

var limitNames = map[string]message.LimitType{"hard": message.LimitHard, "soft": message.LimitSoft, "dynamic": message.LimitDynamic}

// usualCSID is the chunk stream that a message of its kind travels on, if the text does not say another.
func usualCSID(t message.Type, msid uint32) uint32 {
	switch t {
	case message.TypeAudio:
		return 4
	case message.TypeVideo:
		return 6
	case message.TypeDataAMF0, message.TypeDataAMF3:
		return 5
	case message.TypeCommandAMF0, message.TypeCommandAMF3:
		if msid != 0 {
			return 8
		}
		return 3
	}
	return 2
}

// parseMessage reads the text form of a message.
func parseMessage(text string) (*chunk.Message, error) {
	m := &chunk.Message{}
	var typ, csid uint64
	for {
		word, rest, _ := strings.Cut(text, " ")
		key, value, ok := strings.Cut(word, "=")
		if !ok || strings.HasPrefix(word, `"`) {
			break
		}
		n, err := strconv.ParseUint(value, 0, 32)
		if err != nil {
			return nil, err
		}
		switch key {
		case "msid":
			m.StreamID = uint32(n)
		case "csid":
			csid = n
		case "ts":
			m.Timestamp = uint32(n)
		case "type":
			typ = n
		default:
			return nil, fmt.Errorf("there is no %q", key)
		}
		text = rest
	}
	t, body, err := parseBody(text)
	if err != nil {
		return nil, err
	}
	if typ != 0 {
		t = message.Type(typ)
	}
	if t == message.TypeCommandAMF3 || t == message.TypeDataAMF3 {
		body = append([]byte{0}, body...)
	}
	m.Type, m.Body, m.ChunkStreamID = uint8(t), body, uint32(csid)
	if csid == 0 {
		m.ChunkStreamID = usualCSID(t, m.StreamID)
	}
	return m, nil
}

// parseBody reads what a message says.
func parseBody(text string) (message.Type, []byte, error) {
	name, rest, _ := strings.Cut(text, " ")
	fields := strings.Fields(rest)
	number := func(i int) uint32 {
		if i >= len(fields) {
			return 0
		}
		n, err := strconv.ParseUint(fields[i], 0, 32)
		if err != nil {
			panic(err) // in a file of ours
		}
		return uint32(n)
	}
	typed := func(m message.Message) (message.Type, []byte, error) {
		body, err := message.Append(nil, m)
		return m.Type(), body, err
	}
	switch name {
	case "SetChunkSize":
		return typed(&message.SetChunkSize{Size: number(0)})
	case "Abort":
		return typed(&message.Abort{ChunkStreamID: number(0)})
	case "Acknowledgement":
		return typed(&message.Acknowledgement{SequenceNumber: number(0)})
	case "WindowAckSize":
		return typed(&message.WindowAckSize{Size: number(0)})
	case "SetPeerBandwidth":
		return typed(&message.SetPeerBandwidth{Size: number(0), Limit: limitNames[fields[1]]})
	case "audio", "video", "body":
		body, err := hex.DecodeString(strings.Join(fields, ""))
		return map[string]message.Type{"audio": message.TypeAudio, "video": message.TypeVideo}[name], body, err
	case "data":
		body, err := parseAMF(rest)
		return message.TypeDataAMF0, body, err
	}
	for _, e := range userControlNames {
		if name == e.String() {
			return typed(&message.UserControl{Event: e, Value: number(0), BufferLength: number(1)})
		}
	}
	if !strings.HasPrefix(name, `"`) {
		text = strconv.Quote(name) + " " + rest
	}
	body, err := parseAMF(text)
	return message.TypeCommandAMF0, body, err
}

// parseAMF encodes the values in text.
func parseAMF(text string) (body []byte, err error) {
	p := amfText{rest: text}
	for p.skip(); p.rest != ""; p.skip() {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		if body, err = amf.Append(body, v); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// amfText reads values from their text form.
type amfText struct{ rest string }

var errAMFText = errors.New("this is no value")

func (p *amfText) skip() { p.rest = strings.TrimLeft(p.rest, " ,") }

func (p *amfText) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

func (p *amfText) value() (any, error) {
	p.skip()
	switch {
	case p.take("null"):
		return nil, nil //nolint:nilnil // null is a value
	case p.take("undefined"):
		return amf.Undefined{}, nil
	case p.take("true"):
		return true, nil
	case p.take("false"):
		return false, nil
	case p.take("ecma{"):
		return p.members(&amf.Object{ECMA: true})
	case p.take("{"):
		return p.members(&amf.Object{})
	case p.take("["):
		list := []any{}
		for p.skip(); !p.take("]"); p.skip() {
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case strings.HasPrefix(p.rest, `"`):
		quoted, err := strconv.QuotedPrefix(p.rest)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", errAMFText, p.rest)
		}
		p.rest = p.rest[len(quoted):]
		return strconv.Unquote(quoted)
	}
	end := strings.IndexAny(p.rest+" ", " ,]}")
	f, err := strconv.ParseFloat(p.rest[:end], 64)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errAMFText, p.rest)
	}
	p.rest = p.rest[end:]
	return f, nil
}

func (p *amfText) members(o *amf.Object) (any, error) {
	for p.skip(); !p.take("}"); p.skip() {
		name, rest, ok := strings.Cut(p.rest, ":")
		if !ok {
			return nil, fmt.Errorf("%w: %s", errAMFText, p.rest)
		}
		p.rest = rest
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		o.Members = append(o.Members, amf.Member{Name: name, Value: v})
	}
	return o, nil
}

// formatMessage is the inverse of parseMessage.
func formatMessage(m *chunk.Message) string {
	t := message.Type(m.Type)
	var b strings.Builder
	if m.StreamID != 0 {
		fmt.Fprintf(&b, "msid=%d ", m.StreamID)
	}
	if m.ChunkStreamID != usualCSID(t, m.StreamID) {
		fmt.Fprintf(&b, "csid=%d ", m.ChunkStreamID)
	}
	if m.Timestamp != 0 {
		fmt.Fprintf(&b, "ts=%d ", m.Timestamp)
	}
	body := m.Body
	if t == message.TypeCommandAMF3 || t == message.TypeDataAMF3 {
		fmt.Fprintf(&b, "type=%d ", m.Type)
		body = body[min(1, len(body)):]
	}
	parsed, err := message.Parse(t, m.Body, amf.Limits{})
	if err != nil {
		return b.String() + fmt.Sprintf("type=%d body %x # %v", m.Type, m.Body, err)
	}
	switch v := parsed.(type) {
	case *message.SetChunkSize:
		fmt.Fprintf(&b, "SetChunkSize %d", v.Size)
	case *message.Abort:
		fmt.Fprintf(&b, "Abort %d", v.ChunkStreamID)
	case *message.Acknowledgement:
		fmt.Fprintf(&b, "Acknowledgement %d", v.SequenceNumber)
	case *message.WindowAckSize:
		fmt.Fprintf(&b, "WindowAckSize %d", v.Size)
	case *message.SetPeerBandwidth:
		fmt.Fprintf(&b, "SetPeerBandwidth %d %s", v.Size, [...]string{"hard", "soft", "dynamic"}[v.Limit])
	case *message.UserControl:
		fmt.Fprintf(&b, "%v %d", v.Event, v.Value)
		if v.Event == message.EventSetBufferLength {
			fmt.Fprintf(&b, " %d", v.BufferLength)
		}
	case *message.Audio:
		fmt.Fprintf(&b, "audio %x", v.Body)
	case *message.Video:
		fmt.Fprintf(&b, "video %x", v.Body)
	case *message.Data:
		b.WriteString("data" + formatAMF(body))
	case *message.Command:
		name := v.Name
		if strings.ContainsAny(name, ` ="`) {
			name = strconv.Quote(name)
		}
		b.WriteString(name + formatAMF(body[len(amf.AppendString(nil, v.Name)):]))
	default:
		fmt.Fprintf(&b, "type=%d body %x", m.Type, m.Body)
	}
	return b.String()
}

// formatAMF writes the values of a body, each behind a space.
func formatAMF(body []byte) string {
	values, err := amf.Decode(body, amf.Limits{})
	var b strings.Builder
	for _, v := range values {
		b.WriteByte(' ')
		formatValue(&b, v)
	}
	if err != nil {
		fmt.Fprintf(&b, " # %v", err)
	}
	return b.String()
}

func formatValue(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case amf.Undefined:
		b.WriteString("undefined")
	case string:
		b.WriteString(strconv.Quote(v))
	case float64:
		b.WriteString(strconv.FormatFloat(v, 'f', -1, 64))
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			formatValue(b, e)
		}
		b.WriteByte(']')
	case *amf.Object:
		if v.ECMA {
			b.WriteString("ecma")
		}
		b.WriteByte('{')
		for i, m := range v.Members {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(m.Name + ": ")
			formatValue(b, m.Value)
		}
		b.WriteByte('}')
	default:
		fmt.Fprintf(b, "%v", v)
	}
}
