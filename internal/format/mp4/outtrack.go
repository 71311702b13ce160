package mp4

import (
	"cmp"
	"time"

	"leat/amf"
	"leat/internal/format/codec"
	"leat/media"
)

// outTrack is a track of a file that is being written.
type outTrack struct {
	kind   media.Kind
	number uint8
	codec  media.FourCC
	config []byte     // Data of its header; nil if it has none
	info   codec.Info // what header and first frame say
	first  []byte     // Data of the first frame

	id        uint32 // in the file, from 1; 0 until that has begun
	timescale int64
	started   bool
	samples   []outSample // of the next fragment
	last      int64       // decoding time of the last sample
	duration  int64       // between the last two samples
	table     outTable    // of a progressive file
}

type outSample struct {
	dts  int64
	cts  int32
	key  bool
	data []byte
}

const (
	videoTimescale = 90000
	opusTimescale  = 48000 // Opus in ISO BMFF 4.3
)

// compareTracks is the order of tracks in a file: video before audio, each by its number on RTMP.
func compareTracks(a, b *outTrack) int {
	if a.kind != b.kind {
		return cmp.Compare(b.kind, a.kind)
	}
	return cmp.Compare(a.number, b.number)
}

// carried reports whether a Writer has a form for a codec.
func carried(kind media.Kind, c media.FourCC) bool {
	switch c {
	case media.CodecAVC, media.CodecHEVC, media.CodecVVC, media.CodecAV1, media.CodecVP9, media.CodecVP8:
		return kind == media.Video
	case media.CodecAAC, media.CodecOpus, media.CodecFLAC, media.CodecMP3, media.CodecAC3, media.CodecEAC3:
		return kind == media.Audio
	}
	return false
}

// needsHeader reports whether frames of a codec cannot be described without a sequence header. Those of the others
// say all themselves.
func needsHeader(c media.FourCC) bool {
	switch c {
	case media.CodecMP3, media.CodecAC3, media.CodecEAC3, media.CodecOpus:
		return false
	}
	return true
}

// learn takes note of what a header or frame says of the stream.
func (t *outTrack) learn(p *media.Packet) {
	if info, err := codec.Describe(p); err == nil {
		t.info = t.info.Merge(info)
	}
}

// scale returns the units in a second in which the times of the track are counted. In audio it is the sampling rate.
func (t *outTrack) scale() int64 {
	switch {
	case t.timescale != 0:
	case t.kind == media.Video:
		t.timescale = videoTimescale
	case t.codec == media.CodecOpus || t.info.SampleRate == 0:
		t.timescale = opusTimescale
	default:
		t.timescale = int64(t.info.SampleRate)
	}
	return t.timescale
}

// ticks returns d in units of the track, rounded to the nearest.
func (t *outTrack) ticks(d time.Duration) int64 {
	scale := t.scale()
	seconds, rest := int64(d/time.Second), int64(d%time.Second)
	if rest < 0 {
		seconds, rest = seconds-1, rest+int64(time.Second)
	}
	return seconds*scale + (rest*scale+int64(time.Second)/2)/int64(time.Second)
}

// add takes a frame. Its time is counted from base.
func (t *outTrack) add(p *media.Packet, base time.Duration) {
	dts := max(t.ticks(p.Timestamp-base), 0)
	pts := t.ticks(p.Timestamp + p.Offset - base)
	if t.started {
		dts = max(dts, t.last+1)
		t.duration = dts - t.last
	} else {
		t.started, t.first = true, p.Data
		t.learn(p)
	}
	t.last = dts
	const most = 1<<31 - 1
	t.samples = append(t.samples, outSample{
		dts: dts, cts: int32(max(min(pts-dts, most), -most)), key: p.Key || t.kind == media.Audio, data: sampleData(p),
	})
}

// sampleData returns the data of a frame as a file keeps it. Some encoders put a temporal delimiter in front of
// AV1 frames, which has no place there (AV1 in ISO BMFF 2.4).
func sampleData(p *media.Packet) []byte {
	if p.Codec == media.CodecAV1 && len(p.Data) > 2 && p.Data[0] == 0x12 && p.Data[1] == 0 {
		return p.Data[2:]
	}
	return p.Data
}

// pictureSize returns the width and height that an onMetaData body states, or 0.
func pictureSize(body []byte) (width, height int) {
	values, err := amf.Decode(body, amf.Limits{})
	if err != nil || len(values) < 2 {
		return 0, 0
	}
	o, ok := values[1].(*amf.Object)
	if !ok {
		return 0, 0
	}
	return dimension(o, "width"), dimension(o, "height")
}

func dimension(o *amf.Object, name string) int {
	if n, ok := o.Number(name); ok && n >= 1 && n < 1<<16 {
		return int(n)
	}
	return 0
}
