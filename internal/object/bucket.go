package object

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Options say where a bucket is and who asks. Endpoint, Bucket, AccessKey and SecretKey are needed.
type Options struct {
	Endpoint  string // such as https://s3.example.org or http://127.0.0.1:9000
	Bucket    string
	Region    string // empty means us-east-1
	Prefix    string // what the names of objects begin with in the bucket; empty, or ends in "/"
	AccessKey string
	SecretKey string
	// VirtualHost asks for BUCKET.HOST/NAME. The zero value asks for HOST/BUCKET/NAME, which all stores know.
	VirtualHost bool

	// CacheSize is how many bytes of objects are kept in memory; 0 means 64 MiB.
	CacheSize int64
	// PartSize is how large the parts of uploads are; 0 means 8 MiB. Very large files have larger ones. Stores take none
	// below 5 MiB.
	PartSize int64
	// Timeout is how long an answer may take; 0 means 10 s. Bytes that are sent have time on top of it, as for 32 KiB in a second.
	Timeout time.Duration
	// Retry is how long after a failure a request is made again, with twice as much each time; 0 means 200 ms.
	Retry time.Duration
}

// Bucket is a place in an object store. Its methods may be called from any goroutine.
type Bucket struct {
	opts      Options
	core      *minio.Core
	transport *http.Transport
	cache     *cache

	ctx  context.Context //nolint:containedctx // of the requests of io.ReaderAt, which has none
	stop context.CancelFunc
	work sync.WaitGroup // pages that are fetched ahead

	mu     sync.Mutex
	closed bool
	ahead  int       // requests for them
	failed error     // of the last fetch, if the store could not be used
	rest   time.Time // until then it is not asked for pages
}

// Info is what is known of an object.
type Info struct {
	Name     string // without the bucket's prefix
	Size     int64
	ETag     string // tells one content of an object from all others
	Modified time.Time
}

// New returns a bucket, which the caller must Close. It asks nothing of the store. The error says what is wrong in o.
func New(o Options) (*Bucket, error) {
	o.Region = cmp.Or(o.Region, "us-east-1")
	o.CacheSize = cmp.Or(o.CacheSize, 64<<20)
	o.PartSize = cmp.Or(o.PartSize, 8<<20)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.Retry = cmp.Or(o.Retry, 200*time.Millisecond)
	endpoint, err := url.Parse(o.Endpoint)
	if err != nil || endpoint.Host == "" || strings.Trim(endpoint.Path, "/") != "" || endpoint.User != nil ||
		endpoint.Scheme != "http" && endpoint.Scheme != "https" {
		return nil, errors.New("object: the endpoint must be a URL such as https://s3.example.org")
	}
	lookup := minio.BucketLookupPath
	if o.VirtualHost {
		lookup = minio.BucketLookupDNS
	}
	b := &Bucket{opts: o, transport: newTransport(o.Timeout), cache: newCache(o.CacheSize)}
	b.core, err = minio.NewCore(endpoint.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""),
		Secure:       endpoint.Scheme == "https",
		Region:       o.Region,
		BucketLookup: lookup,
		Transport:    b.transport,
		MaxRetries:   1, // attempt does that, also for answers that break off
	})
	if err != nil {
		return nil, fmt.Errorf("object: %w", err)
	}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b, nil
}

func newTransport(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   maxIdle,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   timeout,
		ExpectContinueTimeout: 2 * time.Second,
		DisableCompression:    true,
	}
}

// Close breaks off all requests, and waits for those that nobody else waits for. All methods fail from then on. It may be called
// again.
func (b *Bucket) Close() {
	b.stop()
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.work.Wait()
	b.transport.CloseIdleConnections()
}

// String names the bucket, for logs.
func (b *Bucket) String() string {
	return strings.TrimSuffix(b.opts.Endpoint, "/") + "/" + b.opts.Bucket + "/" + b.opts.Prefix
}

// Check asks whether the bucket is there and may be read. It asks for a list, as answers to HEAD do not say what is wrong.
func (b *Bucket) Check(ctx context.Context) error {
	return b.attempt(ctx, 0, func(ctx context.Context) error {
		for o := range b.core.ListObjectsIter(ctx, b.opts.Bucket, minio.ListObjectsOptions{Prefix: b.opts.Prefix, Recursive: true, MaxKeys: 1}) {
			return o.Err
		}
		return ctx.Err()
	})
}

// Stat asks for an object.
func (b *Bucket) Stat(ctx context.Context, name string) (Info, error) {
	var info minio.ObjectInfo
	err := b.attempt(ctx, 0, func(ctx context.Context) error {
		var err error
		info, err = b.core.StatObject(ctx, b.opts.Bucket, b.key(name), minio.StatObjectOptions{})
		return err
	})
	if err != nil {
		return Info{}, err
	}
	return Info{Name: name, Size: info.Size, ETag: info.ETag, Modified: info.LastModified}, nil
}

// Remove removes an object, and what was sent of one that is not complete. One that is not there is no error.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	err := b.attempt(ctx, 0, func(ctx context.Context) error {
		return b.core.RemoveIncompleteUpload(ctx, b.opts.Bucket, b.key(name))
	})
	if err != nil && !isNotThere(err) {
		return err
	}
	err = b.attempt(ctx, 0, func(ctx context.Context) error {
		return b.core.RemoveObject(ctx, b.opts.Bucket, b.key(name), minio.RemoveObjectOptions{})
	})
	if isNotThere(err) {
		return nil
	}
	return err
}

// List calls each for all objects under the prefix, in the order of their names, until it returns an error.
func (b *Bucket) List(ctx context.Context, each func(Info) error) error {
	for o := range b.core.ListObjectsIter(ctx, b.opts.Bucket, minio.ListObjectsOptions{Prefix: b.opts.Prefix, Recursive: true}) {
		if o.Err != nil {
			return b.explain(ctx, o.Err)
		}
		name, ok := strings.CutPrefix(o.Key, b.opts.Prefix)
		if !ok || name == "" || strings.HasSuffix(name, "/") {
			continue
		}
		info := Info{Name: name, Size: o.Size, ETag: strings.Trim(o.ETag, `"`), Modified: o.LastModified}
		if err := each(info); err != nil {
			return err
		}
	}
	return b.explain(ctx, ctx.Err())
}

func (b *Bucket) key(name string) string { return b.opts.Prefix + name }

const (
	attempts = 3
	// slowest is how many bytes in a second a request must get through at least.
	slowest = 32 << 10
)

// attempt makes a request that moves so many bytes, again if it may succeed then. Its error is explained.
func (b *Bucket) attempt(ctx context.Context, bytes int64, request func(context.Context) error) error {
	wait := b.opts.Retry
	for n := 1; ; n++ {
		limited, cancel := context.WithTimeout(ctx, b.opts.Timeout+time.Duration(bytes)*time.Second/slowest)
		unhook := context.AfterFunc(b.ctx, cancel)
		err := b.explain(ctx, request(limited))
		unhook()
		cancel()
		if err == nil || ctx.Err() != nil || b.ctx.Err() != nil || n == attempts || !errors.Is(err, ErrUnavailable) {
			return err
		}
		timer := time.NewTimer(wait)
		wait *= 2
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-b.ctx.Done():
			timer.Stop()
			return err
		}
	}
}
