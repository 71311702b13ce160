package vod

import (
	"errors"
	"time"

	"leat/internal/format"
	"leat/internal/format/mp3"
	"leat/media"
)

// Title is a recording that was opened: its index, which all its players share. It comes from Catalog.Open or NewTitle.
type Title struct {
	// Shift is what is to be added to the title's times to get those of the rendition in whose place it was opened.
	Shift time.Duration

	catalog  *Catalog
	identity string
	parts    Parts

	free func() // instead of the catalog

	loaded chan struct{} // closed when the two below are set
	file   format.File
	err    error

	users int    // guarded by catalog.mu
	used  uint64 // when one left last, in catalog.clock; guarded by catalog.mu
}

// NewTitle makes a title of what is in no catalog, such as a format.Broadcast. free is called when it is released.
func NewTitle(file format.File, free func()) *Title { return &Title{file: file, free: free} }

// Info describes the recording.
func (t *Title) Info() format.Info { return t.file.Info() }

// Tags returns the ID3 tags as a data message; nil when there are none, or the file is none that has them.
func (t *Title) Tags() *media.Packet {
	if f, ok := t.file.(*mp3.File); ok {
		return f.Tags()
	}
	return nil
}

// Release gives the title back, once.
func (t *Title) Release() {
	if t.free != nil {
		t.free()
		return
	}
	t.catalog.release(t)
}

// load makes the index.
func (t *Title) load() {
	defer close(t.loaded)
	t.err = errors.New("vod: the index was not made") // in case of a panic
	t.file, t.err = openParts(t.parts)
}

// close closes the file. What it says does not matter: it was only read.
func (t *Title) close() { _ = t.parts.Close() }
