package mediatest

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"leat/media"
)

const (
	aacSamples  = 1024 // in an access unit
	opusSamples = 960  // in a packet of 20 ms
	sampleRate  = 48000
)

// AVC returns a stream of length d: metadata, H.264 with B-frames of 96×54 at 25 frames per second, and AAC at 48
// kHz, in the order of decoding. There is a key frame every second.
func AVC(d time.Duration) []*media.Packet {
	avc, aac := load("avc", avcFixture), load("aac", aacFixture)
	headers := []*media.Packet{
		Metadata(96, 54),
		newConfig(media.Video, media.CodecAVC, []byte{0x17, 0, 0, 0, 0}, avc.config),
		newConfig(media.Audio, media.CodecAAC, []byte{0xaf, 0}, aac.config),
	}
	return append(headers, interleave(videoFrames(d, avc, legacyAVC), audioFrames(d, aac, aacSamples, legacyAAC))...)
}

// HEVC returns a stream like that of AVC, with H.265 of 128×72 in Enhanced RTMP. Frames without a composition
// offset are CodedFramesX, the others CodedFrames.
func HEVC(d time.Duration) []*media.Packet {
	hevc, aac := load("hevc", hevcFixture), load("aac", aacFixture)
	headers := []*media.Packet{
		Metadata(128, 72),
		newConfig(media.Video, media.CodecHEVC, enhanced(0x90, media.CodecHEVC), hevc.config),
		newConfig(media.Audio, media.CodecAAC, []byte{0xaf, 0}, aac.config),
	}
	return append(headers, interleave(videoFrames(d, hevc, enhancedHEVC), audioFrames(d, aac, aacSamples, legacyAAC))...)
}

// AV1 returns a stream of length d: metadata, AV1 of 128×72 at 25 frames per second and Opus, both in Enhanced RTMP.
func AV1(d time.Duration) []*media.Packet {
	av1, opus := load("av1", av1Fixture), load("opus", opusFixture)
	headers := []*media.Packet{
		Metadata(128, 72),
		newConfig(media.Video, media.CodecAV1, enhanced(0x90, media.CodecAV1), av1.config),
		newConfig(media.Audio, media.CodecOpus, enhanced(0x90, media.CodecOpus), opus.config),
	}
	return append(headers, interleave(videoFrames(d, av1, enhancedAV1), audioFrames(d, opus, opusSamples, enhancedOpus))...)
}

// Opus returns a stream of length d with Opus at 48 kHz only, in Enhanced RTMP.
func Opus(d time.Duration) []*media.Packet {
	opus := load("opus", opusFixture)
	header := newConfig(media.Audio, media.CodecOpus, enhanced(0x90, media.CodecOpus), opus.config)
	return append([]*media.Packet{header}, audioFrames(d, opus, opusSamples, enhancedOpus)...)
}

// Metadata returns an onMetaData packet as a server stores it: an ECMA array with width, height, framerate and
// encoder.
func Metadata(width, height int) *media.Packet {
	b := appendString([]byte{0x02}, media.NameMetadata)
	name := len(b)
	b = append(b, 0x08, 0, 0, 0, 4)
	for _, m := range []struct {
		name  string
		value float64
	}{{"width", float64(width)}, {"height", float64(height)}, {"framerate", float64(time.Second / frameInterval)}} {
		b = append(appendString(b, m.name), 0x00)
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(m.value))
	}
	b = appendString(append(appendString(b, "encoder"), 0x02), "mediatest")
	b = append(b, 0, 0, 9)
	return &media.Packet{Kind: media.Data, Config: true, Name: media.NameMetadata, Body: b, Data: b[name:]}
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// newPacket returns a packet whose Body is head and data.
func newPacket(kind media.Kind, codec media.FourCC, head, data []byte) *media.Packet {
	body := slices.Concat(head, data)
	return &media.Packet{Kind: kind, Codec: codec, Body: body, Data: body[len(head):]}
}

func newConfig(kind media.Kind, codec media.FourCC, head, data []byte) *media.Packet {
	p := newPacket(kind, codec, head, data)
	p.Config = true
	return p
}

// enhanced returns the header of an Enhanced RTMP message.
func enhanced(first byte, codec media.FourCC) []byte {
	return binary.BigEndian.AppendUint32([]byte{first}, uint32(codec))
}

// videoFrames returns the frames before d, with the packets that wrap makes of them.
func videoFrames(d time.Duration, f fixture, wrap func(recordedFrame) *media.Packet) []*media.Packet {
	var out []*media.Packet
	for i := 0; time.Duration(i)*frameInterval < d; i++ {
		frame := f.frames[i%len(f.frames)]
		p := wrap(frame)
		p.Timestamp, p.Offset, p.Key = time.Duration(i)*frameInterval, frame.offset, frame.key
		out = append(out, p)
	}
	return out
}

// audioFrames returns the frames before d, each with that many samples.
func audioFrames(d time.Duration, f fixture, samples int, wrap func(recordedFrame) *media.Packet) []*media.Packet {
	var out []*media.Packet
	for i := 0; ; i++ {
		at := time.Duration(i*samples*1000/sampleRate) * time.Millisecond
		if at >= d {
			return out
		}
		p := wrap(f.frames[i%len(f.frames)])
		p.Timestamp = at
		out = append(out, p)
	}
}

func legacyAVC(f recordedFrame) *media.Packet {
	head := []byte{0x27, 1}
	if f.key {
		head[0] = 0x17
	}
	return newPacket(media.Video, media.CodecAVC, appendOffset(head, f.offset), f.data)
}

func appendOffset(b []byte, d time.Duration) []byte {
	ms := d.Milliseconds()
	return append(b, byte(ms>>16), byte(ms>>8), byte(ms))
}

func legacyAAC(f recordedFrame) *media.Packet {
	return newPacket(media.Audio, media.CodecAAC, []byte{0xaf, 1}, f.data)
}

// videoByte returns the first byte of an Enhanced RTMP video message.
func videoByte(key bool, packetType byte) byte {
	if key {
		return 0x90 | packetType
	}
	return 0xa0 | packetType
}

func enhancedHEVC(f recordedFrame) *media.Packet {
	const codedFrames, codedFramesX = 1, 3
	if f.offset == 0 {
		return newPacket(media.Video, media.CodecHEVC, enhanced(videoByte(f.key, codedFramesX), media.CodecHEVC), f.data)
	}
	head := enhanced(videoByte(f.key, codedFrames), media.CodecHEVC)
	return newPacket(media.Video, media.CodecHEVC, appendOffset(head, f.offset), f.data)
}

func enhancedAV1(f recordedFrame) *media.Packet {
	return newPacket(media.Video, media.CodecAV1, enhanced(videoByte(f.key, 1), media.CodecAV1), f.data)
}

func enhancedOpus(f recordedFrame) *media.Packet {
	return newPacket(media.Audio, media.CodecOpus, enhanced(0x91, media.CodecOpus), f.data)
}

// interleave merges two lists by timestamp, audio first where they are equal.
func interleave(video, audio []*media.Packet) []*media.Packet {
	out := slices.Concat(audio, video)
	slices.SortStableFunc(out, func(a, b *media.Packet) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	return out
}
