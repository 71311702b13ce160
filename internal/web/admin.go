package web

import (
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// AdminConfig is what the admin door shows.
type AdminConfig struct {
	// Metrics answers /metrics; it must not be nil.
	Metrics http.Handler
	// Ready says why the server takes no clients now; nil when it does. It must not be nil, nor block.
	Ready func() error
	// API answers /api/. It must not be nil.
	API http.Handler
	// Console answers / and /_/. It must not be nil.
	Console http.Handler
	// Names are those by which the door is called besides addresses, localhost and names without a dot.
	Names []string
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
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		mux.Handle(method+" /api/", cfg.API)
	}
	mux.Handle("GET /{$}", cfg.Console)
	mux.Handle("GET /_/", cfg.Console)
	mux.HandleFunc("GET /", sayer(http.StatusNotFound, "There is no such page. The console is at /; "+
		"/api/v1/openapi.json, /metrics, /healthz, /readyz and /debug/pprof/ are here too."))
	return ownOrigin(knownHost(cfg.Names, mux))
}

// knownHost refuses requests by names that a stranger may have made lead here (DNS rebinding): for the browser, a page of
// the stranger's and the door would then be of one origin. Strangers have no addresses to give, and no names without a dot.
// What monitoring asks for is answered by any name.
func knownHost(names []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
		_, err := netip.ParseAddr(host)
		open := r.URL.Path == "/metrics" || r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
		if !open && err != nil && strings.Contains(host, ".") && !strings.HasSuffix(host, ".localhost") && !slices.Contains(names, host) {
			say(w, http.StatusForbidden, "The admin door is not known by this name: call it by its address, or add the name to admin_names.")
			return
		}
		next.ServeHTTP(w, r)
	})
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
