package mp3

import (
	"bufio"
	"context"
	"errors"
	"io"

	"leat/media"
)

// Stream reads MP3 from front to back, as from a pipe. It is a media.Reader, and not safe for concurrent use. What a File knows from
// the whole of it, the duration, it does not know.
type Stream struct {
	in      *bufio.Reader
	begun   bool
	stream  header // of the first frame
	samples int64
	queue   []*media.Packet
}

var _ media.Reader = (*Stream)(nil)

// NewStream returns a reader of r. Nothing is read before the first packet is.
func NewStream(r io.Reader) *Stream { return &Stream{in: bufio.NewReaderSize(r, windowSize)} }

// ReadPacket returns metadata, the ID3 tags if there are some, then frame by frame. It blocks as long as the reader does, and looks
// at ctx before that only. A last frame that is not whole is left out. The error is io.EOF at the end, wraps
// format.ErrStructure if there is no MP3 frame, or is the reader's.
func (s *Stream) ReadPacket(ctx context.Context) (*media.Packet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !s.begun {
		s.begun = true
		if err := s.begin(); err != nil {
			return nil, noFrame(err)
		}
	}
	if len(s.queue) > 0 {
		p := s.queue[0]
		s.queue = s.queue[1:]
		return p, nil
	}
	h, err := s.find(&s.stream)
	if err != nil {
		return nil, endOf(err)
	}
	p := h.packet(make([]byte, 1+h.size), s.samples)
	if _, err := io.ReadFull(s.in, p.Data); err != nil {
		return nil, endOf(err)
	}
	s.samples += int64(h.samples)
	return p, nil
}

// begin passes over tags and the frame of tables, up to the first frame.
func (s *Stream) begin() error {
	tags, err := s.readTags()
	if err != nil {
		return err
	}
	h, err := s.find(nil)
	if err != nil {
		return err
	}
	if frame, err := s.in.Peek(h.size); err == nil && h.isInfo(frame) {
		if _, err := s.in.Discard(h.size); err != nil {
			return err
		}
		if h, err = s.find(&h); err != nil {
			return err
		}
	}
	s.stream = h
	s.queue = append(s.queue, metadata(h, 0))
	if tags != nil {
		s.queue = append(s.queue, tags)
	}
	return nil
}

// readTags passes over the ID3v2 tags in front, and returns the first of them.
func (s *Stream) readTags() (*media.Packet, error) {
	var tags *media.Packet
	for {
		head, err := s.in.Peek(id3Header)
		if err != nil {
			return nil, err
		}
		size := tagSize(head)
		if size == 0 {
			return tags, nil
		}
		if tags == nil {
			b, err := io.ReadAll(io.LimitReader(s.in, min(size, maxID3Read)))
			if err != nil {
				return nil, err
			}
			tags = onID3(b)
			size -= int64(len(b))
		}
		if _, err := io.CopyN(io.Discard, s.in, size); err != nil {
			return nil, err
		}
	}
}

// find passes over what is no frame of stream (nil: any), as reader.find does, and returns the header of the frame that comes then.
func (s *Stream) find(stream *header) (header, error) {
	for range maxSearch {
		b, err := s.in.Peek(headerSize)
		if err != nil {
			return header{}, err
		}
		h, ok := parse(b)
		if ok && (stream == nil && s.followed(h) || stream != nil && h.sameStream(*stream)) {
			return h, nil
		}
		if hasTag(b, 0, "TAG") {
			if rest, err := s.in.Peek(id3v1Size + 1); errors.Is(err, io.EOF) && len(rest) <= id3v1Size {
				return header{}, io.EOF
			}
		}
		if _, err := s.in.Discard(1); err != nil {
			return header{}, err
		}
	}
	return header{}, io.EOF
}

func (s *Stream) followed(h header) bool {
	b, err := s.in.Peek(h.size + headerSize)
	if err != nil {
		return len(b) == h.size
	}
	return h.followedBy(b[h.size:])
}
