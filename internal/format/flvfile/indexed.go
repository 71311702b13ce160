package flvfile

import (
	"errors"
	"io"
	"math"
	"sync"
	"time"

	"leat/amf"
	"leat/internal/format"
	"leat/media"
)

// maxIndexed is how large the onMetaData of a file may be whose keyframes object is believed.
const maxIndexed = 1 << 20

// OpenIndexed is Open for a file that is expensive to read. If its onMetaData has a keyframes object of a Writer, which says that
// the headers at the beginning are in force in the whole file, that is the index, and only the beginning of the file and its last key frame are
// read. Each place is looked at before somebody begins there; when it is no key frame of that time, the whole file
// is read after all. For all other files OpenIndexed does what Open does.
func OpenIndexed(in format.Input) (*File, error) {
	f, err := openIndexed(in)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return Open(in)
	}
	f.full = sync.OnceValues(func() (*File, error) { return Open(in) })
	return f, nil
}

// openIndexed returns nil without an error if the file has no index that can be believed.
func openIndexed(in format.Input) (*File, error) {
	x, err := newIndexer(in)
	if err != nil {
		return nil, err
	}
	flags, err := x.tags.bytes(4, 1) // FLV E.2: 4 audio, 1 video
	if err != nil {
		return nil, err
	}
	hasAudio, hasVideo := flags[0]&4 != 0, flags[0]&1 != 0
	for !x.info.HasAudio && !x.info.HasVideo { // up to the first frame
		err := x.tags.read(headSize)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || x.tags.next > maxIndexed {
			return nil, nil //nolint:nilnil // as documented
		}
		if err == nil {
			err = x.tag()
		}
		if err != nil {
			return nil, err
		}
	}
	keys, duration := indexOf(x.stored, in.Size())
	if len(keys) == 0 || !hasVideo {
		return nil, nil //nolint:nilnil // as above
	}
	f := &File{in: in, start: x.start, end: in.Size()}
	f.info = format.Info{Duration: duration, HasAudio: hasAudio, HasVideo: true, Metadata: metadata(x.stored, duration)}
	headers := x.headers.Packets()
	for _, k := range keys {
		f.keys = append(f.keys, place{k.offset, k.at, headers})
		f.info.Keys = append(f.info.Keys, k.at)
	}
	holds, err := f.holds(f.keys[len(f.keys)-1])
	if err != nil || !holds {
		return nil, err
	}
	return f, nil
}

// indexOf returns what the keyframes object of an onMetaData lists; nothing if it is not of a Writer, or of another file.
func indexOf(stored *media.Packet, size int64) (keys []keyFrame, duration time.Duration) {
	if stored == nil {
		return nil, 0
	}
	values, err := amf.Decode(stored.Data, amf.Limits{})
	o, ok := first(values).(*amf.Object)
	if !ok || err != nil {
		return nil, 0
	}
	seconds, _ := o.Number(memberDuration)
	if filesize, _ := o.Number(memberFilesize); filesize != float64(size) || !isTime(seconds) {
		return nil, 0
	}
	listed := o.Object(memberKeyFrames)
	if listed == nil {
		return nil, 0
	}
	if steady, _ := listed.Bool(memberSteady); !steady {
		return nil, 0
	}
	return pair(listed, size), timeOf(seconds)
}

// pair returns the key frames of a keyframes object; nil when they are none of a file of that size.
func pair(listed *amf.Object, size int64) []keyFrame {
	a, _ := listed.Get(memberTimes)
	b, _ := listed.Get(memberPositions)
	times, _ := a.([]any)
	positions, _ := b.([]any)
	if len(times) != len(positions) {
		return nil
	}
	keys := make([]keyFrame, len(times))
	last := keyFrame{-1, -1}
	for i := range keys {
		seconds, okT := times[i].(float64)
		position, okP := positions[i].(float64)
		if !okT || !okP || !isTime(seconds) || position != math.Trunc(position) || !(position < float64(size)) {
			return nil
		}
		k := keyFrame{timeOf(seconds), int64(position)}
		if k.at <= last.at || k.offset <= last.offset {
			return nil
		}
		keys[i], last = k, k
	}
	return keys
}

// isTime reports whether seconds are a time that a file can have.
func isTime(seconds float64) bool { return seconds >= 0 && seconds < math.MaxInt32 }

func timeOf(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds*1000)) * time.Millisecond
}

// holds reports whether there is a key frame of that time.
func (f *File) holds(p place) (bool, error) {
	t := f.tagsAt(p.offset)
	err := t.read(headSize)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	if err != nil || t.tag.Timestamp != media.WireTime(p.time) {
		return false, err
	}
	x := indexer{tags: t}
	if err := x.tag(); err != nil {
		return false, err
	}
	return len(x.keys) == 1, nil
}

// verified returns the file in which a cursor finds p: this one, or what was read of it as a whole because p is not where it should be.
func (f *File) verified(p place) (*File, error) {
	if f.full == nil {
		return f, nil
	}
	if holds, err := f.holds(p); holds || err != nil {
		return f, err
	}
	return f.full()
}
