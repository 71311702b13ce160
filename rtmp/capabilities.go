package rtmp

import (
	"maps"
	"slices"
	"strconv"

	"leat/amf"
	"leat/media"
)

// Capabilities is what a peer says in connect, or in the answer to it, about Enhanced RTMP (E-RTMP v2, Enhancing
// NetConnection connect Command). The zero value says nothing, as peers from before Enhanced RTMP do.
type Capabilities struct {
	// FourCCList names the codecs that the peer knows, or "*" for any (fourCcList).
	FourCCList []string
	// VideoInfo and AudioInfo say what the peer does with a codec (videoFourCcInfoMap, audioFourCcInfoMap). The key "*"
	// stands for all codecs, and what it says holds besides what is said of a single one.
	VideoInfo, AudioInfo map[string]CodecInfo
	// CapsEx are the abilities that concern no codec (capsEx).
	CapsEx CapsEx
	// VideoFunction is the property of the same name. Its first bit is older than Enhanced RTMP.
	VideoFunction VideoFunction
}

// CodecInfo says what a peer can do with a codec: a sum of the constants below.
type CodecInfo uint32

// The bits of CodecInfo (FourCcInfoMask).
const (
	CanDecode  CodecInfo = 1 << iota // plays it
	CanEncode                        // sends it
	CanForward                       // passes it on
)

// CapsEx is a sum of abilities (CapsExMask).
type CapsEx uint32

// The bits of CapsEx.
const (
	CapsReconnect           CapsEx = 1 << iota // obeys a Reconnect Request
	CapsMultitrack                             // reads messages with a track id
	CapsModEx                                  // reads over ModEx blocks
	CapsTimestampNanoOffset                    // and makes use of nanoseconds in them
)

// VideoFunction is a sum of what a client does with video besides decoding it.
type VideoFunction uint32

// The bits of VideoFunction.
const (
	VideoClientSeek     VideoFunction = 1 << iota // seeks in its own buffer, with frames that are decoded and not shown
	VideoHDR                                      // shows high dynamic range
	VideoMetadataPacket                           // reads Metadata packets
	VideoLargeScaleTile                           // decodes AV1 large scale tiles
)

// anyCodec is the name that stands for all codecs.
const anyCodec = "*"

// maxFourCCs bounds the entries that are kept of one list or map. The specification defines twelve codecs.
const maxFourCCs = 64

// serverCapabilities is what this package's Server says of itself: it passes on whatever it gets.
func serverCapabilities() Capabilities {
	return Capabilities{
		FourCCList:    []string{anyCodec},
		VideoInfo:     map[string]CodecInfo{anyCodec: CanForward},
		AudioInfo:     map[string]CodecInfo{anyCodec: CanForward},
		CapsEx:        CapsReconnect | CapsMultitrack | CapsModEx | CapsTimestampNanoOffset,
		VideoFunction: VideoClientSeek | VideoHDR | VideoMetadataPacket | VideoLargeScaleTile,
	}
}

// clientCapabilities is what a client announces that was not told otherwise: it hands on all packets as they come.
func clientCapabilities(obeysReconnect bool) Capabilities {
	c := serverCapabilities()
	c.VideoInfo[anyCodec] |= CanDecode
	c.AudioInfo[anyCodec] |= CanDecode
	if !obeysReconnect {
		c.CapsEx &^= CapsReconnect
	}
	return c
}

// parseCapabilities reads the properties from the first of the objects that has them: clients send one object, and of
// a server's answer either may hold them. Values of the wrong type are passed over.
func parseCapabilities(objects ...*amf.Object) Capabilities {
	get := func(names ...string) any {
		for _, o := range objects {
			for _, name := range names {
				if v, ok := o.Get(name); ok {
					return v
				}
			}
		}
		return nil
	}
	return Capabilities{
		FourCCList:    parseFourCCList(get("fourCcList")),
		VideoInfo:     parseInfoMap(get("videoFourCcInfoMap")),
		AudioInfo:     parseInfoMap(get("audioFourCcInfoMap")),
		CapsEx:        CapsEx(bits(get("capsEx", "CapsEx"))), // Red5 writes a capital
		VideoFunction: VideoFunction(bits(get("videoFunction"))),
	}
}

