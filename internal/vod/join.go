package vod

import (
	"context"
	"errors"
	"io"
	"sort"
	"sync"
	"time"

	"leat/amf"
	"leat/internal/format"
	"leat/internal/format/container"
	"leat/media"
)

// openParts makes the index of a recording of one file or more.
func openParts(parts Parts) (format.File, error) {
	if len(parts) == 1 && parts[0].Offset == 0 {
		return openSource(parts[0])
	}
	files, err := openSources(parts)
	if err != nil {
		return nil, err
	}
	j := &joined{}
	for i, file := range files {
		j.add(file, parts[i].Offset)
	}
	j.describe()
	return j, nil
}

func openSource(s *Source) (format.File, error) {
	if s.Remote {
		return container.OpenIndexed(s)
	}
	return container.Open(s)
}

// maxOpening is how many parts are opened at the same time: those in an object store take a while each.
const maxOpening = 8

func openSources(parts Parts) ([]format.File, error) {
	files, errs := make([]format.File, len(parts)), make([]error, len(parts))
	var opening sync.WaitGroup
	room := make(chan struct{}, maxOpening)
	for i, s := range parts {
		room <- struct{}{}
		opening.Go(func() {
			defer func() { <-room }()
			files[i], errs[i] = openSource(s)
		})
	}
	opening.Wait()
	return files, errors.Join(errs...)
}

// joined is several files that follow each other, as one. It is a format.File.
type joined struct {
	info  format.Info
	parts []part
}

type part struct {
	file   format.File
	offset time.Duration
}

func (j *joined) add(file format.File, offset time.Duration) {
	j.parts = append(j.parts, part{file, offset})
	info := file.Info()
	j.info.Duration = max(j.info.Duration, offset+info.Duration)
	j.info.HasAudio = j.info.HasAudio || info.HasAudio
	j.info.HasVideo = j.info.HasVideo || info.HasVideo
	for _, at := range info.Keys {
		j.info.Keys = append(j.info.Keys, offset+at)
	}
}

// describe makes the metadata of the whole: those of the first file with the duration of all.
func (j *joined) describe() {
	first := j.parts[0].file.Info().Metadata
	object := amf.NewObject()
	if first != nil {
		values, err := amf.Decode(first.Body, amf.Limits{})
		if o, ok := last(values).(*amf.Object); ok && err == nil {
			object = o
		}
	}
	object.ECMA = true
	object.Set("duration", j.info.Duration.Seconds())
	body, err := amf.Append(amf.AppendString(nil, media.NameMetadata), object)
	if err != nil { // it holds what AMF0 has no form for
		return
	}
	j.info.Metadata = &media.Packet{Kind: media.Data, Config: true, Name: media.NameMetadata, Body: body}
}

func last(values []any) any {
	if len(values) == 0 {
		return nil
	}
	return values[len(values)-1]
}

func (j *joined) Info() format.Info { return j.info }

func (j *joined) NewCursor() format.Cursor {
	c := &joinedCursor{file: j}
	c.enter(0)
	return c
}

// joinedCursor is a format.Cursor.
type joinedCursor struct {
	file     *joined
	index    int
	cursor   format.Cursor
	metadata bool // it is to be sent: the reader begins here
}

func (c *joinedCursor) enter(i int) {
	c.index, c.cursor = i, c.file.parts[i].file.NewCursor()
	c.metadata = i == 0
}

// Seek goes to the last place at or before d.
func (c *joinedCursor) Seek(d time.Duration) (time.Duration, error) {
	parts := c.file.parts
	i := sort.Search(len(parts), func(i int) bool { return parts[i].offset > d })
	c.enter(max(i-1, 0))
	c.metadata = true
	offset := parts[c.index].offset
	at, err := c.cursor.Seek(d - offset)
	return offset + at, err
}

// ReadPacket goes over to the next file at the end of one.
func (c *joinedCursor) ReadPacket(ctx context.Context) (*media.Packet, error) {
	for {
		p, err := c.cursor.ReadPacket(ctx)
		switch {
		case errors.Is(err, io.EOF) && c.index+1 < len(c.file.parts):
			c.enter(c.index + 1)
			continue
		case err != nil:
			return nil, err
		}
		moved := *p
		moved.Timestamp += c.file.parts[c.index].offset
		if p.Kind == media.Data && p.Name == media.NameMetadata && p.Config {
			if !c.metadata || c.file.info.Metadata == nil {
				continue
			}
			moved.Body, moved.Data = c.file.info.Metadata.Body, nil
		}
		return &moved, nil
	}
}
