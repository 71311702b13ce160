package mp4

import (
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"

	"leat/media"
)

const movieTimescale = 1000

// Flags of tkhd (ISO 14496-12 8.3.2).
const (
	tkhdEnabled = 1
	tkhdInMovie = 2
)

// begin settles the tracks and writes the initialization segment (ISO 14496-12 8.16.3), to buf.
func (w *Writer) begin() error {
	w.begun = true
	slices.SortFunc(w.tracks, compareTracks)
	mvex := mp4.NewMvexBox()
	if w.seeker != nil {
		mvex.AddChild(&mp4.MehdBox{Version: 1})
	}
	moov := w.newMovie(func(t *outTrack, _ *mp4.TrakBox) { mvex.AddChild(mp4.CreateTrex(t.id)) })
	moov.AddChild(mvex)
	ftyp := mp4.NewFtyp("iso6", 0, []string{"iso6", "mp41", "cmfc"})
	if err := ftyp.Encode(&w.buf); err != nil {
		return err
	}
	// mvex is the last in moov, and mehd the first in that.
	w.mehd = int64(ftyp.Size() + moov.Size() - mvex.Size() + boxHeader)
	return moov.Encode(&w.buf)
}

// newMovie returns a movie box with all tracks, which it numbers from 1 on; of each kind the first is enabled. describe completes
// the box of a track.
func (w *Writer) newMovie(describe func(*outTrack, *mp4.TrakBox)) *mp4.MoovBox {
	moov := mp4.NewMoovBox()
	mvhd := mp4.CreateMvhd()
	mvhd.Timescale = movieTimescale
	mvhd.NextTrackID = uint32(len(w.tracks) + 1)
	moov.AddChild(mvhd)
	var before *outTrack
	for i, t := range w.tracks {
		t.id = uint32(i + 1)
		trak := w.trak(t)
		if before == nil || before.kind != t.kind {
			trak.Tkhd.Flags |= tkhdEnabled
		}
		before = t
		describe(t, trak)
		moov.AddChild(trak)
	}
	return moov
}

// trak returns the box of a track. Tracks of a kind are alternatives to each other.
func (w *Writer) trak(t *outTrack) *mp4.TrakBox {
	trak := mp4.CreateEmptyTrak(t.id, uint32(t.scale()), t.kind.String(), "und")
	trak.Tkhd.Flags = tkhdInMovie
	trak.Tkhd.AlternateGroup = int16(t.kind)
	stsd := trak.Mdia.Minf.Stbl.Stsd
	if t.kind == media.Audio {
		stsd.AddChild(t.audioEntry())
		return trak
	}
	width, height := t.info.Width, t.info.Height
	if width == 0 || height == 0 {
		width, height = w.width, w.height
	}
	trak.Tkhd.Width, trak.Tkhd.Height = mp4.Fixed32(width<<16), mp4.Fixed32(height<<16)
	stsd.AddChild(t.videoEntry(uint16(width), uint16(height)))
	return trak
}

// rawBox returns a box with a body that is ready.
func rawBox(kind string, body []byte) mp4.Box {
	return mp4.CreateUnknownBox(kind, uint64(boxHeader+len(body)), body)
}

func (t *outTrack) videoEntry(width, height uint16) mp4.Box {
	e := mp4.CreateVisualSampleEntryBox(t.codec.String(), width, height, nil)
	e.CompressorName = ""
	kind, body := t.videoConfig()
	e.Children = append(e.Children, rawBox(kind, body))
	return e
}

func (t *outTrack) audioEntry() mp4.Box {
	channels := t.info.Channels
	if channels == 0 {
		channels = 2
	}
	rate := t.scale()
	if rate > 0xffff {
		rate = 0 // it does not fit; the configuration says it
	}
	name := t.codec.String()
	if t.codec == media.CodecMP3 {
		name = "mp4a"
	}
	const sampleSize = 16
	e := mp4.CreateAudioSampleEntryBox(name, uint16(channels), sampleSize, uint16(rate), nil)
	kind, body := t.audioConfig()
	e.Children = append(e.Children, rawBox(kind, body))
	return e
}
