package mp3

import "time"

// header is what the four bytes in front of a frame say (ISO 11172-3 2.4.1.3, ISO 13818-3 2.4.1.3).
type header struct {
	rate    int // samples a second
	samples int // of the frame
	size    int // bytes, header included
	stereo  bool
	version byte // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
}

const headerSize = 4

var (
	// kbit/s of Layer III by index: MPEG-1, then MPEG-2 and 2.5. 0 is free format, which cannot be told apart from noise.
	bitrates = [2][15]int{
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	}
	rates = [3]int{44100, 48000, 32000} // of MPEG-1; the others have a half and a quarter
)

// parse reads a frame header; ok is false for bytes that are none.
func parse(b []byte) (h header, ok bool) {
	if len(b) < headerSize || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return header{}, false
	}
	version, layer := b[1]>>3&3, b[1]>>1&3
	bitrate, rate := int(b[2]>>4), int(b[2]>>2&3)
	if version == 1 || layer != 1 || bitrate == 0 || bitrate == 15 || rate == 3 {
		return header{}, false
	}
	h = header{rate: rates[rate], samples: 1152, stereo: b[3]>>6 != 3, version: version}
	table := 0
	if version != 3 {
		table, h.samples = 1, 576
		h.rate /= 2
		if version == 0 {
			h.rate /= 2
		}
	}
	h.size = h.samples/8*bitrates[table][bitrate]*1000/h.rate + int(b[2]>>1&1)
	return h, h.size > headerSize
}

// sameStream says whether two frames can belong to one stream: what changes a decoder's set-up is equal.
func (h header) sameStream(o header) bool { return h.rate == o.rate && h.version == o.version }

// isInfo reports whether a frame carries a Xing, Info or VBRI table instead of sound.
func (h header) isInfo(frame []byte) bool {
	at := headerSize + 17
	switch {
	case h.version == 3 && h.stereo:
		at = headerSize + 32
	case h.version != 3 && !h.stereo:
		at = headerSize + 9
	}
	return hasTag(frame, at, "Xing") || hasTag(frame, at, "Info") || hasTag(frame, headerSize+32, "VBRI")
}

func hasTag(b []byte, at int, tag string) bool {
	return len(b) >= at+len(tag) && string(b[at:at+len(tag)]) == tag
}

// audioTag is the first byte of an FLV audio body (FLV 10.1, E.4.2.1).
func (h header) audioTag() byte {
	const mp3, mp3At8k, bits16 = 2 << 4, 14 << 4, 1 << 1
	b := byte(bits16)
	if h.stereo {
		b |= 1
	}
	switch {
	case h.rate <= 8000:
		return mp3At8k | b
	case h.rate <= 12000:
		return mp3 | 1<<2 | b
	case h.rate <= 24000:
		return mp3 | 2<<2 | b
	}
	return mp3 | 3<<2 | b
}

// duration of n samples, without adding up rounding.
func duration(samples int64, rate int) time.Duration {
	return time.Duration(samples/int64(rate))*time.Second + time.Duration(samples%int64(rate))*time.Second/time.Duration(rate)
}