// parseFourCCList takes a strict array, an array with names, or a single string.
func parseFourCCList(v any) []string {
	var values []any
	switch v := v.(type) {
	case []any:
		values = v
	case *amf.Object:
		for _, m := range v.Members {
			values = append(values, m.Value)
		}
	case string:
		values = []any{v}
	}
	var list []string
	for _, v := range values {
		s, _ := v.(string)
		if isCodecName(s) && len(list) < maxFourCCs && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

func parseInfoMap(v any) map[string]CodecInfo {
	o, ok := v.(*amf.Object)
	if !ok {
		return nil
	}
	var info map[string]CodecInfo
	for _, m := range o.Members {
		if !isCodecName(m.Name) || len(info) >= maxFourCCs {
			continue
		}
		if info == nil {
			info = map[string]CodecInfo{}
		}
		info[m.Name] = CodecInfo(bits(m.Value))
	}
	return info
}

func isCodecName(s string) bool { return s == anyCodec || len(s) == 4 }

// bits reads a sum of flags. What is no such number has none.
func bits(v any) uint32 {
	n, ok := number(v)
	if s, isText := v.(string); isText {
		f, err := strconv.ParseFloat(s, 64)
		n, ok = f, err == nil
	}
	if !ok || !(n >= 0 && n < 1<<32) {
		return 0
	}
	return uint32(n)
}

// Announced reports whether the peer has said anything that only Enhanced RTMP knows.
func (c *Capabilities) Announced() bool {
	return len(c.FourCCList) > 0 || len(c.VideoInfo) > 0 || len(c.AudioInfo) > 0 || c.CapsEx != 0
}

// set puts the properties into a command or information object. What was not announced is left out.
func (c *Capabilities) set(o *amf.Object) {
	if len(c.FourCCList) > 0 {
		list := make([]any, len(c.FourCCList))
		for i, s := range c.FourCCList {
			list[i] = s
		}
		o.Set("fourCcList", list)
	}
	setInfoMap(o, "videoFourCcInfoMap", c.VideoInfo)
	setInfoMap(o, "audioFourCcInfoMap", c.AudioInfo)
	if c.CapsEx != 0 {
		o.Set("capsEx", float64(c.CapsEx))
	}
	if c.VideoFunction != 0 {
		o.Set("videoFunction", float64(c.VideoFunction))
	}
}

func setInfoMap(o *amf.Object, name string, info map[string]CodecInfo) {
	if len(info) == 0 {
		return
	}
	m := amf.NewObject()
	for _, codec := range slices.Sorted(maps.Keys(info)) {
		m.Set(codec, float64(info[codec]))
	}
	o.Set(name, m)
}

// takes returns the codecs of a kind that may be sent to the peer: those that it named in the list, or with a flag
// for decoding or forwarding in the map. A list that names codecs of the other kind only, as version 1 of Enhanced RTMP
// had it, says nothing about this one.
func (c *Capabilities) takes(kind media.Kind) CodecSet {
	info := c.VideoInfo
	if kind == media.Audio {
		info = c.AudioInfo
	}
	stated := len(info) > 0
	var codecs []media.FourCC
	for _, name := range c.FourCCList {
		if name == anyCodec {
			return CodecSet{}
		}
		codec, _ := media.ParseFourCC(name)
		codecs = append(codecs, codec)
		stated = stated || kindOf(codec) == kind
	}
	for name, flags := range info {
		switch codec, ok := media.ParseFourCC(name); {
		case flags&(CanDecode|CanForward) == 0:
		case !ok:
			return CodecSet{}
		default:
			codecs = append(codecs, codec)
		}
	}
	if !stated {
		return CodecSet{}
	}
	return Codecs(codecs...)
}

// kindOf returns the kind of a codec of Enhanced RTMP, and zero for others.
func kindOf(codec media.FourCC) media.Kind {
	switch codec {
	case media.CodecVP8, media.CodecVP9, media.CodecAV1, media.CodecAVC, media.CodecHEVC, media.CodecVVC:
		return media.Video
	case media.CodecAC3, media.CodecEAC3, media.CodecOpus, media.CodecMP3, media.CodecFLAC, media.CodecAAC:
		return media.Audio
	}
	return 0
}
