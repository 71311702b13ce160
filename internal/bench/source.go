package bench

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"leat/amf"
	"leat/media"
)

// Media says what each stream carries.
type Media struct {
	VideoRate   int           // kbit/s; 0 means 1000
	FrameRate   int           // frames per second; 0 means 30
	KeyInterval time.Duration // from key frame to key frame; 0 means 2 s
	AudioRate   int           // kbit/s; 0 means 128, below 0 there is no audio
}

func (m Media) withDefaults() Media {
	if m.VideoRate == 0 {
		m.VideoRate = 1000
	}
	if m.FrameRate == 0 {
		m.FrameRate = 30
	}
	if m.KeyInterval == 0 {
		m.KeyInterval = 2 * time.Second
	}
	if m.AudioRate == 0 {
		m.AudioRate = 128
	}
	return m
}

// keyFrames is how many frames there are from key frame to key frame.
func (m Media) keyFrames() int {
	return max(1, int(m.KeyInterval*time.Duration(m.FrameRate)/time.Second))
}

const (
	sampleRate   = 44100
	frameSamples = 1024 // of AAC
	// keyFactor is how much larger key frames are than others on average.
	keyFactor = 8
)

// pictures are the slices of all streams; filler is what brings frames to their size.
type pictures struct {
	keys   [2][]byte
	inters [frameNumbers][]byte
	filler []byte
}

func newPictures() *pictures {
	p := &pictures{filler: bytes.Repeat([]byte{0xff}, 64<<10)}
	for i := range p.keys {
		p.keys[i] = idrSlice(uint32(i))
	}
	for i := range p.inters {
		p.inters[i] = interSlice(uint32(i))
	}
	return p
}

func (p *pictures) fill(dst []byte, n int) []byte {
	for n > 0 {
		k := min(n, len(p.filler))
		dst = append(dst, p.filler[:k]...)
		n -= k
	}
	return dst
}

// A source makes the packets of one stream in the order of their timestamps. Its packets belong to the caller.
type source struct {
	media    Media
	pictures *pictures
	marker   marker // run and stream
	videos   uint32 // frames made
	audios   uint32
	random   *rand.Rand
}

func newSource(m Media, p *pictures, run, stream uint32) *source {
	return &source{media: m, pictures: p, marker: marker{run: run, stream: stream}, random: rand.New(rand.NewPCG(uint64(stream), 1))}
}

// headers are what a stream begins with: metadata and the sequence headers.
func (s *source) headers() ([]*media.Packet, error) {
	metadata, err := amf.Append(amf.AppendString(nil, media.NameMetadata), amf.NewObject(
		"width", float64(width), "height", float64(height), "framerate", float64(s.media.FrameRate),
		"videocodecid", 7.0, "videodatarate", float64(s.media.VideoRate),
		"audiocodecid", 10.0, "audiodatarate", float64(max(s.media.AudioRate, 0)), "audiosamplerate", float64(sampleRate),
		"encoder", "leat bench"))
	if err != nil {
		return nil, err
	}
	set := sps()
	avc := []byte{0x17, 0, 0, 0, 0, 1, set[1], set[2], set[3], 0xff, 0xe1}
	avc = append(binary.BigEndian.AppendUint16(avc, uint16(len(set))), set...)
	avc = append(binary.BigEndian.AppendUint16(append(avc, 1), uint16(len(pps()))), pps()...)
	packets := []*media.Packet{
		{Kind: media.Data, Name: media.NameMetadata, Config: true, Body: metadata},
		{Kind: media.Video, Codec: media.CodecAVC, Config: true, Body: avc, Data: avc[5:]},
	}
	if s.media.AudioRate > 0 {
		aac := []byte{0xaf, 0, 0x12, 0x10} // AAC-LC, 44.1 kHz, stereo
		packets = append(packets, &media.Packet{Kind: media.Audio, Codec: media.CodecAAC, Config: true, Body: aac, Data: aac[2:]})
	}
	return packets, nil
}

func (s *source) videoTime() time.Duration {
	return time.Duration(s.videos) * time.Second / time.Duration(s.media.FrameRate)
}

func (s *source) audioTime() time.Duration {
	return time.Duration(s.audios) * frameSamples * time.Second / sampleRate
}

// due is the timestamp of the next packet.
func (s *source) due() time.Duration {
	if s.media.AudioRate < 0 {
		return s.videoTime()
	}
	return min(s.videoTime(), s.audioTime())
}

// next makes the next packet, which says that it is sent now.
func (s *source) next(now time.Duration) *media.Packet {
	if s.media.AudioRate > 0 && s.audioTime() < s.videoTime() {
		return s.audio(now)
	}
	return s.video(now)
}

// video makes a frame of an SEI message, a slice and filler. Sizes vary by half of the mean either way.
func (s *source) video(now time.Duration) *media.Packet {
	interval := s.media.keyFrames()
	place := int(s.videos) % interval
	size := s.media.VideoRate * 1000 / 8 / s.media.FrameRate * interval / (interval + keyFactor - 1)
	first, slice := byte(0x27), s.pictures.inters[place%frameNumbers]
	if place == 0 {
		first, slice = 0x17, s.pictures.keys[int(s.videos)/interval%2]
		size *= keyFactor
	}
	size = s.vary(size)
	m := s.marker
	m.number, m.sent = s.videos, now
	body := append(make([]byte, 0, size+len(slice)+128), first, 1, 0, 0, 0)
	body = binary.BigEndian.AppendUint32(body, uint32(3+markerSize+1))
	body = append(m.append(append(body, naluSEI, seiUserUnregistered, byte(markerSize))), 0x80)
	body = append(binary.BigEndian.AppendUint32(body, uint32(len(slice))), slice...)
	if n := size - len(body) - 4; n >= 2 {
		body = append(binary.BigEndian.AppendUint32(body, uint32(n)), naluFiller)
		body = append(s.pictures.fill(body, n-2), 0x80)
	}
	p := &media.Packet{Kind: media.Video, Codec: media.CodecAVC, Timestamp: s.videoTime(), Key: place == 0, Body: body, Data: body[5:]}
	s.videos++
	return p
}

const (
	dataStreamElement = 0x81 // ID_DSE, tag 0, aligned: what follows begins with a byte (ISO 14496-3, 4.4.2.1)
	longestElement    = 510
)

// silence is a channel pair without a spectrum, and the end of the frame.
var silence = [...]byte{0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80}

// audio makes a frame of data stream elements and silence.
func (s *source) audio(now time.Duration) *media.Packet {
	size := s.vary(s.media.AudioRate * 1000 / 8 * frameSamples / sampleRate)
	m := s.marker
	m.number, m.sent = s.audios, now
	body := append(make([]byte, 0, size+128), 0xaf, 1)
	text := m.append(make([]byte, 0, longestElement))
	for {
		n := min(max(size-len(body)-len(silence)-3, len(text)), longestElement)
		body = append(body, dataStreamElement, byte(min(n, 255)))
		if n >= 255 {
			body = append(body, byte(n-255))
		}
		body = s.pictures.fill(append(body, text...), n-len(text))
		text = nil
		if size-len(body)-len(silence) < 3 {
			break
		}
	}
	body = append(body, silence[:]...)
	p := &media.Packet{Kind: media.Audio, Codec: media.CodecAAC, Timestamp: s.audioTime(), Body: body, Data: body[2:]}
	s.audios++
	return p
}

func (s *source) vary(mean int) int { return mean/2 + s.random.IntN(mean+1) }
