package rtmp

import (
	"slices"

	"leat/media"
)

// Form is how the audio and video messages of a stream must be written for a peer to take them. Forms can be compared:
// peers with equal ones can share the same bytes. In the zero value everything is sent as it was received.
type Form struct {
	// Legacy says which codecs are written with their old numbers instead of a FourCC.
	Legacy Legacy
	// OneTrack leaves one track of audio and one of video and sends them as plain messages without a track id: track 0,
	// or, when its codec is not taken, the lowest one whose codec is.
	OneTrack bool
	// NoModEx leaves out ModEx blocks, and the nanoseconds with them.
	NoModEx bool
	// Video and Audio are the codecs that are taken. Codecs without a FourCC and packets of unknown layout are always
	// sent, and so is what has a legacy form that every player knows: avc1, mp4a and .mp3 are then written in it.
	Video, Audio CodecSet
}

// Legacy says which codecs are written with the numbers that they have in FLV.
type Legacy uint8

// The values of Legacy.
const (
	LegacyReceived Legacy = iota // those that came so
	LegacyStandard               // AVC (7), AAC (10) and MP3 (2), which every player knows by them
	LegacyAll                    // also HEVC (12), AV1 (13), VP8 (14), VP9 (15) and Opus (13), which were never standard
)

// CodecSet is a set of codecs of one kind. It can be compared. The zero value holds all of them.
type CodecSet struct {
	limited bool
	codes   string // FourCCs of four bytes each, in order
}

// Codecs returns the set of the codecs given, and of no others.
func Codecs(codecs ...media.FourCC) CodecSet {
	codecs = slices.Clone(codecs)
	slices.Sort(codecs)
	s := CodecSet{limited: true}
	for _, c := range slices.Compact(codecs) {
		s.codes += string([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)})
	}
	return s
}

// Has reports whether the set holds the codec. Zero, the codec without a name, is in every set.
func (s CodecSet) Has(codec media.FourCC) bool { return !s.limited || codec == 0 || s.Names(codec) }

// Names reports whether the set holds the codec because it was named.
func (s CodecSet) Names(codec media.FourCC) bool {
	for i := 0; i+4 <= len(s.codes); i += 4 {
		if c, _ := media.ParseFourCC(s.codes[i : i+4]); c == codec {
			return true
		}
	}
	return false
}

// All reports whether the set holds every codec.
func (s CodecSet) All() bool { return !s.limited }

// playerForm is how a client gets what it plays. One that has announced nothing is taken for an old player: it gets
// nothing around the frames that only Enhanced RTMP knows, but codecs that have only a FourCC all the same, because many
// players understand them and do not say so.
func playerForm(c *Capabilities, legacy bool) Form {
	switch {
	case c.Announced():
		return announcedForm(c)
	case legacy:
		return Form{Legacy: LegacyAll, OneTrack: true, NoModEx: true}
	}
	return Form{Legacy: LegacyStandard, OneTrack: true, NoModEx: true}
}

// publisherForm is how a server gets what is published to it. Servers that announce nothing pass on what they get,
// except that some give up at ModEx.
func publisherForm(c *Capabilities, legacy bool) Form {
	switch {
	case c.Announced():
		return announcedForm(c)
	case legacy:
		return Form{Legacy: LegacyAll, NoModEx: true}
	}
	return Form{NoModEx: true}
}

func announcedForm(c *Capabilities) Form {
	return Form{
		OneTrack: c.CapsEx&CapsMultitrack == 0,
		NoModEx:  c.CapsEx&CapsModEx == 0,
		Video:    c.takes(media.Video),
		Audio:    c.takes(media.Audio),
	}
}

// codecs returns the set for a kind.
func (f *Form) codecs(kind media.Kind) CodecSet {
	if kind == media.Audio {
		return f.Audio
	}
	return f.Video
}

// takes reports whether p's codec may be sent, in whatever layout. Only a plain message has a legacy layout.
func (f *Form) takes(p *media.Packet) bool {
	return f.codecs(p.Kind).Has(p.Codec) || isStandard(p.Codec) && (f.OneTrack || p.Track == 0)
}

// isStandard reports whether the codec has a number in FLV that every player knows.
func isStandard(codec media.FourCC) bool {
	return codec == media.CodecAVC || codec == media.CodecAAC || codec == media.CodecMP3
}

// writesLegacy reports whether a message of the codec is written with its number.
func (f *Form) writesLegacy(kind media.Kind, codec media.FourCC) bool {
	switch f.Legacy {
	case LegacyAll:
		return true
	case LegacyStandard:
		return isStandard(codec)
	}
	return isStandard(codec) && !f.codecs(kind).Has(codec)
}
