package flvfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"leat/flv"
	"leat/internal/format"
	"leat/media"
)

// Storage is the bytes of a file that is being written. One goroutine at a time uses it.
type Storage interface {
	format.Input
	io.WriterAt
	Truncate(size int64) error
}

// ErrClosed is returned by the methods of a Writer that was closed.
var ErrClosed = errors.New("flvfile: the writer is closed")

// Writer writes a recording so that the file can be opened at any moment: each packet is one write behind the last, and
// nothing is kept back. It is a media.Writer, and not safe for concurrent use.
//
// The first tag is an onMetaData with room for duration, filesize and keyframes, which Close fills in. The file begins at
// time 0. Timestamps of a track never step back in it; a source whose clock jumps back goes on one frame after its last.
//
// Not written are empty audio and video, the removal of stored data messages, and data messages for a server, whose
// names begin with "@". AMF3 data messages become tags of type 18.
type Writer struct {
	f      Storage
	state  state
	begun  bool
	closed bool
	again  bool // resumed, and no frame has come: headers that are in force already are left out
	err    error
	buf    []byte
}

// NewWriter returns a Writer to f, which is empty. Nothing is written before the first packet, which should be the
// onMetaData if there is one.
func NewWriter(f Storage) *Writer { return &Writer{f: f, state: newState()} }

// Resume returns a Writer that goes on behind the last whole tag of f: its first frame comes one frame after the last in
// the file, and gap later than that. Headers that are in force there already are not written again. Resume reads the
// whole file. Errors wrap format.ErrStructure, or are f's.
func Resume(f Storage, gap time.Duration) (*Writer, error) {
	s, err := scan(f)
	if err != nil {
		return nil, err
	}
	s.clock.resume(gap)
	return &Writer{f: f, state: *s, begun: true, again: true}, nil
}

// WritePacket writes p. It blocks as long as the storage does, and looks at ctx before that only. After a failed write,
// whose bytes are cut off again if possible, every call returns its error.
func (w *Writer) WritePacket(ctx context.Context, p *media.Packet) error {
	switch {
	case w.closed:
		return ErrClosed
	case w.err != nil:
		return w.err
	case ctx.Err() != nil:
		return ctx.Err()
	case p.Kind == media.Data && strings.HasPrefix(p.Name, "@") || len(p.Body) == 0:
		return nil
	}
	w.buf = w.buf[:0]
	if !w.begun {
		w.begin(p)
		if isMetadata(p) {
			return w.flush()
		}
	}
	if p.Config && w.again && w.state.inForce(p) {
		return nil
	}
	w.again = w.again && (p.Config || p.Kind == media.Data)
	at := w.state.clock.place(p)
	tag := p
	if isMetadata(p) {
		tag = withoutTotals(p)
	}
	before := len(w.buf)
	w.buf = flv.AppendTag(w.buf, tag, media.WireTime(at))
	if len(w.buf) == before {
		return fmt.Errorf("flvfile: a packet of kind %v and %d bytes fits no tag", p.Kind, len(p.Body))
	}
	offset := w.state.end + int64(before)
	if err := w.flush(); err != nil {
		return err
	}
	w.state.note(p, at, offset)
	return nil
}

func isMetadata(p *media.Packet) bool { return p.Kind == media.Data && p.Name == media.NameMetadata }

// begin appends the header of the file and the onMetaData whose totals Close fills in.
func (w *Writer) begin(first *media.Packet) {
	w.begun = true
	w.buf = flv.AppendHeader(w.buf, true, true)
	if isMetadata(first) {
		w.state.members = membersOf(first)
		w.state.headers.Apply(first)
	}
	body := appendMetadata(nil, w.state.members, &totals{}, 0)
	w.state.metadataAt = int64(len(w.buf)) + tagHeaderSize
	w.state.room = len(body) + indexRoom
	body = appendMetadata(nil, w.state.members, &totals{}, w.state.room)
	w.buf = flv.AppendTag(w.buf, &media.Packet{Kind: media.Data, Body: body}, 0)
}

// maxKept is how large a buffer may be to be used again.
const maxKept = 1 << 20

func (w *Writer) flush() error {
	if _, err := w.f.WriteAt(w.buf, w.state.end); err != nil {
		w.err = fmt.Errorf("flvfile: %w", err)
		if cut := w.f.Truncate(w.state.end); cut != nil {
			w.err = errors.Join(w.err, cut)
		}
		return w.err
	}
	w.state.end += int64(len(w.buf))
	if cap(w.buf) > maxKept {
		w.buf = nil
	}
	return nil
}

// Duration returns the time of the last frame in the file.
func (w *Writer) Duration() time.Duration { return w.state.duration }

// Close fills in what is known at the end only; it needs no more room on the disk. After a failed write it does so for
// what had been written before. It does not close the storage; the second call does nothing.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if !w.begun {
		return nil
	}
	return w.state.finish(w.f)
}

var _ media.Writer = (*Writer)(nil)
