package object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leat/internal/object/objecttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "the-secret-of-the-tests"

// fixture is a store in memory, and its bucket.
func fixture(t *testing.T, tweak func(*Options)) (*objecttest.Server, *Bucket) {
	t.Helper()
	server := objecttest.New()
	t.Cleanup(server.Close)
	o := Options{
		Endpoint: server.URL, Bucket: objecttest.Bucket, Prefix: "leat/", AccessKey: "key", SecretKey: secret,
		PartSize: 64 << 10, Retry: time.Millisecond,
	}
	if tweak != nil {
		tweak(&o)
	}
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return server, b
}

// noise returns n bytes that do not repeat.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b) // never fails
	return b
}

func put(t *testing.T, b *Bucket, name string, body []byte) Info {
	t.Helper()
	info, err := b.Put(t.Context(), name, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestPutOpenRemove(t *testing.T) {
	server, b := fixture(t, nil)
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 300 << 10} {
		body := noise(size)
		info := put(t, b, "live/cam/a b+2%.flv", body)
		if info.Size != int64(size) || info.ETag == "" {
			t.Errorf("put %d bytes: %+v", size, info)
		}
		if !bytes.Equal(server.Object("leat/live/cam/a b+2%.flv"), body) {
			t.Errorf("%d bytes became others", size)
		}
		o, err := b.Open(t.Context(), "live/cam/a b+2%.flv")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("read %d bytes of %d: %v", len(got), size, err)
		}
	}
	var names []string
	err := b.List(t.Context(), func(i Info) error { names = append(names, i.Name); return nil })
	if err != nil || !slices.Equal(names, []string{"live/cam/a b+2%.flv"}) {
		t.Errorf("list: %q, %v", names, err)
	}
	for range 2 { // the second time there is nothing to remove
		if err := b.Remove(t.Context(), "live/cam/a b+2%.flv"); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Open(t.Context(), "live/cam/a b+2%.flv"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open what is not there: %v", err)
	}
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// An upload that broke off is gone on with by another bucket, as after a restart, and no part is sent twice.
func TestPutResumes(t *testing.T) {
	server, b := fixture(t, nil)
	body := noise(500 << 10) // 8 parts
	var puts atomic.Int32
	server.Fail(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && puts.Add(1) > 3 {
			_, _ = io.CopyN(io.Discard, r.Body, 10<<10)
			panic(http.ErrAbortHandler) // the connection breaks in mid part
		}
		return false
	})
	_, err := b.Put(t.Context(), "film.flv", bytes.NewReader(body), int64(len(body)))
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("a broken connection: %v", err)
	}
	if n := puts.Load(); n != 3+attempts {
		t.Errorf("%d parts were tried, want 3 and %d times the fourth", n, attempts)
	}
	server.Fail(nil)
	sent, _ := server.Sent(http.MethodPut)
	again, err := New(b.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	put(t, again, "film.flv", body)
	if !bytes.Equal(server.Object("leat/film.flv"), body) {
		t.Error("what arrived is something else")
	}
	total, _ := server.Sent(http.MethodPut)
	if sent != 3*64<<10 || total != int64(len(body)) {
		t.Errorf("%d bytes were sent, then %d in all, of %d", sent, total, len(body))
	}
	if n := server.Uploads(); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// Parts of another content are sent again.
func TestPutResumesOther(t *testing.T) {
	server, b := fixture(t, nil)
	body := noise(300 << 10)
	server.Fail(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && objecttest.Down(w, r)
	})
	if _, err := b.Put(t.Context(), "film.flv", bytes.NewReader(body), int64(len(body))); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	server.Fail(nil)
	body[100<<10]++ // in the second part
	put(t, b, "film.flv", body)
	if !bytes.Equal(server.Object("leat/film.flv"), body) {
		t.Error("a part of the old content is in it")
	}
	if total, _ := server.Sent(http.MethodPut); total != 300<<10+64<<10 {
		t.Errorf("%d bytes were sent", total)
	}
}

func TestRemoveUnfinished(t *testing.T) {
	server, b := fixture(t, nil)
	body := noise(300 << 10)
	server.Fail(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && objecttest.Down(w, r)
	})
	if _, err := b.Put(t.Context(), "film.flv", bytes.NewReader(body), int64(len(body))); err == nil {
		t.Fatal("no error")
	}
	server.Fail(nil)
	if err := b.Remove(t.Context(), "film.flv"); err != nil {
		t.Error(err)
	}
	if n := server.Uploads(); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name string
		fail func(http.ResponseWriter, *http.Request) bool
		kind error
	}{
		{"access key", objecttest.Refuse(http.StatusForbidden, "InvalidAccessKeyId"), ErrRefused},
		{"secret key", objecttest.Refuse(http.StatusForbidden, "SignatureDoesNotMatch"), ErrRefused},
		{"bucket", objecttest.Refuse(http.StatusNotFound, "NoSuchBucket"), ErrNoBucket},
		{"unknown", objecttest.Refuse(http.StatusTeapot, "Teapot"), ErrRefused},
		{"down", objecttest.Down, ErrUnavailable},
		{"cut", func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, ErrUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, b := fixture(t, nil)
			server.Fail(test.fail)
			_, err := b.Put(t.Context(), "a", strings.NewReader("abc"), 3)
			if !errors.Is(err, test.kind) {
				t.Errorf("%v, want %v", err, test.kind)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in it: %v", err)
			}
			_, requests := server.Sent(http.MethodPut)
			if again := errors.Is(test.kind, ErrUnavailable); again != (requests == attempts) {
				t.Errorf("%d requests", requests)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	server, b := fixture(t, nil)
	server.Close()
	err := b.Check(t.Context())
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens: %v", err)
	}
}

// A store that takes a request and never answers is given up.
func TestDeadline(t *testing.T) {
	server, b := fixture(t, func(o *Options) { o.Timeout = 20 * time.Millisecond })
	server.Fail(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
	if err := b.Check(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a silent store: %v", err)
	}
}

// Close ends those who read from a store that does not answer.
func TestClose(t *testing.T) {
	server, b := fixture(t, nil)
	server.Put("leat/film", noise(1<<20))
	o, err := b.Open(t.Context(), "film")
	if err != nil {
		t.Fatal(err)
	}
	server.Fail(func(_ http.ResponseWriter, r *http.Request) bool {
		go b.Close()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
	if _, err := o.ReadAt(make([]byte, 10), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("closed: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, endpoint := range []string{"", "s3.example.org", "ftp://s3.example.org", "https://", "https://s3.example.org/path"} {
		if _, err := New(Options{Endpoint: endpoint, Bucket: "b"}); err == nil {
			t.Errorf("endpoint %q: no error", endpoint)
		}
	}
}

func TestPartSize(t *testing.T) {
	b := &Bucket{opts: Options{PartSize: 8 << 20}}
	for size, want := range map[int64]int64{1: 8 << 20, 80 << 30: 9 << 20, 5 << 40: 525 << 20} {
		if got := b.partSize(size); got != want || size/got >= maxParts {
			t.Errorf("of %d bytes: %d, want %d", size, got, want)
		}
	}
}

// Reading at random gives the right bytes, also with a cache that holds next to nothing.
func TestReadAt(t *testing.T) {
	for _, cacheSize := range []int64{1, 256 << 10, 0} {
		server, b := fixture(t, func(o *Options) { o.CacheSize = cacheSize })
		body := noise(2<<20 + 12345)
		server.Put("leat/film", body)
		o, err := b.Open(t.Context(), "film")
		if err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		for seed := range 4 {
			readers.Go(func() {
				r := rand.New(rand.NewPCG(uint64(seed), 1))
				for range 30 {
					at, n := r.IntN(len(body)), r.IntN(200<<10)
					got := make([]byte, n)
					read, err := o.ReadAt(got, int64(at))
					want := body[at:min(at+n, len(body))]
					if !bytes.Equal(got[:read], want) || (err != nil) != (read < n) {
						t.Errorf("%d bytes at %d: %d, %v", n, at, read, err)
					}
				}
			})
		}
		readers.Wait()
	}
}

// One who reads on makes ever larger requests; one who jumps reads little.
func TestReadAhead(t *testing.T) {
	server, b := fixture(t, nil)
	const size = 20 << 20
	server.Put("leat/film", noise(size))
	o := b.Known(Info{Name: "film", Size: size})
	p := make([]byte, 1000)
	for at := int64(0); at < size; at += size / 20 {
		if _, err := o.ReadAt(p, at); err != nil {
			t.Fatal(err)
		}
	}
	if sent, requests := server.Sent(http.MethodGet); sent > 20*pageSize || requests > 20 {
		t.Errorf("20 places cost %d bytes in %d requests", sent, requests)
	}
	whole := b.Known(Info{Name: "film", Size: size, ETag: server.ETag("leat/film")})
	if _, err := io.Copy(io.Discard, io.NewSectionReader(whole, 0, size)); err != nil {
		t.Fatal(err)
	}
	if sent, requests := server.Sent(http.MethodGet); sent > 20*pageSize+size || requests > 20+40 {
		t.Errorf("then reading all of it %d bytes in %d requests", sent, requests)
	}
}

// Many who want the same page wait for one request.
func TestReadersShare(t *testing.T) {
	server, b := fixture(t, nil)
	server.Put("leat/film", noise(100))
	const readers = 20
	o := b.Known(Info{Name: "film", Size: 100})
	var waiting sync.WaitGroup
	release := make(chan struct{})
	server.Fail(func(http.ResponseWriter, *http.Request) bool { <-release; return false })
	for range readers {
		waiting.Go(func() {
			if _, err := o.ReadAt(make([]byte, 100), 0); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	waiting.Wait()
	if _, requests := server.Sent(http.MethodGet); requests != 1 {
		t.Errorf("%d requests", requests)
	}
}

// A read that breaks off is tried again; one of an object that was replaced is not.
func TestReadFails(t *testing.T) {
	server, b := fixture(t, nil)
	body := noise(100 << 10)
	server.Put("leat/film", body)
	o, err := b.Open(t.Context(), "film")
	if err != nil {
		t.Fatal(err)
	}
	var cuts atomic.Int32
	server.Fail(func(w http.ResponseWriter, _ *http.Request) bool {
		if cuts.Add(1) > 2 {
			return false
		}
		w.Header().Set("Content-Range", "bytes 0-65535/102400")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(body[:1000])
		panic(http.ErrAbortHandler)
	})
	got := make([]byte, 1000)
	if _, err := o.ReadAt(got, 500); err != nil || !bytes.Equal(got, body[500:1500]) {
		t.Errorf("after two cuts: %v", err)
	}
	server.Fail(nil)
	server.Put("leat/film", noise(100<<10 + 1)[1:])
	if _, err := o.ReadAt(got, 70<<10); !errors.Is(err, ErrChanged) {
		t.Errorf("replaced: %v", err)
	}
	server.Delete("leat/film")
	if _, err := o.ReadAt(got, 70<<10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed: %v", err)
	}
	server.Fail(objecttest.Down)
	if _, err := o.ReadAt(got, 70<<10); !errors.Is(err, ErrUnavailable) {
		t.Errorf("down: %v", err)
	}
}

// After the store could not be used readers do not all wait for it, and soon it is asked again.
func TestReadersLetItRest(t *testing.T) {
	server, b := fixture(t, func(o *Options) { o.Retry = 20 * time.Millisecond })
	server.Put("leat/film", noise(100<<10))
	o := b.Known(Info{Name: "film", Size: 100 << 10})
	server.Fail(objecttest.Down)
	for range 10 {
		if _, err := o.ReadAt(make([]byte, 10), 0); !errors.Is(err, ErrUnavailable) {
			t.Errorf("down: %v", err)
		}
	}
	if _, requests := server.Sent(http.MethodGet); requests > 2*attempts { // 2: in case that this machine is slow
		t.Errorf("%d requests", requests)
	}
	server.Fail(nil)
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, err := o.ReadAt(make([]byte, 10), 0)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the store works, and is not asked: %v", err)
		}
	}
}

func BenchmarkReadAtCached(b *testing.B) {
	server := objecttest.New()
	defer server.Close()
	server.Put("film", noise(1<<20))
	bucket, err := New(Options{Endpoint: server.URL, Bucket: objecttest.Bucket, AccessKey: "a", SecretKey: "b"})
	if err != nil {
		b.Fatal(err)
	}
	defer bucket.Close()
	o := bucket.Known(Info{Name: "film", Size: 1 << 20})
	p := make([]byte, 64<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for i := 0; b.Loop(); i++ {
		if _, err := o.ReadAt(p, int64(i%15)*(64<<10)+100); err != nil {
			b.Fatal(err)
		}
	}
}
