package mp4

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"leat/internal/format/codec"
	"leat/media"
)

var (
	// ErrNewSegment is returned by Writer.WritePacket for a packet that this file has no place for: the header of a
	// track has changed, or one has come up that the file does not announce. The packet was not written. All that came
	// before it is: close the Writer and go on with a new one, that gets the headers in force and then the packet.
	ErrNewSegment = errors.New("mp4: the tracks have changed, a new file must begin")
	// ErrClosed is returned by WritePacket after Close.
	ErrClosed = errors.New("mp4: writer is closed")
)

// UnsupportedError says that MP4 has no form for a track or for a kind of data message, or none that this package
// knows, so that it is left out of the file. A Writer returns it once for each, and goes on.
type UnsupportedError struct {
	Kind  media.Kind
	Track uint8
	Codec media.FourCC // zero if it has none
	Name  string       // of a data message
}

// Error names the track and its codec, or the data message.
func (e *UnsupportedError) Error() string {
	if e.Kind == media.Data {
		return fmt.Sprintf("mp4: data messages such as %q are left out", e.Name)
	}
	name := "without a name"
	if e.Codec != 0 {
		name = e.Codec.String()
	}
	return fmt.Sprintf("mp4: %v track %d is left out: codec %s", e.Kind, e.Track, name)
}

// WriterOptions are the options of a Writer. The zero value is the default.
type WriterOptions struct {
	// FragmentDuration is the longest time that a fragment covers, and so what a crash can cost; 0 means a second.
	// Key frames begin a fragment of their own where the one before has at least half of it.
	FragmentDuration time.Duration
	// Live is for a stream that is sent in pieces as it comes, and has no end: times count from Origin instead of from the
	// first frame, and no index of key frames is kept nor written. A duration is not filled in.
	Live bool
	// Origin is the timestamp that is 0 in the file, if Live is set; what is earlier is put there.
	Origin time.Duration
}

const (
	maxFragmentData    = 64 << 20 // bytes: a fragment that has as many is written
	maxFragmentSamples = 1 << 16  // likewise
	maxOutTracks       = 32
	maxRefused         = 256
)

// Writer writes packets as a fragmented MP4 file, or with NewProgressiveWriter as one that is not. It is a media.Writer. It is not safe for concurrent use.
//
// It carries H.264, H.265, H.266, AV1, VP9, VP8, AAC, Opus, FLAC, MP3, AC-3 and E-AC-3 in up to 32 tracks. Which tracks the
// file has is settled when its first fragment is written: those whose headers have come by then, or whose first
// frame if the codec has no header. Decoding times are kept to the millisecond, from the first frame on, which is
// 0. Where they step back in a track, or stand still, they go on by the smallest step instead.
//
// Not written are frames that come before the header of their track, video before its first key frame, silence, colour
// information and channel configurations. Of data messages only onMetaData is used, for the size of
// pictures whose codec does not say it.
type Writer struct {
	w       io.Writer
	options WriterOptions
	seeker  io.WriteSeeker // nil: the duration cannot be filled in
	start   int64          // position of the file's first byte in seeker
	size    int64          // bytes written
	closed  bool
	err     error

	tracks  []*outTrack
	begun   bool // the initialization segment is written: the tracks are settled
	mehd    int64
	refused map[UnsupportedError]bool

	width, height int           // of the pictures, from onMetaData
	base          time.Duration // the timestamp that is 0 in the file
	hasBase       bool

	progressive *progressive // nil for a fragmented file

	fragment fragment
	sequence uint32 // of fragments
	keys     []keyFragment
	buf      bytes.Buffer
}

// fragment is what the next fragment will hold.
type fragment struct {
	samples int
	bytes   int
	start   time.Duration // timestamp of the first sample
}

var _ media.Writer = (*Writer)(nil)

// NewWriter returns a Writer to w, beginning at w's current position if it can seek. Each fragment is one Write. If w
// is an io.WriteSeeker that can really seek, Close fills in the duration. nil options are the defaults. The
// Writer does not close w.
func NewWriter(w io.Writer, options *WriterOptions) *Writer {
	out := &Writer{w: w, refused: map[UnsupportedError]bool{}}
	if options != nil {
		out.options = *options
	}
	if out.options.FragmentDuration <= 0 {
		out.options.FragmentDuration = time.Second
	}
	if out.options.Live {
		out.base, out.hasBase = out.options.Origin, true
		return out
	}
	if seeker, ok := w.(io.WriteSeeker); ok {
		// Pipes and terminals have the method too, and fail.
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			out.seeker, out.start = seeker, start
		}
	}
	return out
}

// WritePacket takes p for the next fragment, and writes that if p does not belong to it any more. It blocks as long as
// Write does, and looks at ctx before that only. The errors are ErrNewSegment, ErrClosed, an *UnsupportedError, which
// does no harm to what follows, and that of a failed Write, which every later call returns too.
func (w *Writer) WritePacket(ctx context.Context, p *media.Packet) error {
	switch {
	case w.closed:
		return ErrClosed
	case w.err != nil:
		return w.err
	case ctx.Err() != nil:
		return ctx.Err()
	case p.Kind == media.Data:
		return w.data(p)
	case len(p.Body) == 0 || p.Config && p.Name != "":
		return nil
	case !carried(p.Kind, p.Codec):
		return w.refuse(UnsupportedError{Kind: p.Kind, Track: p.Track, Codec: p.Codec})
	case p.Config:
		return w.header(p)
	case len(p.Data) == 0:
		return nil
	}
	return w.frame(p)
}

