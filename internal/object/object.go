package object

import (
	"context"
	"io"
)

// Object is what an object held when it was opened. Its methods may be called from any goroutine.
type Object struct {
	bucket *Bucket
	info   Info
}

// Open asks for an object and returns it. There is nothing to close.
func (b *Bucket) Open(ctx context.Context, name string) (*Object, error) {
	info, err := b.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	return b.Known(info), nil
}

// Known returns an object of which everything is known, without asking. When it is not there, or not what info says, reading
// it says so.
func (b *Bucket) Known(info Info) *Object { return &Object{b, info} }

// Info describes the object.
func (o *Object) Info() Info { return o.info }

// Size is its length.
func (o *Object) Size() int64 { return o.info.Size }

// ReadAt implements io.ReaderAt. It blocks for the store, which it asks a few times at most. The error wraps ErrChanged if
// the object was replaced since it was opened.
func (o *Object) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off >= 0 && off < o.info.Size {
		data, err := o.page(off / pageSize)
		if err != nil {
			return n, err
		}
		got := copy(p[n:], data[off%pageSize:])
		n += got
		off += int64(got)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// page returns the bytes of a page, which must not be changed.
func (o *Object) page(number int64) ([]byte, error) {
	c := o.bucket.cache
	for {
		p, run, ahead := c.find(o.identity(), number, o.pages())
		if run != nil {
			o.bucket.fetch(o, run)
		}
		if ahead != nil {
			o.bucket.fetchAhead(o, ahead)
		}
		select {
		case <-p.fetch.done:
		case <-o.bucket.ctx.Done():
			return nil, o.bucket.explain(o.bucket.ctx, context.Canceled)
		}
		switch {
		case p.fetch.err == nil:
			return p.data, nil
		case run != nil || !p.fetch.ahead:
			return nil, p.fetch.err
		}
		// What was fetched ahead has failed, or was given up: now it is needed.
	}
}

func (o *Object) identity() identity { return identity{o.info.Name, o.info.ETag} }

func (o *Object) pages() int64 { return (o.info.Size + pageSize - 1) / pageSize }
