package web

import (
	"net/http"
	"path"
	"strings"

	"leat/internal/web/multitrack"
)

// Ending is what of a stream an address asks for.
type Ending uint8

// The endings of addresses. Zero is none.
const (
	EndingFLV      Ending = iota + 1 // name.flv: HTTP-FLV, over WebSocket too, or an FLV file
	EndingMP4                        // name.mp4: fragmented MP4, over WebSocket too, or an MP4 file
	EndingPlaylist                   // name.m3u8 and name/index.m3u8: HLS
	EndingFile                       // name/_hls/…, name/_vod/…: what an HLS playlist names
)

// What stands between the name of a stream and a file of HLS.
const (
	hlsFolder = "_hls" // of the live stream
	vodFolder = "_vod" // of its recording
)

// Target is what an address of the public door means.
type Target struct {
	App, Name string // the name may hold slashes
	Ending    Ending
	File      string // of HLS, with EndingFile
	Recorded  bool   // File belongs to the recording
	Index     bool   // the address ends in /index.m3u8
}

// PublicConfig is what the public door shows.
type PublicConfig struct {
	// Media answers requests for streams, GET and HEAD. It must not be nil.
	Media func(w http.ResponseWriter, r *http.Request, to Target)
	// Pages answers requests for "/", "/_/…" and "/{app}/{name}" without an ending, all of them GET and HEAD. Nil: a sentence.
	Pages http.Handler
	// RTC answers requests for "/{app}/{name}/whep" and "…/whip" and below, whatever their method, CORS included. Nil: there are no
	// such addresses.
	RTC http.Handler
	// Streams answers GET and HEAD requests for StreamsPath. Nil: there is no such address.
	Streams http.Handler
	// Multitrack answers requests for multitrack.Path, whatever their method. It must not be nil.
	Multitrack http.Handler
}

// StreamsPath is where the front page asks for the streams that it names.
const StreamsPath = "/_/streams.json"

// Public returns the handler of the public door.
func Public(cfg PublicConfig) http.Handler {
	const what = "This is a Leat server. Streams are published with rtmp:// addresses, and played with these or, behind the same name, with .m3u8, .flv and .mp4 here."
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := cleanPath(r.URL.Path)
		to, isMedia := parseTarget(p)
		switch {
		case p == multitrack.Path:
			cfg.Multitrack.ServeHTTP(w, r)
		case ok && cfg.RTC != nil && isRTC(p):
			cfg.RTC.ServeHTTP(w, r)
		case ok && isMedia:
			serveMedia(cfg, w, r, to)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			say(w, http.StatusMethodNotAllowed, "Pages are only read here.")
		case p == StreamsPath && cfg.Streams != nil:
			cfg.Streams.ServeHTTP(w, r)
		case ok && cfg.Pages != nil && isPage(p):
			cfg.Pages.ServeHTTP(w, r)
		case p == "/":
			say(w, http.StatusOK, what)
		default:
			say(w, http.StatusNotFound, "There is no such page. "+what)
		}
	})
}

// serveMedia lets pages of all sites play: streams are asked for with what is in the address or said by the page itself, never
// with what a browser adds by itself.
func serveMedia(cfg PublicConfig, w http.ResponseWriter, r *http.Request, to Target) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Accept-Ranges, Content-Length, Content-Range, ETag, Leat-Left-Out")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		cfg.Media(w, r, to)
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Range, If-None-Match, If-Range, If-Modified-Since")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		say(w, http.StatusMethodNotAllowed, "Streams are only read here.")
	}
}

const (
	maxPath = 1024 // bytes
	maxName = 255  // bytes of a stream's name, as over RTMP
)

// cleanPath refuses what is no plain path, and what could be read in two ways.
func cleanPath(p string) (string, bool) {
	switch {
	case len(p) == 0 || len(p) > maxPath || p[0] != '/',
		strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == '\ufffd' }):
		return p, false
	case p == "/":
		return p, true
	}
	return p, path.Clean(p) == strings.TrimSuffix(p, "/")
}

// reserved are names of applications that no stream can be asked for by: the doors use them for themselves, or may.
var reserved = map[string]bool{
	"_": true, "api": true, "metrics": true, "stat": true, "control": true, "healthz": true, "readyz": true, "debug": true,
	"favicon.ico": true, "robots.txt": true,
}

// parseTarget reads the address of a stream.
func parseTarget(p string) (to Target, ok bool) {
	app, name, found := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	if !found || reserved[app] {
		return Target{}, false
	}
	to.App = app
	switch folder, file := path.Split(name); {
	case file == "index.m3u8" && folder != "":
		to.Name, to.Ending, to.Index = strings.TrimSuffix(folder, "/"), EndingPlaylist, true
	case strings.HasSuffix(folder, "/"+hlsFolder+"/"):
		to.Name, to.Ending, to.File = strings.TrimSuffix(folder, "/"+hlsFolder+"/"), EndingFile, file
	case strings.HasSuffix(folder, "/"+vodFolder+"/"):
		to.Name, to.Ending, to.File, to.Recorded = strings.TrimSuffix(folder, "/"+vodFolder+"/"), EndingFile, file, true
	case strings.HasSuffix(file, ".flv"):
		to.Name, to.Ending = strings.TrimSuffix(name, ".flv"), EndingFLV
	case strings.HasSuffix(file, ".mp4"):
		to.Name, to.Ending = strings.TrimSuffix(name, ".mp4"), EndingMP4
	case strings.HasSuffix(file, ".m3u8"):
		to.Name, to.Ending = strings.TrimSuffix(name, ".m3u8"), EndingPlaylist
	}
	// Without its ending a name may have become "..": "/live/...flv".
	valid := to.Ending != 0 && to.Name != "" && path.Clean("/"+to.Name) == "/"+to.Name && len(to.Name) <= maxName &&
		!strings.Contains("/"+to.Name+"/", "/"+hlsFolder+"/") && !strings.Contains("/"+to.Name+"/", "/"+vodFolder+"/")
	return to, valid
}

func isRTC(p string) bool {
	parts := strings.Split(strings.Trim(p, "/"), "/")
	for i, part := range parts {
		if i >= 2 && (part == "whep" || part == "whip") {
			return !reserved[parts[0]]
		}
	}
	return false
}

// isPage reports whether a path can be one of Pages.
func isPage(p string) bool {
	app, name, found := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	return app == "" || app == "_" || found && name != "" && !reserved[app]
}

// RecordingPrefix returns the address of the folder with the files of HLS for the recording, as seen from the playlist that to
// asks for; it ends in "/".
func (to Target) RecordingPrefix() string { return to.prefix(to.Name, vodFolder) }

// HLSPrefix is RecordingPrefix for the live stream name, which may be another than that of to.
func (to Target) HLSPrefix(name string) string { return to.prefix(name, hlsFolder) }

func (to Target) prefix(name, folder string) string {
	depth := strings.Count(to.Name, "/")
	own := name == to.Name
	base := path.Base(name)
	switch {
	case to.Index && own:
		return folder + "/"
	case own:
		return base + "/" + folder + "/"
	}
	if to.Index {
		depth++
	}
	return strings.Repeat("../", depth) + name + "/" + folder + "/"
}

// Say answers with a sentence, as all that the doors say is worded.
func Say(w http.ResponseWriter, status int, sentence string) { say(w, status, sentence) }
