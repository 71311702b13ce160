package flv

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"leat/media"
)

// Writer writes packets as an FLV file or HTTP-FLV stream. It is a media.Writer. It is not safe for concurrent use.
//
// The file begins at time 0, which is the timestamp of the first packet that is not Config: headers that a late
// joiner is given first may be hours older. Timestamps never step back in a file; where the stream's do, the last
// one is repeated.
//
// Not written are: empty audio (silence) and empty video, the removal of stored data messages, and data messages
// for a server, whose names begin with "@". AMF3 data messages are converted to AMF0, because players know only
// tags of type 18.
type Writer struct {
	w        io.Writer
	seeker   io.WriteSeeker // nil: the header and onMetaData cannot be patched
	start    int64          // position of the header in seeker
	begun    bool
	closed   bool
	err      error
	buf      []byte
	size     int64 // bytes written
	metadata bool  // a tag whose totals can be patched stands right behind the header

	audio, video bool
	base         time.Duration // the timestamp that is 0 in the file
	hasBase      bool
	last         int64 // milliseconds
}

// NewWriter returns a Writer to w, beginning at w's current position if it can seek. Each tag is one Write. It does
// not close w.
//
// If w is an io.WriteSeeker that can really seek, the first tag is an onMetaData with duration and filesize, made
// from the first packet if that is one, and Close fills in both. Otherwise onMetaData is written as it comes, and
// the header says that there is audio and video.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// WritePacket writes p. It blocks as long as Write does, and looks at ctx before that only. After a failed Write
// every call returns its error; a body of 16 MiB or more is an *Error that does no harm to what follows.
func (w *Writer) WritePacket(ctx context.Context, p *media.Packet) error {
	if w.closed {
		return ErrClosed
	}
	if w.err != nil {
		return w.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t := PacketTag(p)
	if t == 0 || len(p.Body) > maxTagBody {
		return &Error{Tag: t, Reason: fmt.Sprintf("a packet of kind %v and %d bytes fits no tag", p.Kind, len(p.Body))}
	}
	if len(p.Body) == 0 || p.Kind == media.Data && strings.HasPrefix(p.Name, "@") {
		return nil
	}
	w.buf = w.buf[:0]
	if !w.begun {
		w.begin(p)
		if w.metadata && isMetadata(p) {
			return w.flush()
		}
	}
	w.note(p)
	timestamp := w.timestamp(p)
	if p.Kind == media.Data {
		w.buf = appendTag(w.buf, TagScript, timestamp, w.dataBody(p))
	} else {
		w.buf = AppendTag(w.buf, p, timestamp)
	}
	return w.flush()
}

func isMetadata(p *media.Packet) bool { return p.Kind == media.Data && p.Name == media.NameMetadata }

// begin appends the header and, if it can be patched later, a first onMetaData, made from first if it is one.
func (w *Writer) begin(first *media.Packet) {
	w.begun = true
	if seeker, ok := w.w.(io.WriteSeeker); ok {
		// Pipes and terminals have the method too, and fail.
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			w.seeker, w.start = seeker, start
		}
	}
	w.buf = AppendHeader(w.buf, true, true)
	if w.seeker == nil {
		return
	}
	var body []byte
	if first != nil && isMetadata(first) {
		body = first.Body
	}
	var ok bool
	if body, ok = metadataWithTotals(body); ok {
		w.metadata = true
		w.buf = appendTag(w.buf, TagScript, 0, body)
	}
}

// dataBody returns the body of a script tag for p.
func (w *Writer) dataBody(p *media.Packet) []byte {
	body := AMF0Body(p)
	if isMetadata(p) && w.metadata {
		body = metadataWithoutTotals(body)
	}
	if len(body) > maxTagBody {
		return p.Body
	}
	return body
}

func (w *Writer) note(p *media.Packet) {
	w.audio = w.audio || p.Kind == media.Audio
	w.video = w.video || p.Kind == media.Video
}

// timestamp places p on the file's own timeline.
func (w *Writer) timestamp(p *media.Packet) uint32 {
	if !w.hasBase && !p.Config {
		w.hasBase, w.base = true, p.Timestamp
	}
	if w.hasBase {
		w.last = max(w.last, (p.Timestamp - w.base).Milliseconds())
	}
	return uint32(w.last)
}

func (w *Writer) flush() error {
	n, err := w.w.Write(w.buf)
	w.size += int64(n)
	if err != nil {
		w.err = fmt.Errorf("flv: write tag: %w", err)
	}
	return w.err
}

// Close ends the file. If w can seek, it fills in the flags of the header, the duration and the file size, and
// leaves the position at the end of the file. A Writer that got no packet writes the header of an empty file. Close
// returns the error of an earlier Write too; the second call does nothing.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if w.err != nil {
		return w.err
	}
	if !w.begun {
		w.buf = w.buf[:0]
		w.begin(nil)
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.seeker == nil {
		return nil
	}
	if err := w.patch(); err != nil {
		return fmt.Errorf("flv: fill in header: %w", err)
	}
	return nil
}

func (w *Writer) patch() error {
	header := AppendHeader(nil, w.audio, w.video)
	if err := w.writeAt(header[:fileHeaderSize], 0); err != nil {
		return err
	}
	if w.metadata {
		const body = int64(fileHeaderSize + previousTagSize + tagHeaderSize)
		duration := float64(w.last) / 1000
		if err := w.writeAt(number(duration), body+int64(durationAt)); err != nil {
			return err
		}
		if err := w.writeAt(number(float64(w.size)), body+int64(filesizeAt)); err != nil {
			return err
		}
	}
	_, err := w.seeker.Seek(w.start+w.size, io.SeekStart)
	return err
}

func number(f float64) []byte { return binary.BigEndian.AppendUint64(nil, math.Float64bits(f)) }

func (w *Writer) writeAt(b []byte, offset int64) error {
	if _, err := w.seeker.Seek(w.start+offset, io.SeekStart); err != nil {
		return err
	}
	_, err := w.seeker.Write(b)
	return err
}

var _ media.Writer = (*Writer)(nil)
