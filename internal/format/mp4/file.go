package mp4

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"leat/internal/format"
	"leat/media"
)

// File is an opened MP4 file. It is a format.File.
type File struct {
	in     format.Input
	info   format.Info
	tracks []*track // in the order of packets of one time: audio, video, data
	origin int64    // milliseconds added to all times, so that none is below 0
	lead   *track   // that decides where a player can begin
}

var _ format.File = (*File)(nil)

// noMovie is the end of most MP4 files whose recorder was killed.
const noMovie = "it holds no whole movie box (moov), without which its frames cannot be found: its writer was interrupted before the end"

// Open makes the index of a file. It reads the movie box, and the boxes of all fragments, but no media. A file
// that ends too early is played up to there. Errors wrap format.ErrStructure or format.ErrNoTrack, or are the Input's.
func Open(in format.Input) (*File, error) {
	m, err := readFile(in)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, damaged("it ends too early")
	case err != nil:
		return nil, err
	}
	m.tracks = slices.DeleteFunc(m.tracks, func(t *track) bool { return t.table.len() == 0 })
	numberTracks(m.tracks)
	f := &File{in: in, tracks: m.tracks}
	for _, t := range f.tracks {
		t.table.clip()
		if t.number == 0 && (t.kind == media.Video || t.kind == media.Audio && f.lead == nil) {
			f.lead = t
		}
	}
	if f.lead == nil {
		return nil, fmt.Errorf("%w: no audio or video in it", format.ErrNoTrack)
	}
	f.describe()
	return f, nil
}

// readFile reads all boxes that are not media.
func readFile(in format.Input) (*movie, error) {
	s := &scanner{in: in, size: in.Size()}
	x, err := s.find("moov", 0)
	if errors.Is(err, io.EOF) {
		return nil, damaged(noMovie)
	}
	if err != nil {
		return nil, err
	}
	if x.cut {
		return nil, damaged("it ends within the movie box")
	}
	b, err := s.read(x, maxMovie)
	if err != nil {
		return nil, err
	}
	m, err := readMovie(b, s.size)
	if err != nil || !m.fragments {
		return m, err
	}
	s.window = nil // it may be large
	for at := int64(0); ; {
		x, err := s.find("moof", at)
		if errors.Is(err, io.EOF) || err == nil && x.cut {
			return m, nil
		}
		if err != nil {
			return nil, err
		}
		b, err := s.read(x, maxFragment)
		if err != nil {
			return nil, err
		}
		if err := m.readFragment(b, x.start); err != nil {
			return nil, err
		}
		at = x.end
	}
}

// numberTracks gives the first enabled track of each kind the number 0 and the others those behind it, and puts
// them into the order in which packets of one time are sent.
func numberTracks(tracks []*track) {
	slices.SortStableFunc(tracks, func(a, b *track) int {
		if a.kind != b.kind {
			return cmp.Compare(a.kind, b.kind) // audio, video, data
		}
		return cmp.Compare(disabled(a), disabled(b))
	})
	var next [media.Data + 1]uint8
	for _, t := range tracks {
		t.number = next[t.kind]
		next[t.kind]++
	}
}

func disabled(t *track) int {
	if t.enabled {
		return 0
	}
	return 1
}

// describe fills in what a player is told of the file.
func (f *File) describe() {
	for _, t := range f.tracks {
		f.origin = max(f.origin, -t.milliseconds(t.table.time(0)))
	}
	end := int64(0)
	for _, t := range f.tracks {
		end = max(end, f.milliseconds(t, t.table.next))
		f.info.HasVideo = f.info.HasVideo || t.kind == media.Video
		f.info.HasAudio = f.info.HasAudio || t.kind == media.Audio
	}
	f.info.Duration = time.Duration(end) * time.Millisecond
	if f.info.HasVideo {
		f.info.Keys = f.keyTimes()
	}
	f.info.Metadata = f.metadata()
}

func (f *File) keyTimes() []time.Duration {
	t := &f.lead.table
	if !t.allKeys && len(t.keys) == 0 {
		t.keys = []uint32{0} // all else is better than not to play at all
	}
	n := len(t.keys)
	if t.allKeys {
		n = t.len()
	}
	times := make([]time.Duration, 0, n)
	for i := t.nextKey(0); i < t.len(); i = t.nextKey(i + 1) {
		times = append(times, f.at(f.lead, t.time(i)))
	}
	return times
}

// Info describes the file. Duration is the end of the last sample.
func (f *File) Info() format.Info { return f.info }

// milliseconds returns a decoding or presentation time of a track on the clock of the file, rounded to the nearest.
func (t *track) milliseconds(ticks int64) int64 {
	ticks += t.shift
	seconds, rest := ticks/t.timescale, ticks%t.timescale
	if rest < 0 {
		seconds, rest = seconds-1, rest+t.timescale
	}
	return seconds*1000 + (rest*1000+t.timescale/2)/t.timescale
}

// milliseconds returns the same on the clock of players, which begins at 0.
func (f *File) milliseconds(t *track, ticks int64) int64 { return t.milliseconds(ticks) + f.origin }

func (f *File) at(t *track, ticks int64) time.Duration {
	return time.Duration(f.milliseconds(t, ticks)) * time.Millisecond
}