// refuse returns e if that has not been said yet.
func (w *Writer) refuse(e UnsupportedError) error {
	if w.refused[e] || len(w.refused) >= maxRefused {
		return nil
	}
	w.refused[e] = true
	return &e
}

func (w *Writer) data(p *media.Packet) error {
	if p.Name != media.NameMetadata {
		return w.refuse(UnsupportedError{Kind: media.Data, Name: p.Name})
	}
	w.width, w.height = pictureSize(p.Body)
	return nil
}

func (w *Writer) track(p *media.Packet) *outTrack {
	i := slices.IndexFunc(w.tracks, func(t *outTrack) bool { return t.kind == p.Kind && t.number == p.Track })
	if i < 0 {
		return nil
	}
	return w.tracks[i]
}

// header takes a sequence header.
func (w *Writer) header(p *media.Packet) error {
	t := w.track(p)
	if t != nil && t.codec == p.Codec && bytes.Equal(t.config, p.Data) {
		return nil
	}
	if w.settled(t) {
		return ErrNewSegment
	}
	return w.announce(t, p)
}

// settled reports whether it is too late to announce a track, t if it has been announced before.
func (w *Writer) settled(t *outTrack) bool {
	return w.begun && w.progressive == nil || t != nil && t.started
}

// announce sets up a track by its header, or by its first frame. t is the track as it was announced before, or nil.
func (w *Writer) announce(t *outTrack, p *media.Packet) error {
	if t == nil {
		if len(w.tracks) == maxOutTracks {
			return w.refuse(UnsupportedError{Kind: p.Kind, Track: p.Track, Codec: p.Codec})
		}
		t = &outTrack{kind: p.Kind, number: p.Track}
		w.tracks = append(w.tracks, t)
	}
	t.codec, t.config, t.info, t.timescale = p.Codec, nil, codec.Info{}, 0
	if p.Config {
		t.config = p.Data
	}
	t.learn(p)
	return nil
}

// frame takes a frame into the next fragment.
func (w *Writer) frame(p *media.Packet) error {
	t := w.track(p)
	if t == nil || t.codec != p.Codec {
		if needsHeader(p.Codec) {
			return nil // it cannot be decoded
		}
		if w.settled(t) {
			return ErrNewSegment
		}
		if err := w.announce(t, p); err != nil {
			return err
		}
		if t = w.track(p); t == nil {
			return nil
		}
	}
	if t.kind == media.Video && !t.started && !p.Key {
		return nil
	}
	if w.isDue(t, p) {
		if err := w.flush(t, p); err != nil {
			return err
		}
	}
	if !w.hasBase {
		w.base, w.hasBase = p.Timestamp, true
	}
	if w.fragment.samples == 0 {
		w.fragment.start = p.Timestamp
	}
	t.add(p, w.base)
	w.fragment.samples++
	w.fragment.bytes += len(p.Data)
	return nil
}

// isDue reports whether the fragment ends before p.
func (w *Writer) isDue(t *outTrack, p *media.Packet) bool {
	if w.fragment.samples == 0 {
		return false
	}
	length := p.Timestamp - w.fragment.start
	return length >= w.options.FragmentDuration ||
		w.fragment.bytes+len(p.Data) > maxFragmentData || w.fragment.samples >= maxFragmentSamples ||
		p.Key && t == w.lead() && length >= w.options.FragmentDuration/2
}

// lead returns the track whose key frames players seek to.
func (w *Writer) lead() *outTrack {
	return slices.MinFunc(w.tracks, compareTracks)
}

// Close writes what is left and the index of key frames, and the duration if w can seek; that leaves the position at
// the end of the file. A Writer that knows of no track writes nothing. Close returns the error of an earlier Write
// too; the second call does nothing.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if w.err != nil {
		return w.err
	}
	if len(w.tracks) == 0 {
		return nil
	}
	if err := w.flush(nil, nil); err != nil || w.options.Live {
		return err
	}
	if w.progressive != nil {
		return w.progressive.finish(w)
	}
	return w.finish()
}

// Cut writes what has come as a fragment, whatever its length. next is the packet that comes then, which tells how long the
// last frame of its track is; nil if it is not known. Without a frame since the last fragment Cut does nothing. Errors are those
// of WritePacket.
func (w *Writer) Cut(next *media.Packet) error {
	switch {
	case w.closed:
		return ErrClosed
	case w.err != nil:
		return w.err
	case w.fragment.samples == 0:
		return nil
	case next == nil:
		return w.flush(nil, nil)
	}
	return w.flush(w.track(next), next)
}

// SplitInit divides the first Write of a Writer into the initialization segment and the fragment behind it. Of bytes that do
// not begin with one, init is empty.
func SplitInit(b []byte) (init, rest []byte) {
	at := 0
	for _, kind := range []string{"ftyp", "moov"} {
		if len(b)-at < boxHeader || string(b[at+4:at+boxHeader]) != kind {
			return nil, b
		}
		size := int(binary.BigEndian.Uint32(b[at:]))
		if size < boxHeader || size > len(b)-at {
			return nil, b
		}
		at += size
	}
	return b[:at:at], b[at:]
}

// write sends out what is in buf.
func (w *Writer) write() error {
	n, err := w.w.Write(w.buf.Bytes())
	w.size += int64(n)
	w.buf.Reset()
	if err != nil {
		w.err = fmt.Errorf("mp4: write fragment: %w", err)
	}
	return w.err
}
