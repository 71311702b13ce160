package flvfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"leat/amf"
	"leat/flv"
	"leat/media"
)

// state is what a Writer knows of its file, and what a scan of the file finds out.
type state struct {
	end          int64 // behind the last whole tag
	metadataAt   int64 // of the body of the first onMetaData; 0: there is none
	room         int   // size of that body
	members      []amf.Member
	headers      media.Headers
	clock        clock
	duration     time.Duration // time of the last frame
	keys         keyIndex
	keyTrack     int // whose key frames are listed, the lowest that has had one; -1: none yet
	audio, video bool
	frames       bool // there are some, not sequence headers only
	changed      bool // a header has come behind them that was not in force
}

func newState() state { return state{keyTrack: -1} }

// inForce reports whether p says what is known already.
func (s *state) inForce(p *media.Packet) bool {
	for _, h := range s.headers.Packets() {
		if h.Kind == p.Kind && h.Track == p.Track && h.Name == p.Name {
			return isMetadata(p) && bytes.Equal(withoutTotals(h).Body, withoutTotals(p).Body) || bytes.Equal(h.Body, p.Body)
		}
	}
	return false
}

// note takes note of a packet that stands in the file at offset with the time at.
func (s *state) note(p *media.Packet, at time.Duration, offset int64) {
	if p.Config && s.frames && !isMetadata(p) && !s.inForce(p) {
		s.changed = true
	}
	if !s.headers.Apply(p) && p.Kind != media.Data {
		s.frames, s.duration = true, max(s.duration, at)
	}
	s.audio = s.audio || p.Kind == media.Audio
	s.video = s.video || p.Kind == media.Video
	if p.Kind != media.Video || !p.Key {
		return
	}
	if s.keyTrack < 0 || int(p.Track) < s.keyTrack {
		s.keyTrack = int(p.Track)
	}
	if s.keyTrack == int(p.Track) {
		s.keys.add(keyFrame{at, offset})
	}
}

// finish cuts off what is behind the last whole tag and fills in what the beginning of the file says about the rest.
func (s *state) finish(f Storage) error {
	if f.Size() != s.end {
		if err := f.Truncate(s.end); err != nil {
			return fmt.Errorf("flvfile: cutting off the end: %w", err)
		}
	}
	if s.metadataAt > 0 && s.metadataAt+int64(s.room) < s.end {
		t := totals{duration: s.duration, size: s.end, keys: s.keys, steady: !s.changed}
		if body := appendMetadata(nil, s.members, &t, s.room); len(body) == s.room {
			if _, err := f.WriteAt(body, s.metadataAt); err != nil {
				return fmt.Errorf("flvfile: filling in onMetaData: %w", err)
			}
		}
	}
	if !s.frames {
		return nil
	}
	flags := flv.AppendHeader(nil, s.audio, s.video)[4:5]
	if _, err := f.WriteAt(flags, 4); err != nil {
		return fmt.Errorf("flvfile: filling in the header: %w", err)
	}
	return nil
}

// Repair makes a file whole whose writer was killed: what is behind the last whole tag is cut off, and onMetaData gets
// duration, filesize and keyframes, as far as the file has room for them. It reads the whole file and returns the
// duration of what is left. A file that is whole stays as it is. The error is format.ErrStructure for what is no FLV file,
// format.ErrNoTrack for one without audio and video, which is left alone, or f's.
func Repair(f Storage) (time.Duration, error) {
	s, err := scan(f)
	if err != nil {
		return 0, err
	}
	if !s.frames {
		return 0, noTrack()
	}
	return s.duration, s.finish(f)
}

// scan reads the tags of a file up to the first that is not whole, or that no writer makes: a disk may hold zeros where
// the last bytes were to be when its power was cut.
func scan(f Storage) (*state, error) {
	tags, err := openTags(f)
	if err != nil {
		return nil, err
	}
	s := newState()
	if s.end = tags.next; s.end > f.Size() {
		return nil, noTrack()
	}
	x := scanner{state: &s, tags: tags}
	for {
		err := tags.read(headSize)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return &s, nil
		}
		if err != nil {
			return nil, err
		}
		if tags.tag.Type == 0 || tags.next > f.Size() {
			return &s, nil
		}
		if err := x.tag(); err != nil {
			return nil, err
		}
		s.end = tags.next
	}
}

type scanner struct {
	*state
	tags    *tagReader
	unwrap  media.Timeline
	packets []*media.Packet
}

func (x *scanner) tag() error {
	t := x.tags
	at := x.unwrap.Unwrap(t.tag.Timestamp)
	if t.tag.Encrypted {
		return nil
	}
	// A body that is malformed, or of which too little was read, gives a packet all the same.
	x.packets, _ = flv.AppendPackets(x.packets[:0], t.tag.Type, at, t.tag.Body)
	if needsWhole(x.packets) {
		if err := t.readWhole(); err != nil {
			return err
		}
		x.packets, _ = flv.AppendPackets(x.packets[:0], t.tag.Type, at, t.tag.Body)
	}
	for _, p := range x.packets {
		if isMetadata(p) && x.metadataAt == 0 && !x.clock.running {
			x.metadata(p)
		}
		if !p.Config && p.Kind != media.Data {
			x.clock.saw(p, at)
		}
		x.note(p, at, t.at)
	}
	return nil
}

// metadata takes note of the onMetaData whose totals can be filled in.
func (x *scanner) metadata(p *media.Packet) {
	if len(p.Body) != x.tags.size { // something stands in front of its name
		return
	}
	x.metadataAt, x.room = x.tags.at+tagHeaderSize, x.tags.size
	if x.members = membersOf(p); x.members == nil {
		x.members = salvage(p.Body)
	}
}
