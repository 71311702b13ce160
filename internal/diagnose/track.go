package diagnose

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	"leat/flv"
	"leat/internal/format/codec"
	"leat/media"
	"leat/rtmp"
)

// track is what is known of the audio or the video of a message stream: track 0, which is the one of most streams.
type track struct {
	kind   media.Kind
	codec  media.FourCC
	number uint8 // legacy codec; with Enhanced RTMP 0
	seen   bool

	config    []byte // the sequence header in force; nil before the first
	configs   int    // how often the same one has come
	info      codec.Info
	described bool

	frames   int64
	bytes    int64
	begun    time.Duration // timestamps, on a timeline of their own that does not wrap
	last     time.Duration
	raw      uint32
	lastAt   time.Duration // since the connection began
	same     int           // frames in a row with the timestamp of the one before
	maxGap   time.Duration // between timestamps
	restarts bool          // the next timestamp begins anew

	keys           int64
	lastKey        time.Duration
	gopMin, gopMax time.Duration
	gopSum         time.Duration
	gops           int64
	saidLong       bool // of this interval
	looked         int  // frames whose payload was looked at
	windowBegun    time.Duration
	windowBytes    int64
	maxBitRate     float64 // bits per second of the fullest window
}

// frame is what the header of an audio or video message says.
type frame struct {
	codec   media.FourCC
	number  uint8
	private bool // an old number that vendors took
	config  bool
	coded   bool
	key     bool
	track   uint8
	offset  int32
	data    []byte
}

func parseVideo(body []byte) (f frame, err error) {
	if len(body) == 0 {
		return frame{coded: true}, nil
	}
	h, n, err := flv.ParseVideoHeader(body)
	if err != nil || h.IsCommand() {
		return f, err
	}
	f = frame{codec: h.FourCC, track: h.TrackID, offset: h.CompositionTime, data: body[n:]}
	f.key = h.FrameType == flv.FrameKey || h.FrameType == flv.FrameGeneratedKey
	switch {
	case h.ManyTracks():
		f.coded, f.data = h.PacketType == flv.VideoCodedFrames || h.PacketType == flv.VideoCodedFramesX, nil
	case h.Enhanced:
		f.config = h.PacketType == flv.VideoSequenceStart || h.PacketType == flv.VideoMPEG2TSSequenceStart
		f.coded = h.PacketType == flv.VideoCodedFrames || h.PacketType == flv.VideoCodedFramesX
	default:
		f.codec, f.number = h.CodecID.FourCC(), uint8(h.CodecID)
		f.private = h.CodecID >= flv.VideoHEVC
		layered := h.CodecID == flv.VideoAVC || f.private
		f.config = layered && h.AVCPacketType == flv.AVCSequenceHeader
		f.coded = !layered || h.AVCPacketType == flv.AVCNALU
	}
	return f, nil
}

func parseAudio(body []byte) (f frame, err error) {
	if len(body) == 0 { // silence (E-RTMP v2)
		return f, nil
	}
	h, n, err := flv.ParseAudioHeader(body)
	if err != nil {
		return f, err
	}
	f = frame{codec: h.FourCC, track: h.TrackID, data: body[n:], key: true}
	switch {
	case h.ManyTracks():
		f.coded, f.data = h.PacketType == flv.AudioCodedFrames, nil
	case h.Enhanced:
		f.config = h.PacketType == flv.AudioSequenceStart
		f.coded = h.PacketType == flv.AudioCodedFrames
	default:
		f.codec, f.number = h.SoundFormat.FourCC(), uint8(h.SoundFormat)
		f.private = h.SoundFormat == 13
		f.config = h.SoundFormat == flv.SoundAAC && h.AACPacketType == flv.AACSequenceHeader
		f.coded = !f.config
	}
	return f, nil
}

// needsConfig reports codecs whose frames nobody can decode without a sequence header.
func needsConfig(c media.FourCC) bool {
	switch c {
	case media.CodecAVC, media.CodecHEVC, media.CodecVVC, media.CodecAAC:
		return true
	}
	return false
}

// name is what the codec is called in sentences.
func (t *track) name() string {
	switch {
	case t.info.Codec != "":
		return t.info.String()
	case t.codec != 0:
		return codec.Name(t.codec)
	}
	return t.kind.String()
}

