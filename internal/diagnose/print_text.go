package diagnose

import (
	"fmt"
	"strings"

	"leat/amf"
	"leat/flv"
	"leat/internal/format/codec"
	"leat/internal/wire/message"
	"leat/rtmp"
)

// inBytes returns a number of bytes in words.
func inBytes[N int | uint32](n N) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

func mediaText(m *rtmp.TraceMessage, fr *frame, err error) string {
	kind := strings.ToLower(message.Type(m.Type).String())
	text := fmt.Sprintf("%s %.3f s, %s", kind, float64(m.Timestamp)/1000, inBytes(len(m.Body)))
	switch {
	case err != nil:
		return text + fmt.Sprintf(": it cannot be read: %v", err)
	case len(m.Body) == 0:
		return text + ": empty"
	case fr.codec == 0:
		text += fmt.Sprintf(", codec %d", fr.number)
	default:
		text += ", " + codec.Name(fr.codec)
	}
	switch {
	case fr.config:
		text += ", sequence header" + configText(m)
	case fr.coded && fr.key && kind == "video":
		text += ", key frame"
	}
	if fr.offset != 0 {
		text += fmt.Sprintf(", shown %d ms later", fr.offset)
	}
	if fr.track != 0 {
		text += fmt.Sprintf(", track %d", fr.track)
	}
	return text
}

func configText(m *rtmp.TraceMessage) string {
	tag := flv.TagAudio
	if message.Type(m.Type) == message.TypeVideo {
		tag = flv.TagVideo
	}
	packets, err := flv.AppendPackets(nil, tag, 0, m.Body)
	if err != nil || len(packets) == 0 {
		return ""
	}
	info, err := codec.Describe(packets[0])
	if err != nil {
		return fmt.Sprintf(" that cannot be read: %v", err)
	}
	return ": " + info.String()
}

// namesStream are the commands whose first argument is a stream key.
func namesStream(command string) bool {
	switch command {
	case "publish", "play", "releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe", "getStreamLength":
		return true
	}
	return false
}

// describe says what a message that is neither audio nor video is.
func (p *Printer) describe(m *rtmp.TraceMessage) string {
	typ := message.Type(m.Type)
	if typ == message.TypeAggregate {
		return fmt.Sprintf("%v, %s", typ, inBytes(len(m.Body)))
	}
	parsed, err := message.Parse(typ, m.Body, amf.Limits{})
	if parsed == nil {
		return fmt.Sprintf("%v of %s cannot be decoded: %v", typ, inBytes(len(m.Body)), err)
	}
	switch v := parsed.(type) {
	case *message.SetChunkSize:
		return fmt.Sprintf("%v %d", typ, v.Size)
	case *message.Abort:
		return fmt.Sprintf("%v chunk stream %d", typ, v.ChunkStreamID)
	case *message.Acknowledgement:
		return fmt.Sprintf("%v %s", typ, inBytes(v.SequenceNumber))
	case *message.WindowAckSize:
		return fmt.Sprintf("%v %d", typ, v.Size)
	case *message.SetPeerBandwidth:
		return fmt.Sprintf("%v %d, %v", typ, v.Size, v.Limit)
	case *message.UserControl:
		return userControlText(v)
	case *message.Command:
		return p.commandText(v)
	case *message.Data:
		return p.dataText(v)
	case *message.SharedObject:
		return fmt.Sprintf("%v %s, %d events", typ, printable(p.masked(v.Name)), len(v.Events))
	}
	return fmt.Sprintf("%v, %s", typ, inBytes(len(m.Body)))
}

func userControlText(v *message.UserControl) string {
	switch v.Event {
	case message.EventSetBufferLength:
		return fmt.Sprintf("%v of stream %d: %d ms", v.Event, v.Value, v.BufferLength)
	case message.EventPingRequest, message.EventPingResponse:
		return fmt.Sprintf("%v %d", v.Event, v.Value)
	}
	if len(v.Data) > 0 {
		return fmt.Sprintf("%v, %s", v.Event, inBytes(len(v.Data)))
	}
	return fmt.Sprintf("%v, stream %d", v.Event, v.Value)
}

func (p *Printer) commandText(v *message.Command) string {
	if namesStream(v.Name) && len(v.Args) > 0 {
		if key, ok := v.Args[0].(string); ok {
			p.hide(key)
		}
	}
	var b strings.Builder
	name := v.Name
	if !isWord(name) {
		name = printable(name)
	}
	fmt.Fprintf(&b, "%s #%g", name, v.TransactionID)
	if v.Object != nil {
		b.WriteByte(' ')
		p.appendValue(&b, v.Object, 0)
	}
	for _, a := range v.Args[:min(len(v.Args), maxValues)] {
		b.WriteByte(' ')
		p.appendValue(&b, a, 0)
	}
	return b.String()
}

func (p *Printer) dataText(v *message.Data) string {
	values, err := amf.Decode(v.Body, amf.Limits{})
	var b strings.Builder
	b.WriteString("data")
	for _, a := range values[:min(len(values), maxValues)] {
		b.WriteByte(' ')
		if s, ok := a.(string); ok {
			b.WriteString(p.masked(s))
			continue
		}
		p.appendValue(&b, a, 0)
	}
	if err != nil {
		fmt.Fprintf(&b, " … the rest cannot be decoded: %v", err)
	}
	return b.String()
}
