package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	contentType = "application/x-fcs"
	smallBody   = 4 << 10 // of requests whose body says nothing
)

// IsRequest reports whether a request is one of RTMPT by its method, path and content type, for servers that share
// a port between a Server and other handlers.
func IsRequest(r *http.Request) bool {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != contentType {
		return false
	}
	verb, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch verb {
	case "fcs":
		return rest == "ident" || rest == "ident2"
	case "open":
		return rest == "1"
	case "send", "idle", "close":
		_, _, ok := strings.Cut(rest, "/")
		return ok
	}
	return false
}

// ServeHTTP answers one request. What is not RTMPT is answered with 404.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		s.respond(w, http.StatusServiceUnavailable, closing)
		return
	}
	defer s.handlers.Done()
	if !IsRequest(r) {
		http.NotFound(w, r)
		return
	}
	verb, rest, _ := strings.Cut(r.URL.Path[1:], "/")
	if verb != "send" {
		// The body of all the others is one meaningless byte.
		if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, smallBody)); err != nil {
			s.respond(w, bodyStatus(err), closing)
			return
		}
	}
	switch verb {
	case "fcs":
		s.serveIdent(w, r, rest)
	case "open":
		s.serveOpen(w, r)
	default:
		id, n, _ := strings.Cut(rest, "/")
		s.serveSession(w, r, verb, id, n)
	}
}

// enter counts a request in, unless the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isClosed(s.closed) {
		return false
	}
	s.handlers.Add(1)
	return true
}

func (s *Server) serveIdent(w http.ResponseWriter, r *http.Request, which string) {
	switch {
	case which == "ident":
		s.respond(w, http.StatusOK, []byte(s.cfg.Identity))
	case s.cfg.Address != "":
		s.respond(w, http.StatusOK, []byte(s.cfg.Address))
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) serveOpen(w http.ResponseWriter, r *http.Request) {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		local = s.Addr()
	}
	c := s.open(local, parseAddr(r.RemoteAddr))
	if c == nil {
		s.respond(w, http.StatusOK, closing)
		return
	}
	s.respond(w, http.StatusOK, []byte(c.id+"\n")) // librtmp cuts off the last byte, whatever it is
}

// serveSession answers send, idle and close.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request, verb, id, number string) {
	c := s.session(id)
	n, err := strconv.ParseInt(number, 10, 64)
	if c == nil || err != nil || n < 0 {
		s.respond(w, http.StatusBadRequest, closing)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
	defer cancel()
	control := http.NewResponseController(w)
	again, err := c.begin(ctx, n, func() {
		cancel()
		// A handler without deadlines gives its turn back a little later, when its body ends.
		_ = control.SetReadDeadline(time.Unix(1, 0))
	})
	if err != nil {
		s.respond(w, http.StatusBadRequest, closing)
		return
	}
	if again != nil {
		s.respond(w, http.StatusOK, again)
		return
	}
	answer, err := s.work(ctx, w, r, c, verb)
	if err != nil {
		s.respond(w, bodyStatus(err), closing)
		return
	}
	s.respond(w, http.StatusOK, answer)
}

// work does what a request asks for and gives the turn back.
func (s *Server) work(ctx context.Context, w http.ResponseWriter, r *http.Request, c *session, verb string) (answer []byte, err error) {
	defer func() { c.finish(answer) }()
	switch verb {
	case "close":
		c.drop(io.EOF, io.ErrClosedPipe)
		return closing, nil
	case "send":
		if err := c.receive(ctx, http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)); err != nil {
			return nil, err
		}
	case "idle":
		if s.cfg.Hold > 0 {
			held, cancel := context.WithTimeout(ctx, s.cfg.Hold)
			c.out.await(held.Done())
			cancel()
		}
	}
	answer, last := c.answer()
	if last {
		c.drop(net.ErrClosed, net.ErrClosed)
	}
	return answer, nil
}

// bodyStatus is the answer to a request whose body could not be read or passed on.
func bodyStatus(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// respond writes an answer in the form that librtmp reads: HTTP/1.1, the length in a header, at least one byte.
func (s *Server) respond(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Connection", "Keep-Alive")
	h.Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.cfg.Logger.Debug("writing an RTMPT answer", "err", err) // the client asks again if it wants it
	}
}
