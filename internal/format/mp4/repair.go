package mp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"leat/internal/format"
	"leat/media"
)

// Repairable is a file that Repair can mend, such as an *os.File opened for reading and writing.
type Repairable interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
}

// Repair mends a fragmented file of size bytes whose Writer did not come to Close. It cuts off what lies behind the
// last whole fragment, appends the index of key frames if it is missing, and fills in the duration if there is a place
// for it. It returns the size of the file, which stays as it is if nothing was wrong. A file that is not fragmented is
// left alone.
//
// Errors wrap format.ErrStructure if the file does not even hold a whole movie box, so that nothing in it can be
// played; otherwise they are f's.
func Repair(f Repairable, size int64) (int64, error) {
	s := &scanner{in: f, size: size}
	r := repair{scanner: s}
	if err := r.readMovie(); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = damaged("it ends too early")
		}
		return size, err
	}
	if !r.movie.fragments {
		return size, nil
	}
	if err := r.readFragments(); err != nil {
		return size, err
	}
	torn := r.end < size
	if torn {
		if err := f.Truncate(r.end); err != nil {
			return size, fmt.Errorf("mp4: cut off what is torn: %w", err)
		}
	}
	if !r.indexed {
		if err := r.writeIndex(f); err != nil {
			return r.end, err
		}
	}
	if torn || r.written == 0 {
		return r.end, r.writeDuration(f)
	}
	return r.end, nil
}

// repair is what is known of a file that is being mended.
type repair struct {
	*scanner
	movie    *movie
	duration int64  // where it stands in the file; 0 if there is no place for it
	version  uint8  // of the box around it
	written  uint64 // the duration that stands there
	indexed  bool   // there is an mfra box
	keys     []keyFragment
	end      int64 // of the last whole fragment
	length   int64 // of the movie up to there, in its time scale
}

// readMovie reads the movie box.
func (r *repair) readMovie() error {
	x, err := r.find("moov", 0)
	if errors.Is(err, io.EOF) || err == nil && x.cut {
		return damaged(noMovie)
	}
	if err != nil {
		return err
	}
	b, err := r.read(x, maxMovie)
	if err != nil {
		return err
	}
	r.movie, err = readMovie(b, r.size)
	if err != nil {
		return err
	}
	r.end = x.end
	return r.findDuration(x.body, x.end)
}

// findDuration finds the mehd box in the movie box whose body is from start to end.
func (r *repair) findDuration(start, end int64) error {
	for _, kind := range []string{"mvex", "mehd"} {
		x, err := r.find(kind, start)
		if errors.Is(err, io.EOF) || err == nil && x.end > end {
			return nil
		}
		if err != nil {
			return err
		}
		start, end = x.body, x.end
	}
	b, err := r.bytes(start, end-start)
	if err != nil {
		return err
	}
	f := fields{b: b}
	r.version, _ = f.full()
	if r.written = f.either(r.version); !f.short {
		r.duration = start + 4
	}
	return nil
}

// readFragments goes through what follows the movie box, up to the first that is not whole or no MP4.
func (r *repair) readFragments() error {
	pending := false // a moof without its mdat
	for at := r.end; ; {
		x, err := r.next(at)
		if err != nil || x.cut {
			return unlessDamaged(err)
		}
		switch x.kind {
		case "moof":
			if err := r.readFragment(x); err != nil {
				return unlessDamaged(err)
			}
			pending = true
		case "mdat":
			pending, r.length = false, r.movie.length()
		case "mfra":
			r.indexed = true
		case "free", "skip", "styp", "sidx", "emsg", "prft", "uuid":
		default:
			return nil
		}
		if at = x.end; !pending {
			r.end = at
		}
	}
}

// unlessDamaged returns the errors of a file that cannot be read, and none for one that is damaged or ends.
func unlessDamaged(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, format.ErrStructure) {
		return nil
	}
	return err
}

func (r *repair) readFragment(x topBox) error {
	b, err := r.read(x, maxFragment)
	if err != nil {
		return err
	}
	lead := r.lead()
	if lead == nil {
		return nil
	}
	first := lead.table.len()
	if err := r.movie.readFragment(b, x.start); err != nil {
		return err
	}
	if n := lead.table.len(); n > first && lead.table.nextKey(first) == first && len(r.keys) < maxKeyFragments {
		r.keys = append(r.keys, keyFragment{time: lead.table.time(first), moof: x.start})
	}
	return nil
}

// lead returns the track whose key frames players seek to, or nil.
func (r *repair) lead() *track {
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		if i := slices.IndexFunc(r.movie.tracks, func(t *track) bool { return t.kind == kind }); i >= 0 {
			return r.movie.tracks[i]
		}
	}
	return nil
}

// writeIndex appends the index of key frames.
func (r *repair) writeIndex(f Repairable) error {
	lead := r.lead()
	if lead == nil {
		return nil
	}
	keys := slices.DeleteFunc(r.keys, func(k keyFragment) bool { return k.moof >= r.end })
	var b bytes.Buffer
	if err := appendRandomAccess(&b, lead.id, keys); err != nil {
		return err
	}
	n, err := f.WriteAt(b.Bytes(), r.end)
	r.end += int64(n)
	if err != nil {
		return fmt.Errorf("mp4: write the index of key frames: %w", err)
	}
	return nil
}

// writeDuration fills in the duration, if there is a place for it.
func (r *repair) writeDuration(f Repairable) error {
	if r.duration == 0 {
		return nil
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(r.length))
	if r.version == 0 {
		b = b[4:]
	}
	if _, err := f.WriteAt(b, r.duration); err != nil {
		return fmt.Errorf("mp4: fill in the duration: %w", err)
	}
	return nil
}

// length returns the end of the last sample, in the time scale of the movie.
func (m *movie) length() int64 {
	end := int64(0)
	for _, t := range m.tracks {
		seconds, rest := t.table.next/t.timescale, t.table.next%t.timescale
		end = max(end, seconds*m.timescale+rest*m.timescale/t.timescale)
	}
	return end
}
