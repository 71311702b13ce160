package web

import (
	"net/http"
	"net/http/pprof"
	"net/url"
)

// AdminConfig is what the admin door shows.
type AdminConfig struct {
	// Metrics answers /metrics; it must not be nil.
	Metrics http.Handler
	// Ready says why the server takes no clients now; nil when it does. It must not be nil, nor block.
	Ready func() error
}

// Admin returns the handler of the admin door.
func Admin(cfg AdminConfig) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", cfg.Metrics)
	mux.HandleFunc("GET /healthz", sayer(http.StatusOK, "ok"))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := cfg.Ready(); err != nil {
			say(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
		say(w, http.StatusOK, "ready")
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	const pages = "This is the admin door of a Leat server: /metrics, /healthz, /readyz and /debug/pprof/ are here."
	mux.HandleFunc("GET /{$}", sayer(http.StatusOK, pages))
	mux.HandleFunc("GET /", sayer(http.StatusNotFound, "There is no such page. "+pages))
	return ownOrigin(mux)
}

// ownOrigin refuses what a page of another site asks for. The operator's browser reaches the admin door, and with it every
// page that the browser shows; following a link to the door is the operator's own doing.
func ownOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if foreign(r) {
			say(w, http.StatusForbidden, "Pages of other sites may not use the admin door.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func foreign(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err != nil || u.Host != r.Host
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
	}
	return false
}