// configure takes note of a sequence header.
func (f *flow) configure(t *track, fr *frame, m *rtmp.TraceMessage) {
	if t.config != nil && bytes.Equal(t.config, fr.data) {
		if t.configs++; t.configs == 30 {
			f.report(ConfigRepeated, m, "the same sequence header of %v has come 30 times: harmless, but some players start their decoder anew each time", t.kind)
		}
		return
	}
	had := t.config != nil
	t.configs = 1
	const maxConfig = 64 << 10
	t.config = bytes.Clone(fr.data[:min(len(fr.data), maxConfig)])
	if t.config == nil {
		t.config = []byte{}
	}
	switch {
	case had:
		f.report(ConfigChanged, m, "the sequence header of %v has changed in mid-stream: recordings and players that read it only once break", t.kind)
	case t.frames > 0:
		f.report(ConfigLate, m, "the sequence header of %v came after %d frames: until then nobody could decode them, and players that joined may stay black or silent", t.kind, t.frames)
	}
	f.describe(t, m)
}

// describe reads the sequence header.
func (f *flow) describe(t *track, m *rtmp.TraceMessage) {
	tag := flv.TagAudio
	if t.kind == media.Video {
		tag = flv.TagVideo
	}
	packets, err := flv.AppendPackets(nil, tag, 0, m.Body)
	if err == nil && len(packets) == 1 {
		t.info, err = codec.Describe(packets[0])
		t.described = err == nil
	}
	if err != nil {
		f.report(ConfigBroken, m, "the sequence header of %v cannot be read: %v; no decoder can start with it", t.kind, err)
	}
	if pix := t.info.PixelFormat; pix != "" && !strings.HasPrefix(pix, "yuv420p") && !strings.HasPrefix(pix, "yuvj420p") {
		f.report(PixelFormat, m, "the video is %s: browsers and most hardware decode 4:2:0 only (ffmpeg: -pix_fmt yuv420p)", pix)
	}
	f.compareSize()
}

// payload looks into the first frames and the key frames: what is wrong there is wrong in all of them.
func (f *flow) payload(t *track, fr *frame, m *rtmp.TraceMessage) {
	const looks = 10
	if t.looked >= looks && (t.kind == media.Audio || !fr.key) || len(fr.data) == 0 {
		return
	}
	t.looked++
	switch fr.codec {
	case media.CodecAAC:
		if len(fr.data) > 1 && fr.data[0] == 0xff && fr.data[1]&0xf6 == 0xf0 {
			f.report(ADTS, m, "AAC frames begin with an ADTS header: RTMP wants them bare, and what the header says in a sequence header (AudioSpecificConfig); players stay silent. A program that copies MPEG-TS must take it off (ffmpeg: -bsf:a aac_adtstoasc)")
		}
	case media.CodecAVC, media.CodecHEVC:
		f.nalus(t, fr, m)
	}
}

func (f *flow) nalus(t *track, fr *frame, m *rtmp.TraceMessage) {
	size := naluLengthSize(fr.codec, t.config)
	if addsUp(fr.data, size) {
		return
	}
	if bytes.HasPrefix(fr.data, []byte{0, 0, 0, 1}) || bytes.HasPrefix(fr.data, []byte{0, 0, 1}) {
		f.report(AnnexB, m, "H.264 or H.265 comes with start codes (00 00 00 01, Annex B): RTMP wants the length in front of each NAL unit; players show nothing. It is a mistake of the program that publishes")
		return
	}
	f.report(NALULength, m, "the lengths in front of the NAL units do not add up to the frame (%d bytes): decoders drop it or show rubbish", len(fr.data))
}

// naluLengthSize returns how many bytes a length takes (ISO 14496-15 5.3.3.1.2, 8.3.3.1.2).
func naluLengthSize(c media.FourCC, config []byte) int {
	at := 4
	if c == media.CodecHEVC {
		at = 21
	}
	if len(config) <= at {
		return 4
	}
	return int(config[at]&3) + 1
}

// addsUp reports whether b is a sequence of NAL units behind their lengths.
func addsUp(b []byte, size int) bool {
	for len(b) > 0 {
		if len(b) < size {
			return false
		}
		var length [4]byte
		copy(length[4-size:], b)
		n := binary.BigEndian.Uint32(length[:])
		if n == 0 || uint64(n) > uint64(len(b)-size) {
			return false
		}
		b = b[size+int(n):]
	}
	return true
}
