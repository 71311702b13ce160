package object

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	// maxIdle is how many connections to the store are kept for the next requests.
	maxIdle = 16
	// maxAhead is how many requests may be under way that nobody waits for.
	maxAhead = 8
)

// errNoRanges says that a store sends whole objects only.
var errNoRanges = errors.New("it does not send ranges of objects")

// restFactor is how many times Options.Retry a store is left alone by readers after it could not be used, so that those who
// read from elsewhere are not held up by many who wait for it one after the other.
const restFactor = 10

// resting returns why the store is not to be asked now; nil if it may be.
func (b *Bucket) resting() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Now().Before(b.rest) {
		return b.failed
	}
	return nil
}

// fetched takes note of how a fetch ended.
func (b *Bucket) fetched(err error) {
	if !errors.Is(err, ErrUnavailable) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed, b.rest = err, time.Now().Add(restFactor*b.opts.Retry)
}

// fetch gets pages from the store.
func (b *Bucket) fetch(o *Object, f *fetch) {
	if err := b.resting(); err != nil {
		b.cache.finish(f, err)
		return
	}
	first := f.pages[0].key.number * pageSize
	last := min((f.pages[len(f.pages)-1].key.number+1)*pageSize, o.info.Size) - 1
	for _, p := range f.pages {
		p.data = make([]byte, min(pageSize, o.info.Size-p.key.number*pageSize))
	}
	err := b.attempt(b.ctx, last-first+1, func(ctx context.Context) error { return b.get(ctx, o, f, first, last) })
	b.fetched(err)
	b.cache.finish(f, err)
}

// get makes one request for the bytes from first to last.
func (b *Bucket) get(ctx context.Context, o *Object, f *fetch, first, last int64) error {
	var options minio.GetObjectOptions
	if err := options.SetRange(first, last); err != nil {
		return err
	}
	if o.info.ETag != "" {
		if err := options.SetMatchETag(o.info.ETag); err != nil {
			return err
		}
	}
	body, _, header, err := b.core.GetObject(ctx, b.opts.Bucket, b.key(o.info.Name), options)
	if err != nil {
		return err
	}
	if header.Get("Content-Range") == "" && last-first+1 < o.info.Size {
		return errors.Join(errNoRanges, body.Close())
	}
	for _, p := range f.pages {
		if _, err = io.ReadFull(body, p.data); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) { // a store that closes too early is the end of nothing
		err = io.ErrUnexpectedEOF
	}
	return errors.Join(err, body.Close())
}

// fetchAhead does so in the background, or drops f if too much of that is under way already.
func (b *Bucket) fetchAhead(o *Object, f *fetch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.ahead >= maxAhead {
		b.cache.finish(f, errGivenUp)
		return
	}
	b.ahead++
	b.work.Go(func() {
		b.fetch(o, f)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ahead--
	})
}
