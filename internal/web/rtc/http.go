package rtc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

const (
	maxOffer     = 64 << 10 // bytes
	maxFragment  = 16 << 10 // bytes of a PATCH
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
	retryAfter   = "2" // seconds
)

// The kinds of sessions, as they stand behind the name of a stream.
const (
	whep = "whep"
	whip = "whip"
)

// target is what an address means.
type target struct {
	app, name string
	kind      string // whep or whip
	id        string // of a session; empty for one to come
}

// parseTarget reads "/{app}/{name}/whep" and "/{app}/{name}/whep/{id}", and the same for whip. The name may have slashes.
func parseTarget(path string) (t target, ok bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i := len(parts) - 1; i >= 2 && i >= len(parts)-2; i-- {
		if parts[i] != whep && parts[i] != whip {
			continue
		}
		t = target{app: parts[0], name: strings.Join(parts[1:i], "/"), kind: parts[i]}
		if i < len(parts)-1 {
			t.id = parts[i+1]
		}
		return t, true
	}
	return target{}, false
}

// ServeHTTP answers a request for a session, or one about it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, Link, Leat-Left-Out, Warning")
	t, ok := parseTarget(r.URL.Path)
	switch {
	case !ok:
		s.turnDown(w, refuse(http.StatusNotFound, "There is no such address."))
	case r.Method == http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "POST, PATCH, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, Prefer")
		h.Set("Access-Control-Max-Age", "86400")
		h.Set("Accept-Post", typeSDP)
		w.WriteHeader(http.StatusNoContent)
	case t.id == "" && r.Method == http.MethodPost:
		if err := s.open(w, r, t); err != nil {
			s.turnDown(w, err)
		}
	case t.id != "" && (r.Method == http.MethodDelete || r.Method == http.MethodPatch):
		if err := s.change(w, r, t); err != nil {
			s.turnDown(w, err)
		}
	case t.id == "":
		h.Set("Allow", "POST, OPTIONS")
		s.turnDown(w, refuse(http.StatusMethodNotAllowed, "Here an offer is posted, as %s.", typeSDP))
	default:
		h.Set("Allow", "PATCH, DELETE, OPTIONS")
		s.turnDown(w, refuse(http.StatusMethodNotAllowed, "A session is ended with DELETE."))
	}
}

// problem is an error in the words of RFC 9457.
type problem struct {
	Title   string   `json:"title"`
	Status  int      `json:"status"`
	Detail  string   `json:"detail"`
	LeftOut []string `json:"left_out,omitempty"`
}

func (s *Server) turnDown(w http.ResponseWriter, err error) {
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		s.cfg.Logger.Error("a WebRTC session failed to begin", "err", err)
		refusal = refuse(http.StatusInternalServerError, "The server failed to begin the session.")
	}
	h := w.Header()
	if refusal.Bearer {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if refusal.Status == http.StatusServiceUnavailable || refusal.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", retryAfter)
	}
	sayLeftOut(h, refusal.LeftOut)
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(refusal.Status)
	// A client that has gone misses nothing.
	_ = json.NewEncoder(w).Encode(problem{http.StatusText(refusal.Status), refusal.Status, refusal.Sentence, refusal.LeftOut})
}

func sayLeftOut(h http.Header, leftOut []string) {
	if len(leftOut) > 0 {
		h.Set("Leat-Left-Out", strings.Join(leftOut, ", "))
	}
}

// read returns a body of the media type want, which is not longer than limit.
func read(w http.ResponseWriter, r *http.Request, want string, limit int64) (string, error) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != want {
		return "", refuse(http.StatusUnsupportedMediaType, "The body must be %s.", want)
	}
	if r.ContentLength > limit {
		return "", refuse(http.StatusRequestEntityTooLarge, "The body may have %d bytes.", limit)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return "", refuse(http.StatusRequestEntityTooLarge, "The body may have %d bytes.", limit)
	}
	if err != nil {
		return "", refuse(http.StatusBadRequest, "The body did not come as a whole.")
	}
	return string(body), nil
}

// open begins a session.
func (s *Server) open(w http.ResponseWriter, r *http.Request, t target) error {
	begin := s.openViewer
	if t.kind == whip {
		begin = s.openPublisher
	}
	x, err := begin(w, r, t)
	if err != nil {
		return err
	}
	h := w.Header()
	sayLeftOut(h, x.leftOut)
	if x.warning != "" {
		h.Set("Warning", `299 leat "`+x.warning+`"`)
	}
	for _, server := range s.cfg.ICEServers() {
		h.Add("Link", server.link())
	}
	h.Set("Location", strings.TrimSuffix(r.URL.EscapedPath(), "/")+"/"+x.id)
	h.Set("Content-Type", typeSDP)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, x.answer) // a client that has gone never connects
	return nil
}

func (s *Server) openViewer(w http.ResponseWriter, r *http.Request, t target) (*session, error) {
	who, err := s.cfg.Gate.Play(r, t.app, t.name)
	if err != nil {
		return nil, err
	}
	o, err := readOffer(w, r)
	var x *session
	if err == nil {
		x, err = s.view(r.Context(), t, who, o, isStrict(r))
	}
	if err != nil {
		who.Ended(err.Error(), Stats{})
	}
	return x, err
}

func (s *Server) openPublisher(w http.ResponseWriter, r *http.Request, t target) (*session, error) {
	who, err := s.cfg.Gate.Publish(r, t.app, t.name)
	if err != nil {
		return nil, err
	}
	o, err := readOffer(w, r)
	if err != nil {
		who.Refused(err.Error())
		return nil, err
	}
	return s.receive(t, who, o)
}

func readOffer(w http.ResponseWriter, r *http.Request) (*offer, error) {
	text, err := read(w, r, typeSDP, maxOffer)
	if err != nil {
		return nil, err
	}
	return parseOffer(text)
}

// isStrict reports whether a client would rather have nothing than a part (RFC 7240 4.4).
func isStrict(r *http.Request) bool {
	for _, value := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.ReplaceAll(preference, " ", ""), "handling=strict") {
				return true
			}
		}
	}
	return false
}

// link is the value of a Link header (RFC 9725 4.6).
func (i *ICEServer) link() string {
	text := "<" + i.URI + `>; rel="ice-server"`
	if i.User != "" && strings.HasPrefix(i.URI, "turn") {
		text += fmt.Sprintf(`; username=%q; credential=%q; credential-type="password"`, i.User, i.Password)
	}
	return text
}

// change ends a session, or hears of candidates. An ICE-lite agent has no use for them, but clients may send them.
func (s *Server) change(w http.ResponseWriter, r *http.Request, t target) error {
	x := s.find(t)
	if x == nil {
		return refuse(http.StatusNotFound, "There is no such session, or not any more.")
	}
	if r.Method == http.MethodDelete {
		x.end(errDeleted)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	fragment, err := read(w, r, typeFragment, maxFragment)
	if err != nil {
		return err
	}
	if ufrag := attribute(fragment, "ice-ufrag"); ufrag != "" && ufrag != x.ufrag {
		return refuse(http.StatusUnprocessableEntity, "ICE is not restarted here: post a new offer.")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// attribute returns the value of the first attribute of that name in a session description.
func attribute(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "a="+name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
