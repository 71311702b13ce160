package object

import (
	"container/list"
	"errors"
	"sync"
)

const (
	pageSize = 64 << 10
	maxRun   = 16 // pages of one request: 1 MiB
)

// errGivenUp is for pages that were to be fetched ahead, when there were too many requests already.
var errGivenUp = errors.New("object: not fetched")

// cache holds pages of objects.
type cache struct {
	limit int64

	mu    sync.Mutex
	pages map[pageKey]*page
	used  *list.List // of *page, which were fetched, the one used last in front
	size  int64      // of all pages, also those that are being fetched
}

// identity is what tells the bytes of an object from all others.
type identity struct{ name, etag string }

type pageKey struct {
	identity
	number int64
}

// page is a part of an object. Its data may be read when its fetch is done without an error.
type page struct {
	key   pageKey
	fetch *fetch
	data  []byte
	place *list.Element // in used; nil while it is being fetched
}

// fetch is one request, for pages that follow each other.
type fetch struct {
	done  chan struct{} // closed when err and the data of the pages are there
	err   error
	ahead bool // nobody needed it when it began
	pages []*page
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, pages: map[pageKey]*page{}, used: list.New()}
}

// find returns a page of an object of so many pages. When run is not nil, the caller is to fetch that now; when ahead is not
// nil, to fetch that in the background.
func (c *cache) find(id identity, number, pages int64) (p *page, run, ahead *fetch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p = c.pages[pageKey{id, number}]
	if p == nil {
		length := 1
		if before := c.pages[pageKey{id, number - 1}]; before != nil {
			length = min(2*len(before.fetch.pages), maxRun)
		}
		run = c.enter(id, number, pages, length)
		return run.pages[0], run, nil
	}
	if p.place != nil {
		c.used.MoveToFront(p.place)
	}
	// The first page of a run says that somebody reads on: the next run is needed soon.
	if n := len(p.fetch.pages); n > 1 && p.fetch.pages[0] == p && number+int64(n) < pages {
		next := number + int64(n)
		if c.pages[pageKey{id, next}] == nil {
			ahead = c.enter(id, next, pages, min(2*n, maxRun))
			ahead.ahead = true
		}
	}
	return p, nil, ahead
}

// enter makes pages that are to be fetched, from one that is not there on, up to the next that is. c is locked.
func (c *cache) enter(id identity, number, pages int64, length int) *fetch {
	f := &fetch{done: make(chan struct{})}
	for range length {
		key := pageKey{id, number}
		if number >= pages || c.pages[key] != nil {
			break
		}
		p := &page{key: key, fetch: f}
		c.pages[key] = p
		c.size += pageSize
		f.pages = append(f.pages, p)
		number++
	}
	c.makeRoom()
	return f
}

// makeRoom lets the pages go that were unused longest. c is locked.
func (c *cache) makeRoom() {
	for c.size > c.limit && c.used.Len() > 0 {
		p := c.used.Remove(c.used.Back()).(*page)
		delete(c.pages, p.key)
		c.size -= pageSize
	}
}

// finish takes in what was fetched, or forgets it.
func (c *cache) finish(f *fetch, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.err = err
	for _, p := range f.pages {
		if err != nil {
			delete(c.pages, p.key)
			c.size -= pageSize
			continue
		}
		p.place = c.used.PushFront(p)
	}
	close(f.done)
}
