package mp4

import (
	"encoding/binary"
	"errors"
	"time"

	"leat/amf"
	"leat/flv"
	"leat/internal/format"
	"leat/media"
)

// errTorn says that a sample's NAL units do not fit it.
var errTorn = errors.New("mp4: NAL units do not fit their sample")

// header returns the sequence header of an entry, or nil if its codec has none.
func (t *track) header(e *entry, at time.Duration) *media.Packet {
	if e.config == nil {
		return nil
	}
	p := &media.Packet{Kind: t.kind, Track: t.number, Codec: e.codec, Timestamp: at, Config: true}
	fill(p, t.appendFront(nil, e, p, nil), e.config)
	return p
}

// fill sets the body, which is front and data.
func fill(p *media.Packet, front, data []byte) {
	p.Body = append(front, data...)
	p.Data = p.Body[len(front):]
}

// frame reads a sample.
func (t *track) frame(in format.Input, s *sample, at, offset time.Duration) (*media.Packet, error) {
	e := &t.entries[s.entry]
	p := &media.Packet{Kind: t.kind, Track: t.number, Codec: e.codec, Timestamp: at}
	if t.kind == media.Video {
		p.Offset, p.Key = offset, s.key
	}
	const longestFront = 16
	body := make([]byte, longestFront+int(s.size))
	data := body[longestFront:]
	if err := readFull(in, data, s.offset); err != nil {
		return nil, err
	}
	if t.kind == media.Data {
		return t.text(p, data), nil
	}
	if e.nalSize != 0 && e.nalSize != 4 {
		var err error
		if data, err = withLongLengths(data, e.nalSize); err != nil {
			return nil, err
		}
		fill(p, t.appendFront(nil, e, p, data), data)
		return p, nil
	}
	var room [longestFront]byte
	front := t.appendFront(room[:0], e, p, data)
	p.Body = body[longestFront-len(front):]
	copy(p.Body, front)
	p.Data = data
	return p, nil
}

// appendFront appends what stands in front of the data in the body of a tag.
func (t *track) appendFront(dst []byte, e *entry, p *media.Packet, data []byte) []byte {
	var err error
	if t.kind == media.Video {
		dst, err = flv.AppendVideoHeader(dst, videoHeader(e, p))
	} else {
		dst, err = flv.AppendAudioHeader(dst, audioHeader(e, p, data))
	}
	if err != nil {
		panic("mp4: " + err.Error()) // all that is put into the header fits it
	}
	return dst
}

func videoHeader(e *entry, p *media.Packet) *flv.VideoHeader {
	h := &flv.VideoHeader{
		FrameType: flv.FrameInter, FourCC: e.codec, Multitrack: p.Track > 0, TrackID: p.Track,
		CompositionTime: int32(p.Offset.Milliseconds()),
	}
	if p.Key || p.Config {
		h.FrameType = flv.FrameKey
	}
	if p.Track == 0 && e.codec == media.CodecAVC {
		h.CodecID, h.AVCPacketType = flv.VideoAVC, flv.AVCNALU
		if p.Config {
			h.AVCPacketType = flv.AVCSequenceHeader
		}
		return h
	}
	h.Enhanced, h.PacketType = true, flv.VideoCodedFrames
	switch {
	case p.Config:
		h.PacketType = flv.VideoSequenceStart
	case e.nalSize == 0:
		h.CompositionTime = 0 // no field for it: these codecs show frames as they are decoded
	case h.CompositionTime == 0:
		h.PacketType = flv.VideoCodedFramesX
	}
	return h
}

func audioHeader(e *entry, p *media.Packet, data []byte) *flv.AudioHeader {
	switch {
	case p.Track == 0 && e.codec == media.CodecAAC:
		h := &flv.AudioHeader{
			SoundFormat: flv.SoundAAC, SoundRate: flv.SoundRate44kHz, SixteenBit: true, Stereo: true,
			AACPacketType: flv.AACRaw,
		}
		if p.Config {
			h.AACPacketType = flv.AACSequenceHeader
		}
		return h
	case p.Track == 0 && e.codec == media.CodecMP3:
		return mp3Header(data)
	}
	h := &flv.AudioHeader{
		Enhanced: true, FourCC: e.codec, PacketType: flv.AudioCodedFrames,
		Multitrack: p.Track > 0, TrackID: p.Track,
	}
	if p.Config {
		h.PacketType = flv.AudioSequenceStart
	}
	return h
}

// mp3Header returns what the legacy header says of an MP3 frame. MPEG-1 has rates of 32 to 48 kHz, MPEG-2 half of
// them and MPEG-2.5 a quarter; 8 kHz has a format of its own.
func mp3Header(frame []byte) *flv.AudioHeader {
	h := &flv.AudioHeader{SoundFormat: flv.SoundMP3, SoundRate: flv.SoundRate44kHz, SixteenBit: true, Stereo: true}
	if len(frame) < 4 {
		return h
	}
	h.Stereo = frame[3]>>6 != 3
	switch version, rate := frame[1]>>3&3, frame[2]>>2&3; {
	case version == 2:
		h.SoundRate = flv.SoundRate22kHz
	case version == 0 && rate == 2:
		h.SoundFormat, h.SoundRate = flv.SoundMP3At8kHz, flv.SoundRate5kHz
	case version == 0:
		h.SoundRate = flv.SoundRate11kHz
	}
	return h
}

// withLongLengths returns a sample whose NAL units have lengths of four bytes instead of size.
func withLongLengths(b []byte, size int) ([]byte, error) {
	out := make([]byte, 0, len(b)+len(b)/8)
	for len(b) > 0 {
		if len(b) < size {
			return nil, errTorn
		}
		n := 0
		for _, c := range b[:size] {
			n = n<<8 | int(c)
		}
		b = b[size:]
		if n > len(b) {
			return nil, errTorn
		}
		out = binary.BigEndian.AppendUint32(out, uint32(n))
		out = append(out, b[:n]...)
		b = b[n:]
	}
	return out, nil
}

// text makes p an onTextData message of a sample of timed text (3GPP TS 26.245 5.17): UI16 length, text, styles. An
// empty text takes the last one off the screen. It returns nil for a sample that is damaged.
func (t *track) text(p *media.Packet, b []byte) *media.Packet {
	f := fields{b: b}
	text := f.bytes(int(f.u16()))
	if f.short {
		return nil
	}
	const name = "onTextData"
	object := amf.NewObject("text", string(text), "language", t.language, "trackid", float64(t.id))
	front := amf.AppendString(nil, name)
	body, err := amf.Append(front, object)
	if err != nil {
		return nil
	}
	p.Name, p.Body, p.Data = name, body, body[len(front):]
	p.Track = 0
	return p
}
