package relay

import (
	"slices"

	"leat/media"
	"leat/rtmp"
)

// filter leaves of a stream what a Target asks for. It belongs to one connection.
type filter struct {
	target       *Target
	video, audio *rtmp.Fitter // make a chosen track the only one; nil: all tracks
	told         []media.FourCC
}

func newFilter(t *Target, name string) *filter {
	f := &filter{target: t}
	plain := rtmp.Form{Legacy: rtmp.LegacyStandard, OneTrack: true}
	if t.Video > TrackAll {
		f.video = rtmp.NewFitter(plain, name)
	}
	if t.Audio > TrackAll {
		f.audio = rtmp.NewFitter(plain, name)
	}
	return f
}

// reset forgets the stream: another publisher begins.
func (f *filter) reset() {
	for _, fitter := range []*rtmp.Fitter{f.video, f.audio} {
		if fitter != nil {
			fitter.Reset()
		}
	}
}

// pass appends to dst what is to be sent for p. absent is a codec that is left out, the first time.
func (f *filter) pass(dst []*media.Packet, p *media.Packet) (_ []*media.Packet, absent media.FourCC) {
	if p.Kind == media.Data {
		return append(dst, p), 0
	}
	track, fitter := f.target.Video, f.video
	if p.Kind == media.Audio {
		track, fitter = f.target.Audio, f.audio
	}
	switch {
	case !track.takes(p.Track):
		return dst, 0
	case p.Codec != 0 && len(f.target.Codecs) > 0 && !slices.Contains(f.target.Codecs, p.Codec):
		if slices.Contains(f.told, p.Codec) || len(f.told) == maxTold {
			return dst, 0
		}
		f.told = append(f.told, p.Codec)
		return dst, p.Codec
	case fitter == nil:
		return append(dst, p), 0
	}
	dst, _ = fitter.Fit(dst, p)
	return dst, 0
}

// maxTold bounds what is said of one stream, whose publisher could change codecs with every packet.
const maxTold = 32
