package codec

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/ac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/eac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/flac"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"
)

// MPEG-4 audio object types (ISO 14496-3, table 1.17).
const (
	aacMain = 1
	aacLC   = 2
	aacSSR  = 3
	aacLTP  = 4
	aacSBR  = 5
	aacPS   = 29
	aacXHE  = 42
)

// describeAAC reads an AudioSpecificConfig (ISO 14496-3 1.6.2.1). It is read here and not by the library, which
// refuses all object types but LC and its extensions, and does not see an extension that is signalled behind the
// old fields.
func describeAAC(info *Info, b []byte) error {
	b = b[:min(len(b), maxParameterSet)]
	pos := 0
	object, err := aacObjectType(b, &pos)
	if err != nil {
		return err
	}
	if info.SampleRate, err = aacSampleRate(b, &pos); err != nil {
		return err
	}
	channels, err := bits.ReadBits(b, &pos, 4)
	if err != nil {
		return errTruncated
	}
	info.Profile = aacProfile(object)
	info.Channels, info.ChannelLayout = aacChannels(int(channels))
	switch object {
	case aacSBR, aacPS:
		rate, err := aacSampleRate(b, &pos)
		if err != nil {
			return err
		}
		info.SampleRate = rate
		if object == aacPS { // parametric stereo: one coded channel, two heard
			info.Channels, info.ChannelLayout = 2, "stereo"
		}
	case aacLC:
		describeAACExtension(info, b, pos)
	}
	return nil
}

// describeAACExtension looks for the backward compatible signalling of SBR and PS behind a GASpecificConfig without
// extras (ISO 14496-3 1.6.2.1). What is not there, or cut off, changes nothing.
func describeAACExtension(info *Info, b []byte, pos int) {
	flags, err := bits.ReadBits(b, &pos, 3) // frameLengthFlag, dependsOnCoreCoder, extensionFlag
	if err != nil || flags&3 != 0 || info.Channels == 0 {
		return
	}
	if sync, err := bits.ReadBits(b, &pos, 11); err != nil || sync != 0x2b7 {
		return
	}
	if object, err := aacObjectType(b, &pos); err != nil || object != aacSBR {
		return
	}
	if present, err := bits.ReadFlag(b, &pos); err != nil || !present {
		return
	}
	rate, err := aacSampleRate(b, &pos)
	if err != nil {
		return
	}
	info.Profile, info.SampleRate = aacProfile(aacSBR), rate
	if sync, err := bits.ReadBits(b, &pos, 11); err != nil || sync != 0x548 {
		return
	}
	if present, err := bits.ReadFlag(b, &pos); err == nil && present {
		info.Profile, info.Channels, info.ChannelLayout = aacProfile(aacPS), 2, "stereo"
	}
}

func aacObjectType(b []byte, pos *int) (int, error) {
	object, err := bits.ReadBits(b, pos, 5)
	if err == nil && object == 31 { // escape
		object, err = bits.ReadBits(b, pos, 6)
		object += 32
	}
	if err != nil {
		return 0, errTruncated
	}
	return int(object), nil
}

