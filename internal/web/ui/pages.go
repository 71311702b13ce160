package ui

import (
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// AssetPrefix is where scripts and styles stand, on both doors. No application has a name with an underscore alone.
const AssetPrefix = "/_/"

// ConsoleConfig is what the console needs to know.
type ConsoleConfig struct {
	// PublicPort returns the port of the public door, whose streams the console shows; 0: it is shut. It must not be nil.
	PublicPort func() int
}

// Console answers the console's page at / and everything under AssetPrefix.
func Console(cfg ConsoleConfig) http.Handler {
	files := built()
	mux := http.NewServeMux()
	mux.Handle("GET "+AssetPrefix, assets(files))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		servePage(w, r, files, "console.html", publicOrigins(r, cfg.PublicPort()))
	})
	return mux
}

// Public answers the front page at /, the watch page at any other path, and everything under AssetPrefix.
func Public() http.Handler {
	files := built()
	mux := http.NewServeMux()
	mux.Handle("GET "+AssetPrefix, assets(files))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { servePage(w, r, files, "home.html", nil) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { servePage(w, r, files, "watch.html", nil) })
	return mux
}

// built is the embedded pages; it has none when the program was built without them.
func built() *files {
	pages, err := fs.Sub(dist, pagesFolder)
	if err != nil {
		panic("ui: " + pagesFolder + " is no path") // it is a constant
	}
	return &files{fs: pages}
}

// assets answers files whose names change with what is in them.
func assets(files *files) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, AssetPrefix)
		file := files.open(name)
		if file == nil || strings.HasSuffix(name, ".html") {
			http.Error(w, "There is no such file.", http.StatusNotFound)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		file.serve(w, r)
	})
}

// servePage answers a page that may also call the given origins.
func servePage(w http.ResponseWriter, r *http.Request, files *files, name string, origins []string) {
	file := files.open(name)
	if file == nil {
		b, err := dist.ReadFile(placeholder)
		if err != nil {
			panic("ui: " + placeholder + " is not embedded") // it is committed
		}
		file = newFile(placeholder, b)
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy(origins))
	h.Set("Referrer-Policy", "no-referrer")
	file.serve(w, r)
}

// policy lets a page use its own door, media that its players put together, and the given origins.
func policy(origins []string) string {
	other := strings.Join(append([]string{"'self'"}, origins...), " ")
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src " + other +
		"; media-src blob: " + other + "; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

var plainHost = regexp.MustCompile(`^[A-Za-z0-9.:-]+$`)

// publicOrigins are those of the public door, on the host by which the page was called.
func publicOrigins(r *http.Request, port int) []string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if port == 0 || !plainHost.MatchString(host) {
		return nil
	}
	address := net.JoinHostPort(host, strconv.Itoa(port))
	return []string{"http://" + address, "https://" + address, "ws://" + address, "wss://" + address}
}
