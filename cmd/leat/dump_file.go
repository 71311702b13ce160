package main

import (
	"io"

	"leat/flv"
	"leat/media"
)

// dumpFile writes messages as tags of an FLV file, as they came. The header says what there is to come, so it waits, and
// all with it, until messages of both kinds have come, or one with a time other than 0.
type dumpFile struct {
	w       io.Writer
	begun   bool
	held    []byte // until then
	media   bool   // a message of audio or video has come
	tag     []byte // reused
	audio   bool
	video   bool
	offset  uint32 // of the messages' times to those of the file, milliseconds
	latest  uint32 // timestamp of the last tag
	written int64  // bytes, those that are held included
}

const (
	maxHeld      = 1 << 20 // bytes that wait for the header
	fileHeader   = 13
	leastVideo   = 6 // shorter messages are left out
	leastAudio   = 2
	headerFlagAt = 4
)

// isTiny reports whether rtmpdump leaves a message out, as FLV players trip over the shortest.
func isTiny(p *media.Packet) bool {
	switch p.Kind {
	case media.Audio:
		return len(p.Body) < leastAudio
	case media.Video:
		return len(p.Body) < leastVideo
	}
	return len(p.Body) == 0
}

// expects takes note of what metadata says about the messages to come.
func (f *dumpFile) expects(m metadata) {
	f.audio, f.video = f.audio || m.audio, f.video || m.video
}

// write appends a message.
func (f *dumpFile) write(p *media.Packet) error {
	at := uint32(p.Timestamp.Milliseconds())
	f.latest = at + f.offset
	f.audio = f.audio || p.Kind == media.Audio
	f.video = f.video || p.Kind == media.Video
	f.media = f.media || p.Kind != media.Data
	if f.begun {
		f.tag = flv.AppendTag(f.tag[:0], p, f.latest)
		return f.flush(f.tag)
	}
	if f.held == nil {
		f.held = flv.AppendHeader(nil, false, false)
		f.written = fileHeader
	}
	before := len(f.held)
	f.held = flv.AppendTag(f.held, p, f.latest)
	f.written += int64(len(f.held) - before)
	if at != 0 || f.audio && f.video || len(f.held) >= maxHeld {
		return f.begin()
	}
	return nil
}

// end writes what was held, if there is audio or video in it.
func (f *dumpFile) end() error {
	if f.begun || !f.media {
		return nil
	}
	return f.begin()
}

func (f *dumpFile) begin() error {
	f.begun = true
	b := f.held
	f.held = nil
	f.written -= int64(len(b))
	b[headerFlagAt] = flv.AppendHeader(nil, f.audio, f.video)[headerFlagAt]
	return f.flush(b)
}

func (f *dumpFile) flush(b []byte) error {
	n, err := f.w.Write(b)
	f.written += int64(n)
	if err != nil {
		return &outputError{err}
	}
	return nil
}
