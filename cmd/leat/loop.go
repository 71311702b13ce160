package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"leat/flv"
	"leat/media"
)

// repeater reads a file again and again, on one timeline that goes on where a pass has ended. It is a media.Reader that
// ends only when a pass had no frames. Left out are headers that say nothing new and ends of sequence, because the
// sequence goes on.
type repeater struct {
	src    media.Reader
	rewind func() error

	passes  int // finished
	headers media.Headers
	begun   bool                  // this pass has had a frame
	first   time.Duration         // timestamp of the file's first frame
	offset  time.Duration         // of this pass on the common timeline
	tracks  map[trackID]*trackEnd // of this pass, on the common timeline
	last    time.Duration         // the latest timestamp delivered
}

// trackID tells the tracks of a stream apart.
type trackID struct {
	kind  media.Kind
	track uint8
}

// trackEnd is where a track has come to, and how far its last frame was from the one before.
type trackEnd struct {
	last, step time.Duration
}

// ReadPacket returns the next packet, with its timestamp on the common timeline.
func (r *repeater) ReadPacket(ctx context.Context) (*media.Packet, error) {
	for {
		p, err := r.src.ReadPacket(ctx)
		if errors.Is(err, io.EOF) && r.begun {
			err = r.again()
			if err == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		if r.repeated(p) || endsSequence(p) {
			continue
		}
		return r.place(p), nil
	}
}

// again begins the next pass where all tracks of this one have ended.
func (r *repeater) again() error {
	end := time.Duration(0)
	for _, t := range r.tracks {
		end = max(end, t.last+t.step)
	}
	r.offset = end - r.first
	r.last = end
	r.passes++
	r.begun = false
	clear(r.tracks)
	return r.rewind()
}

// repeated reports whether p is a header that is in force already, and takes note of one that is not.
func (r *repeater) repeated(p *media.Packet) bool {
	if !p.Config {
		return false
	}
	for _, q := range r.headers.Packets() {
		if q.Kind == p.Kind && q.Track == p.Track && q.Name == p.Name && bytes.Equal(q.Body, p.Body) {
			return true
		}
	}
	r.headers.Apply(p)
	return false
}

// place puts p on the common timeline. Headers may have any time in a file: in later passes none goes back for one.
func (r *repeater) place(p *media.Packet) *media.Packet {
	q := *p
	q.Timestamp += r.offset
	if p.Config {
		if r.passes > 0 {
			q.Timestamp = max(q.Timestamp, r.last)
		}
		return &q
	}
	if !r.begun {
		r.begun = true
		if r.passes == 0 {
			r.first = p.Timestamp
		}
	}
	r.last = max(r.last, q.Timestamp)
	if p.Kind != media.Data {
		r.note(&q)
	}
	return &q
}

// defaultStep is how long the only frame of a track is taken to last.
const defaultStep = 40 * time.Millisecond

func (r *repeater) note(p *media.Packet) {
	id := trackID{p.Kind, p.Track}
	t := r.tracks[id]
	if t == nil {
		if r.tracks == nil {
			r.tracks = map[trackID]*trackEnd{}
		}
		r.tracks[id] = &trackEnd{last: p.Timestamp, step: defaultStep}
		return
	}
	if step := p.Timestamp - t.last; step > 0 {
		t.last, t.step = p.Timestamp, step
	}
}

// endsSequence reports whether p says that a track is over.
func endsSequence(p *media.Packet) bool {
	switch p.Kind {
	case media.Video:
		h, _, err := flv.ParseVideoHeader(p.Body)
		return err == nil && !h.IsCommand() &&
			(h.Enhanced && h.PacketType == flv.VideoSequenceEnd || !h.Enhanced && h.AVCPacketType == flv.AVCEndOfSequence)
	case media.Audio:
		h, _, err := flv.ParseAudioHeader(p.Body)
		return err == nil && h.Enhanced && h.PacketType == flv.AudioSequenceEnd
	}
	return false
}
