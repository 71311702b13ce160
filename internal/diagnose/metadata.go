package diagnose

import (
	"bytes"
	"math"

	"leat/amf"
	"leat/flv"
	"leat/internal/format/codec"
	"leat/internal/wire/message"
	"leat/media"
	"leat/rtmp"
)

// metadata is what onMetaData says, as far as it can be compared.
type metadata struct {
	seen          bool
	width, height float64
	frameRate     float64
	bits          float64 // per second, of audio and video together; 0: not said
	video, audio  bool    // announced
	videoCodec    any     // number or text
	compared      bool    // the frame rate
}

// data looks at a data message.
func (f *flow) data(m *rtmp.TraceMessage) {
	tag := flv.TagScript
	if message.Type(m.Type) == message.TypeDataAMF3 {
		tag = flv.TagScriptAMF3
	}
	packets, err := flv.AppendPackets(nil, tag, 0, m.Body)
	if err != nil {
		f.report(BodyMalformed, m, "a data message cannot be read: %v", err)
		return
	}
	if len(packets) == 0 || packets[0].Name != media.NameMetadata {
		return
	}
	values, _ := amf.Decode(packets[0].Data, amf.Limits{}) // as far as it goes
	if len(values) == 0 {
		return
	}
	obj, _ := values[0].(*amf.Object)
	if f.from == FromClient && !bytes.Contains(m.Body[:min(len(m.Body), 64)], []byte("@setDataFrame")) {
		f.report(MetadataPlain, m, "onMetaData comes without @setDataFrame: a few servers then do not keep it for players that join later")
	}
	f.metadata.read(obj)
	f.compareSize()
	f.compareCodec()
}

func (d *metadata) read(obj *amf.Object) {
	*d = metadata{seen: true}
	number := func(name string) float64 {
		n, _ := obj.Number(name)
		return n
	}
	d.width, d.height = number("width"), number("height")
	d.frameRate = number("framerate")
	if d.frameRate == 0 {
		d.frameRate = number("videoframerate")
	}
	if v := number("videodatarate"); v > 0 {
		d.bits = 1000 * (v + number("audiodatarate"))
	}
	d.videoCodec, d.video = obj.Get("videocodecid")
	if n, isNumber := d.videoCodec.(float64); isNumber && n == 0 {
		d.video = false
	}
	audio, ok := obj.Get("audiocodecid")
	d.audio = ok && audio != nil
}

// compareSize holds the picture size against the sequence header's.
func (f *flow) compareSize() {
	d, v := &f.metadata, &f.video
	if !d.seen || !v.described || v.info.Width == 0 || d.width == 0 || d.height == 0 {
		return
	}
	const cropping = 16
	if math.Abs(d.width-float64(v.info.Width)) >= cropping || math.Abs(d.height-float64(v.info.Height)) >= cropping {
		f.s.report(MetadataSize, f.from, f.streamID, v.raw, "onMetaData says %.0fx%.0f, and the video is %dx%d: players open a window of the wrong shape", d.width, d.height, v.info.Width, v.info.Height)
	}
}

// compareCodec holds the video codec against what metadata says: a number of FLV, a FourCC as a number, or a name.
func (f *flow) compareCodec() {
	n, ok := f.metadata.videoCodec.(float64)
	if !ok || !f.video.seen || f.video.codec == 0 || n == 0 || n != math.Trunc(n) || n < 0 || n > math.MaxUint32 {
		return
	}
	said := media.FourCC(uint32(n))
	if n < 256 {
		said = flv.VideoCodecID(n).FourCC()
	}
	if said != f.video.codec {
		f.s.report(MetadataCodec, f.from, f.streamID, f.video.raw, "onMetaData says video codec %.0f, and %s comes: players that believe it open the wrong decoder", n, codec.Name(f.video.codec))
	}
}

// compareBits holds a bit rate against what metadata says.
func (f *flow) compareBits(t *track, rate float64, m *rtmp.TraceMessage) {
	const times = 3
	if d := &f.metadata; t.kind == media.Video && d.bits > 0 && rate > times*d.bits {
		f.report(MetadataBits, m, "%.0f kbit/s come, and onMetaData says %.0f: players and networks that count on it are overrun", rate/1000, d.bits/1000)
	}
}

// compareFrames holds the frame rate against what metadata says, once.
func (f *flow) compareFrames(t *track, m *rtmp.TraceMessage) {
	d := &f.metadata
	if t.kind != media.Video {
		return
	}
	if !d.seen && f.from == FromClient {
		f.report(MetadataMissing, m, "there is no onMetaData: players do not know size and codecs before they decode; some show nothing")
	}
	fps := t.frameRate()
	if d.compared || d.frameRate <= 0 || fps == 0 {
		return
	}
	d.compared = true
	if ratio := fps / d.frameRate; ratio < 0.8 || ratio > 1.25 {
		f.report(MetadataRate, m, "onMetaData says %.4g frames a second, and %.4g come: the encoder drops frames, or says what it was asked for", d.frameRate, fps)
	}
}

// frameRate is frames per second; 0 when it is not known.
func (t *track) frameRate() float64 {
	if t.frames < 2 || t.last <= t.begun {
		return 0
	}
	return float64(t.frames-1) / (t.last - t.begun).Seconds()
}
