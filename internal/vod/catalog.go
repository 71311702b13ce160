package vod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"leat/media"
)

// maxIdle is how many titles that nobody plays keep their index.
const maxIdle = 64

// Catalog opens recordings for all players of a server. The zero value is ready for use. Its methods may be called from
// several goroutines.
type Catalog struct {
	mu     sync.Mutex
	titles map[string]*Title // by identity
	clock  uint64            // counts releases
	closed bool
}

// identity is what tells the bytes of one recording from all others.
func identity(parts Parts) string {
	var b []byte
	for _, s := range parts {
		b = fmt.Appendf(b, "%q %d %d %d\n", s.ID, s.Size(), s.ModTime.UnixNano(), s.Offset)
	}
	return string(b)
}

// ErrClosed says that the Catalog or the Engine was closed.
var ErrClosed = errors.New("vod: closed")

// Open returns the recording of a stream from the first library that has it. The caller must release it. It blocks while
// the file's index is made, which happens once for all who ask for the file meanwhile, until ctx is done.
//
// An error wraps fs.ErrNotExist if no library has the recording, format.ErrStructure or format.ErrNoTrack if it cannot be
// played, or is the disk's.
func (c *Catalog) Open(ctx context.Context, key media.Key, libraries ...Library) (*Title, error) {
	for _, library := range libraries {
		parts, err := library.Open(ctx, key)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		return c.share(ctx, parts)
	}
	return nil, fmt.Errorf("vod: there is no recording of %v: %w", key, fs.ErrNotExist)
}

// share returns the title of a recording, and closes the parts if there is one already.
func (c *Catalog) share(ctx context.Context, parts Parts) (*Title, error) {
	t, first, err := c.enter(parts)
	if err != nil {
		return nil, errors.Join(err, parts.Close())
	}
	if first {
		t.load()
	} else if err := parts.Close(); err != nil {
		t.Release()
		return nil, err
	}
	select {
	case <-t.loaded:
	case <-ctx.Done():
		t.Release()
		return nil, context.Cause(ctx)
	}
	if t.err != nil {
		t.Release()
		return nil, t.err
	}
	return t, nil
}

// enter returns the title of a recording with one user more, and whether the caller is to load it.
func (c *Catalog) enter(parts Parts) (t *Title, first bool, err error) {
	id := identity(parts)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false, ErrClosed
	}
	if c.titles == nil {
		c.titles = make(map[string]*Title)
	}
	t = c.titles[id]
	if t == nil {
		t = &Title{catalog: c, identity: id, parts: parts, loaded: make(chan struct{})}
		c.titles[id] = t
		first = true
	}
	t.users++
	return t, first, nil
}

// release counts a user of t out, and forgets titles: those that could not be opened, and the longest unused beyond maxIdle.
func (c *Catalog) release(t *Title) {
	c.mu.Lock()
	t.users--
	c.clock++
	t.used = c.clock
	var forget []*Title
	if t.users == 0 && (t.err != nil || c.closed) {
		forget = append(forget, t)
	} else if old := c.oldest(); old != nil {
		forget = append(forget, old)
	}
	for _, t := range forget {
		delete(c.titles, t.identity)
	}
	c.mu.Unlock()
	for _, t := range forget {
		t.close()
	}
}

// oldest returns the title that was left alone for the longest time, if there are more of those than are kept. c is locked.
func (c *Catalog) oldest() *Title {
	var oldest *Title
	idle := 0
	for _, t := range c.titles {
		if t.users > 0 {
			continue
		}
		idle++
		if oldest == nil || t.used < oldest.used {
			oldest = t
		}
	}
	if idle <= maxIdle {
		return nil
	}
	return oldest
}

// Close closes the files that nobody plays; the others are closed when they are released. Nothing can be opened any more.
func (c *Catalog) Close() {
	c.mu.Lock()
	c.closed = true
	var idle []*Title
	for id, t := range c.titles {
		if t.users == 0 {
			idle = append(idle, t)
			delete(c.titles, id)
		}
	}
	c.mu.Unlock()
	for _, t := range idle {
		t.close()
	}
}
