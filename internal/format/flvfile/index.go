package flvfile

import (
	"errors"
	"fmt"
	"io"
	"time"

	"leat/flv"
	"leat/internal/format"
	"leat/media"
)

const (
	tagHeaderSize   = 11
	tagTrailerSize  = 4
	headSize        = 64          // bytes of a body that tell what it is
	audioPlaceEvery = time.Second // where players of a file without video can begin

	maxPlaces = 1 << 20 // a key frame every second for twelve days
)

// indexer goes through the tags of a file.
type indexer struct {
	tags  *tagReader
	info  format.Info
	start place
	end   int64
	keys  []place

	clock     media.Timeline
	headers   media.Headers
	stored    *media.Packet // the first onMetaData
	packets   []*media.Packet
	lastPlace time.Duration // of audio
	hasMain   bool          // a key frame has come
	main      uint8         // the video track at whose key frames players begin: the lowest that has had one
	group     place         // the first of the key frames, each of another track, that stand one behind the other at one time
}

func newIndexer(in format.Input) (*indexer, error) {
	tags, err := openTags(in)
	if err != nil {
		return nil, err
	}
	return &indexer{tags: tags, start: place{offset: tags.next}, end: tags.next}, nil
}

// run ends without an error at the end of the file and where it was cut off.
func (x *indexer) run() error {
	for {
		err := x.tags.read(headSize)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := x.tag(); err != nil {
			return err
		}
		x.end = x.tags.next
	}
}

// tag takes note of one tag.
func (x *indexer) tag() error {
	t := x.tags
	at := x.clock.Unwrap(t.tag.Timestamp)
	packets, err := flv.AppendPackets(x.packets[:0], t.tag.Type, at, t.tag.Body)
	if err != nil || needsWhole(packets) {
		if err := t.readWhole(); err != nil {
			return nil //nolint:nilerr // the file was cut off here; the next read says so
		}
		// What is malformed even when it is whole is relayed as it is.
		packets, _ = flv.AppendPackets(packets[:0], t.tag.Type, at, t.tag.Body)
	}
	x.packets = packets
	for _, p := range packets {
		if err := x.packet(p); err != nil {
			return err
		}
	}
	return nil
}

func needsWhole(packets []*media.Packet) bool {
	for _, p := range packets {
		if p.Config || p.Kind == media.Data {
			return true
		}
	}
	return false
}

func (x *indexer) packet(p *media.Packet) error {
	isKey := p.Kind == media.Video && p.Key && !p.Config
	switch {
	case !isKey:
		x.group = place{}
	case x.group.offset == 0 || x.group.time != p.Timestamp:
		x.group = place{offset: x.tags.at, time: p.Timestamp}
	}
	switch {
	case p.Kind == media.Data && p.Name == media.NameMetadata:
		if x.stored == nil {
			x.stored = p
		}
		return nil
	case x.headers.Apply(p), p.Kind == media.Data:
		return nil
	}
	x.info.Duration = max(x.info.Duration, p.Timestamp)
	if p.Kind == media.Audio {
		x.info.HasAudio = true
		if !x.info.HasVideo && (len(x.keys) == 0 || p.Timestamp-x.lastPlace >= audioPlaceEvery) {
			x.lastPlace = p.Timestamp
			return x.note(x.tags.at, p.Timestamp)
		}
		return nil
	}
	if !x.info.HasVideo {
		x.info.HasVideo = true
		x.keys = nil // places in the audio before the first picture
	}
	if !isKey || x.hasMain && p.Track > x.main {
		return nil
	}
	x.hasMain, x.main = true, p.Track
	if n := len(x.keys); n > 0 && x.keys[n-1].offset == x.group.offset {
		return nil
	}
	return x.note(x.group.offset, p.Timestamp)
}

func (x *indexer) note(offset int64, at time.Duration) error {
	if len(x.keys) >= maxPlaces {
		return fmt.Errorf("%w: more than %d key frames", format.ErrStructure, maxPlaces)
	}
	if n := len(x.keys); n > 0 && at < x.keys[n-1].time {
		return nil // time went back: who seeks there gets the place before
	}
	x.keys = append(x.keys, place{offset: offset, time: at, headers: x.headers.Packets()})
	return nil
}
