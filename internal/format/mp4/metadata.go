package mp4

import (
	"math"

	"leat/amf"
	"leat/internal/format/codec"
	"leat/media"
)

// metadata returns the onMetaData message of the file, with the names that Adobe's servers give to what they find in
// an MP4 file (Video File Format Specification 10.1, E.5). Codecs are FourCCs as strings.
func (f *File) metadata() *media.Packet {
	o := amf.NewObject("duration", f.info.Duration.Seconds())
	o.ECMA = true
	tracks := []any{}
	for _, t := range f.tracks {
		e := t.firstEntry()
		if t.number == 0 && t.kind == media.Video {
			t.describeVideo(o, e)
		}
		if t.number == 0 && t.kind == media.Audio {
			t.describeAudio(o, e)
		}
		tracks = append(tracks, amf.NewObject(
			"length", float64(t.table.next), "timescale", float64(t.timescale), "language", t.language,
			"sampledescription", []any{amf.NewObject("sampletype", e.codec.String())},
		))
	}
	o.Set("trackinfo", tracks)
	front := amf.AppendString(nil, media.NameMetadata)
	body, err := amf.Append(front, o)
	if err != nil {
		panic("mp4: " + err.Error()) // numbers and short strings only
	}
	return &media.Packet{Kind: media.Data, Config: true, Name: media.NameMetadata, Body: body, Data: body[len(front):]}
}

// firstEntry returns the first description that RTMP has a form for.
func (t *track) firstEntry() *entry {
	for i := range t.entries {
		if t.entries[i].kind != 0 {
			return &t.entries[i]
		}
	}
	return &entry{}
}

func (t *track) describeVideo(o *amf.Object, e *entry) {
	o.Set("videocodecid", e.codec.String())
	width, height := e.width, e.height
	if width == 0 || height == 0 {
		if info, err := codec.Describe(t.header(e, 0)); err == nil {
			width, height = info.Width, info.Height
		}
	}
	o.Set("width", float64(width))
	o.Set("height", float64(height))
	if rate := t.frameRate(); rate > 0 {
		o.Set("framerate", rate)
		o.Set("videoframerate", rate)
	}
	if e.codec == media.CodecAVC {
		o.Set("avcprofile", float64(e.config[1]))
		o.Set("avclevel", float64(e.config[3]))
	}
}

// frameRate returns the average, rounded to a thousandth.
func (t *track) frameRate() float64 {
	length := t.table.next - t.table.time(0)
	if length <= 0 {
		return 0
	}
	return math.Round(float64(t.table.len())*float64(t.timescale)*1000/float64(length)) / 1000
}

func (t *track) describeAudio(o *amf.Object, e *entry) {
	o.Set("audiocodecid", e.codec.String())
	rate, channels := e.rate, e.channels
	if h := t.header(e, 0); h != nil { // the record is more precise than the entry
		if info, err := codec.Describe(h); err == nil && info.SampleRate > 0 {
			rate = info.SampleRate
			if info.Channels > 0 {
				channels = info.Channels
			}
		}
	}
	o.Set("audiosamplerate", float64(rate))
	o.Set("audiochannels", float64(channels))
	if e.codec == media.CodecAAC {
		o.Set("aacaot", float64(audioObjectType(e.config)))
	}
}

// audioObjectType reads the first field of an AudioSpecificConfig of two bytes or more (ISO 14496-3 1.6.2.1).
func audioObjectType(b []byte) int {
	if aot := int(b[0] >> 3); aot != 31 {
		return aot
	}
	return 32 + int(b[0]&7)<<3 + int(b[1]>>5)
}