func aacSampleRate(b []byte, pos *int) (int, error) {
	index, err := bits.ReadBits(b, pos, 4)
	if err == nil && index == 15 {
		var rate uint64
		if rate, err = bits.ReadBits(b, pos, 24); err == nil {
			return int(rate), nil
		}
	}
	if err != nil {
		return 0, errTruncated
	}
	rates := [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	if int(index) >= len(rates) {
		return 0, fmt.Errorf("reserved sampling frequency index %d", index)
	}
	return rates[index], nil
}

func aacProfile(object int) string {
	switch object {
	case aacMain:
		return "Main"
	case aacLC:
		return "LC"
	case aacSSR:
		return "SSR"
	case aacLTP:
		return "LTP"
	case aacSBR:
		return "HE-AAC"
	case aacPS:
		return "HE-AACv2"
	case 23:
		return "LD"
	case 39:
		return "ELD"
	case aacXHE:
		return "xHE-AAC"
	}
	return ""
}

// aacChannels returns what a channel configuration means (ISO 14496-3, table 1.19). 0 is defined by a program
// config element.
func aacChannels(config int) (n int, layout string) {
	switch config {
	case 1, 2, 3, 4, 5, 6:
		return config, [...]string{"mono", "stereo", "3.0", "4.0", "5.0", "5.1"}[config-1]
	case 7, 12:
		return 8, "7.1"
	case 11:
		return 7, "6.1"
	}
	return 0, ""
}

// describeOpus reads an ID header (RFC 7845 5.1): "OpusHead", version, channel count, …. Opus is always heard at 48
// kHz.
func describeOpus(info *Info, b []byte) error {
	if len(b) < 19 {
		return errTruncated
	}
	if string(b[:8]) != "OpusHead" || b[8]&0xf0 != 0 {
		return errors.New("not an ID header of version 0 or 1")
	}
	info.SampleRate, info.Channels = 48000, int(b[9])
	const ambisonics = 2
	if b[18] < ambisonics {
		info.ChannelLayout = xiphLayout(info.Channels, "5.0", "5.1")
	}
	return nil
}

// describeFLAC reads "fLaC" and a STREAMINFO metadata block, or what MP4 keeps of it: the block with its header, or
// bare (RFC 9639 8.2).
func describeFLAC(info *Info, b []byte) error {
	if len(b) >= 4 && string(b[:4]) == "fLaC" {
		b = b[4:]
	}
	const headerSize, size = 4, 34
	if len(b) >= headerSize+size && b[0]&0x7f == 0 {
		b = b[headerSize:]
	}
	var stream flac.StreamInfo
	if err := stream.Unmarshal(b); err != nil {
		return errTruncated
	}
	info.SampleRate, info.Channels = int(stream.SampleRate), int(b[12]>>1&7)+1
	info.ChannelLayout = xiphLayout(info.Channels, "5.0(side)", "5.1(side)")
	return nil
}

// xiphLayout names the channel orders that Opus and FLAC share but for the place of the surround speakers.
func xiphLayout(channels int, five, six string) string {
	names := [...]string{"", "mono", "stereo", "3.0", "quad", five, six, "6.1", "7.1"}
	if channels < len(names) {
		return names[channels]
	}
	return ""
}

// describeMP3Frame reads a frame header (ISO 11172-3 2.4.1.3).
func describeMP3Frame(info *Info, b []byte) error {
	var h mpeg1audio.FrameHeader
	if err := h.Unmarshal(b); err != nil {
		return fmt.Errorf("frame header: %w", err)
	}
	info.SampleRate, info.Channels, info.ChannelLayout = h.SampleRate, 2, "stereo"
	if h.ChannelMode == mpeg1audio.ChannelModeMono {
		info.Channels, info.ChannelLayout = 1, "mono"
	}
	return nil
}

// describeAC3Frame reads a sync frame (ATSC A/52 5.3).
func describeAC3Frame(info *Info, b []byte) error {
	const syncInfoSize, bsiSize = 5, 2
	if len(b) < syncInfoSize+bsiSize {
		return errTruncated
	}
	var sync ac3.SyncInfo
	if err := sync.Unmarshal(b); err != nil {
		return fmt.Errorf("sync info: %w", err)
	}
	var bsi ac3.BSI
	if err := bsi.Unmarshal(b[syncInfoSize:]); err != nil {
		return fmt.Errorf("bit stream information: %w", err)
	}
	info.SampleRate, info.Channels = sync.SampleRate(), bsi.ChannelCount()
	info.ChannelLayout = dolbyLayout(bsi.Acmod, bsi.LfeOn)
	return nil
}

// describeEAC3Frame reads a sync frame (ETSI TS 102 366 E.1.2).
func describeEAC3Frame(info *Info, b []byte) error {
	var sync eac3.SyncInfo
	if err := sync.Unmarshal(b); err != nil {
		return fmt.Errorf("sync info: %w", err)
	}
	info.SampleRate, info.Channels = sync.SampleRate(), sync.ChannelCount()
	info.ChannelLayout = dolbyLayout(sync.Acmod, sync.Lfeon)
	return nil
}

// dolbyLayout names acmod (ATSC A/52, table 5.8), with and without low frequencies. Some combinations have no name.
func dolbyLayout(acmod uint8, lfe bool) string {
	names := [...][2]string{
		{"stereo", ""},
		{"mono", ""},
		{"stereo", "2.1"},
		{"3.0", "3.1"},
		{"3.0(back)", ""},
		{"4.0", "4.1"},
		{"quad(side)", ""},
		{"5.0(side)", "5.1(side)"},
	}
	if lfe {
		return names[acmod&7][1]
	}
	return names[acmod&7][0]
}
