package rtmp

import (
	"leat/amf"
	"leat/flv"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

// The chunk streams of media that servers send. They differ from those of conn_write.go, and every message on them begins
// with a full header, so that any message can follow any other.
const (
	csidAudio = 4
	csidData  = 5
	csidVideo = 6
)

// Encoder turns packets into chunked RTMP messages of one message stream. What it writes depends on its fields alone:
// the bytes can be sent to every player whose Outlet tells the same. Its methods may be called from several goroutines. They keep
// nothing of what they are given, and panic if ChunkSize is not one that RTMP has, or a Status holds a value without an AMF0 form.
type Encoder struct {
	StreamID  uint32
	ChunkSize uint32 // of the connection that the bytes are for, bytes, 1 to 2^31-1 (RTMP 5.4.1)
	// AMF3 says to send data messages that came as type 15 as type 15 again; else they are sent as type 18, in AMF0.
	AMF3 bool
	// Form is what a Fitter must have made of audio and video before Append.
	Form Form
}

// Append appends p as one message. A packet that removes stored data is nothing that players see.
func (e *Encoder) Append(dst []byte, p *media.Packet) []byte {
	m := chunk.Message{StreamID: e.StreamID, Timestamp: media.WireTime(p.Timestamp), Body: p.Body}
	switch p.Kind {
	case media.Audio:
		m.Type, m.ChunkStreamID = uint8(message.TypeAudio), csidAudio
	case media.Video:
		m.Type, m.ChunkStreamID = uint8(message.TypeVideo), csidVideo
	case media.Data:
		if p.Config && len(p.Body) == 0 {
			return dst
		}
		m.Type, m.ChunkStreamID = uint8(message.TypeDataAMF0), csidData
		if p.Config { // it is state, not an event: FFmpeg makes a subtitle stream of metadata that has a time
			m.Timestamp = 0
		}
		switch {
		case p.AMF3 && e.AMF3:
			m.Type = uint8(message.TypeDataAMF3)
			m.Body = append([]byte{0}, p.Body...)
		case p.AMF3:
			m.Body = flv.AMF0Body(p)
		}
	default:
		return dst
	}
	return chunk.AppendFull(dst, &m, e.ChunkSize)
}

// AppendStatus appends an onStatus command (RTMP 7.2.2).
func (e *Encoder) AppendStatus(dst []byte, s Status) []byte {
	return e.append(dst, &message.Command{Name: "onStatus", Args: []any{s.Object()}})
}

// AppendStreamBegin appends a Stream Begin event (RTMP 7.1.7).
func (e *Encoder) AppendStreamBegin(dst []byte) []byte {
	return e.append(dst, &message.UserControl{Event: message.EventStreamBegin, Value: e.StreamID})
}

// AppendStreamEOF appends a Stream EOF event (RTMP 7.1.7).
func (e *Encoder) AppendStreamEOF(dst []byte) []byte {
	return e.append(dst, &message.UserControl{Event: message.EventStreamEOF, Value: e.StreamID})
}

// AppendStreamIsRecorded appends a Stream Is Recorded event (RTMP 7.1.7).
func (e *Encoder) AppendStreamIsRecorded(dst []byte) []byte {
	return e.append(dst, &message.UserControl{Event: message.EventStreamIsRecorded, Value: e.StreamID})
}

// AppendBufferEmpty appends the event 31, with which Adobe's servers say that they have sent as much of a recording as the
// client buffers.
func (e *Encoder) AppendBufferEmpty(dst []byte) []byte {
	return e.append(dst, &message.UserControl{Event: message.EventBufferEmpty, Value: e.StreamID})
}

// AppendBufferReady appends the event 32, with which Adobe's servers say that they go on after event 31.
func (e *Encoder) AppendBufferReady(dst []byte) []byte {
	return e.append(dst, &message.UserControl{Event: message.EventBufferReady, Value: e.StreamID})
}

// AppendPlayStatus appends a data message onPlayStatus, which has its place among the packets.
func (e *Encoder) AppendPlayStatus(dst []byte, s Status) []byte {
	return e.append(dst, playStatus(s))
}

// AppendSampleAccess appends the data message that lets Flash take pictures of the stream.
func (e *Encoder) AppendSampleAccess(dst []byte) []byte {
	return e.append(dst, &message.Data{Body: sampleAccess()})
}

// playStatus makes the data message onPlayStatus.
func playStatus(s Status) *message.Data {
	body, err := amf.Append(amf.AppendString(nil, "onPlayStatus"), s.Object())
	if err != nil {
		panic("rtmp: " + err.Error()) // as append
	}
	return &message.Data{Body: body}
}

// AppendStreamDry appends a Stream Dry event (RTMP 7.1.7): the stream is silent.
func (e *Encoder) AppendStreamDry(dst []byte) []byte {
	return e.append(dst, &message.UserControl{Event: message.EventStreamDry, Value: e.StreamID})
}

func (e *Encoder) append(dst []byte, m message.Message) []byte {
	out, err := appendMessage(dst, outgoing{e.StreamID, m}, e.ChunkSize)
	if err != nil { // only values that have no AMF0 form
		panic("rtmp: " + err.Error())
	}
	return out
}
