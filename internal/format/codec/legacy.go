package codec

import "leat/media"

// describeLegacy reads the first byte of an FLV tag body whose codec has no FourCC (FLV 10.1, E.4.2.1 and E.4.3.1).
func describeLegacy(info *Info, body []byte) {
	if len(body) == 0 {
		return
	}
	switch info.Kind {
	case media.Audio:
		describeLegacyAudio(info, body[0])
	case media.Video:
		if body[0]&0x80 == 0 { // not Enhanced RTMP
			info.Codec = legacyVideo(body[0] & 0x0f)
		}
	}
}

func legacyVideo(id byte) string {
	switch id {
	case 1:
		return "mjpeg"
	case 2:
		return "flv1"
	case 3:
		return "flashsv"
	case 4:
		return "vp6f"
	case 5:
		return "vp6a"
	case 6:
		return "flashsv2"
	case 8:
		return "h263"
	case 9:
		return "mpeg4"
	}
	return ""
}

func describeLegacyAudio(info *Info, b byte) {
	sixteenBit := b&2 != 0
	rate := [...]int{5512, 11025, 22050, 44100}[b>>2&3]
	channels := int(b&1) + 1
	switch b >> 4 {
	case 0, 3:
		info.Codec = "pcm_u8"
		if sixteenBit {
			info.Codec = "pcm_s16le"
		}
	case 1:
		info.Codec = "adpcm_swf"
	case 4:
		info.Codec, rate, channels = "nellymoser", 16000, 1
	case 5:
		info.Codec, rate, channels = "nellymoser", 8000, 1
	case 6:
		info.Codec = "nellymoser"
	case 7:
		info.Codec, rate = "pcm_alaw", 8000
	case 8:
		info.Codec, rate = "pcm_mulaw", 8000
	case 11:
		info.Codec, rate, channels = "speex", 16000, 1
	default:
		return
	}
	info.SampleRate, info.Channels = rate, channels
	info.ChannelLayout = [...]string{"mono", "stereo"}[channels-1]
}
