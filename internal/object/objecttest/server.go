// Package objecttest is an object store in memory for tests: as much of S3 as a bucket of package object needs, with failures
// to order. It checks no signatures.
package objecttest

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the checksum that S3 prescribes
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bucket is the name of the only bucket of a Server.
const Bucket = "recordings"

// Server is an object store. It must be closed.
type Server struct {
	*httptest.Server

	mu      sync.Mutex
	fail    func(http.ResponseWriter, *http.Request) bool
	objects map[string]stored
	uploads map[string]*upload
	begun   int
	sent    map[string]int64 // bytes of bodies that were answered, by method
	asked   map[string]int   // requests, by method
}

type stored struct {
	body     []byte
	etag     string
	modified time.Time
}

type upload struct {
	key   string
	begun time.Time
	parts map[int]stored
}

// New starts a store.
func New() *Server {
	s := &Server{objects: map[string]stored{}, uploads: map[string]*upload{}, sent: map[string]int64{}, asked: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// Fail lets a function see every request first. When it returns true it has answered, or panicked with http.ErrAbortHandler to cut
// the connection. nil lets all pass.
func (s *Server) Fail(fail func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// Down answers every request as a store does that is down.
func Down(w http.ResponseWriter, _ *http.Request) bool {
	refuse(w, http.StatusServiceUnavailable, "SlowDown")
	return true
}

// Refuse answers as a store does that has an error of its own with that code.
func Refuse(status int, code string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		refuse(w, status, code)
		return true
	}
}

// Put makes an object.
func (s *Server) Put(name string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[name] = newStored(body)
}

// Object returns the bytes of an object, nil if there is none.
func (s *Server) Object(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[name].body
}

// ETag returns the entity tag of an object.
func (s *Server) ETag(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[name].etag
}

// Delete removes an object.
func (s *Server) Delete(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, name)
}

// Names returns the names of all objects, in order.
func (s *Server) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Uploads returns how many uploads were begun and are not complete.
func (s *Server) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

// Sent returns how many bytes of objects were sent, and how many requests were made with a method.
func (s *Server) Sent(method string) (bytes int64, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[method], s.asked[method]
}

func newStored(body []byte) stored {
	sum := md5.Sum(body) //nolint:gosec // as above
	return stored{body, hex.EncodeToString(sum[:]), time.Now().UTC().Truncate(time.Second)}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fail := s.fail
	s.asked[r.Method]++
	s.mu.Unlock()
	if fail != nil && fail(w, r) {
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != Bucket {
		refuse(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	sum := md5.Sum(body) //nolint:gosec // as above
	if given := r.Header.Get("Content-MD5"); given != "" && given != base64.StdEncoding.EncodeToString(sum[:]) {
		refuse(w, http.StatusBadRequest, "BadDigest")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key == "" {
		s.ofBucket(w, r)
		return
	}
	s.ofObject(w, r, key, body)
}

// ofBucket answers requests for the bucket.
func (s *Server) ofBucket(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodHead:
	case q.Has("uploads"):
		s.listUploads(w, q.Get("prefix"))
	default:
		s.list(w, q.Get("prefix"))
	}
}

func (s *Server) ofObject(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	q := r.URL.Query()
	u := s.uploads[q.Get("uploadId")]
	switch {
	case q.Has("uploadId") && (u == nil || u.key != key):
		refuse(w, http.StatusNotFound, "NoSuchUpload")
	case r.Method == http.MethodPost && q.Has("uploads"):
		s.begun++
		id := fmt.Sprintf("upload-%d", s.begun)
		s.uploads[id] = &upload{key, time.Now().UTC(), map[int]stored{}}
		answer(w, &initiated{Bucket: Bucket, Key: key, UploadID: id})
	case r.Method == http.MethodPost:
		s.complete(w, q.Get("uploadId"), body)
	case r.Method == http.MethodPut && u != nil:
		number, err := strconv.Atoi(q.Get("partNumber"))
		if err != nil {
			refuse(w, http.StatusBadRequest, "InvalidArgument")
			return
		}
		u.parts[number] = newStored(body)
		s.sent[r.Method] += int64(len(body))
		w.Header().Set("ETag", `"`+u.parts[number].etag+`"`)
	case r.Method == http.MethodPut:
		s.objects[key] = newStored(body)
		s.sent[r.Method] += int64(len(body))
		w.Header().Set("ETag", `"`+s.objects[key].etag+`"`)
	case r.Method == http.MethodDelete && u != nil:
		delete(s.uploads, q.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case u != nil:
		s.listParts(w, q.Get("uploadId"))
	default:
		s.get(w, r, key)
	}
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, key string) {
	o, ok := s.objects[key]
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	w.Header().Set("ETag", `"`+o.etag+`"`)
	counted := &counter{ResponseWriter: w}
	http.ServeContent(counted, r, "", o.modified, bytes.NewReader(o.body)) // with ranges and If-Match
	s.sent[r.Method] += counted.bytes
}

type counter struct {
	http.ResponseWriter
	bytes int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

func (s *Server) complete(w http.ResponseWriter, id string, body []byte) {
	var request struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(body, &request); err != nil {
		refuse(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	u := s.uploads[id]
	var whole []byte
	for _, p := range request.Part {
		part, ok := u.parts[p.PartNumber]
		if !ok || strings.Trim(p.ETag, `"`) != part.etag {
			refuse(w, http.StatusBadRequest, "InvalidPart")
			return
		}
		whole = append(whole, part.body...)
	}
	o := newStored(whole)
	o.etag += "-" + strconv.Itoa(len(request.Part))
	s.objects[u.key] = o
	delete(s.uploads, id)
	answer(w, &completed{Bucket: Bucket, Key: u.key, ETag: `"` + o.etag + `"`})
}

func (s *Server) list(w http.ResponseWriter, prefix string) {
	result := listed{Name: Bucket, Prefix: prefix}
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if o := s.objects[key]; strings.HasPrefix(key, prefix) {
			result.Contents = append(result.Contents, content{key, o.modified, `"` + o.etag + `"`, int64(len(o.body))})
		}
	}
	result.KeyCount = len(result.Contents)
	answer(w, &result)
}

func (s *Server) listUploads(w http.ResponseWriter, prefix string) {
	var result listedUploads
	for id, u := range s.uploads {
		if strings.HasPrefix(u.key, prefix) {
			result.Upload = append(result.Upload, listedUpload{u.key, id, u.begun})
		}
	}
	answer(w, &result)
}

func (s *Server) listParts(w http.ResponseWriter, id string) {
	result := listedParts{UploadID: id}
	for _, number := range slices.Sorted(maps.Keys(s.uploads[id].parts)) {
		p := s.uploads[id].parts[number]
		result.Part = append(result.Part, listedPart{number, `"` + p.etag + `"`, int64(len(p.body)), p.modified})
	}
	answer(w, &result)
}
