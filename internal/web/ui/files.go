package ui

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed all:dist
var dist embed.FS

// Where the built pages and their placeholder lie in dist.
const (
	pagesFolder = "dist/pages"
	placeholder = "dist/placeholder.html"
)

// file is an embedded file with its compressed form.
type file struct {
	contentType string
	plain, gzip []byte // gzip is nil when it is no shorter
}

// files is the embedded files by name, each compressed when it is first asked for. It may be used by several goroutines.
type files struct {
	fs fs.FS // with pages at its top

	mu     sync.Mutex
	loaded map[string]*file
}

// open returns the file of a slash-separated name; nil if there is none.
func (f *files) open(name string) *file {
	f.mu.Lock()
	defer f.mu.Unlock()
	if file := f.loaded[name]; file != nil {
		return file
	}
	b, err := fs.ReadFile(f.fs, name)
	if err != nil {
		return nil
	}
	if f.loaded == nil {
		f.loaded = map[string]*file{}
	}
	f.loaded[name] = newFile(name, b)
	return f.loaded[name]
}

// types are those of the files that are built. The system's own table may lack or change them.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

func newFile(name string, b []byte) *file {
	f := &file{contentType: types[path.Ext(name)], plain: b}
	if f.contentType == "" {
		f.contentType = mime.TypeByExtension(path.Ext(name))
	}
	var short bytes.Buffer
	w := gzip.NewWriter(&short)
	_, _ = w.Write(b) // a buffer takes everything
	if w.Close() == nil && short.Len() < len(b) {
		f.gzip = short.Bytes()
	}
	return f
}

// serve answers with the file.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h, b := w.Header(), f.plain
	h.Set("Content-Type", f.contentType)
	h.Set("Vary", "Accept-Encoding")
	if f.gzip != nil && takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		b = f.gzip
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // a client that has gone misses nothing
	}
}

func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(coding, ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.ReplaceAll(params, " ", "") != "q=0"
		}
	}
	return false
}
