package hls

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"leat/media"
)

// Types of the answers (RFC 8216 10, ISO 14496-12).
const (
	playlistType = "application/vnd.apple.mpegurl"
	videoType    = "video/mp4"
	audioType    = "audio/mp4"
)

// LeftOut is the header of a master playlist that lacks a part of the stream, because HLS cannot carry it.
const LeftOut = "Leat-Left-Out"

var (
	// ErrNotFound says that there is no such file, or not any more.
	ErrNotFound = errors.New("hls: no such file")
	// ErrNotYet says that the stream has not come far enough: the client should ask again.
	ErrNotYet = errors.New("hls: not yet")
	// ErrTooFar says that the client asks for what lies further ahead than it may (RFC 8216bis 6.2.5.2).
	ErrTooFar = errors.New("hls: too far ahead")
)

// UnsupportedError says that HLS has no form for anything that a stream has.
type UnsupportedError struct{ Codecs []string }

func (e *UnsupportedError) Error() string {
	return "hls: nothing of it can be carried: " + strings.Join(e.Codecs, ", ")
}

// firstWait is how long the first request for a stream waits for its first segment.
const firstWait = 20 * time.Second

// Rendition is a live stream in a master playlist.
type Rendition struct {
	Key    media.Key
	Prefix string // of the addresses of its media playlists, relative to the master playlist: "cam/_hls/"
}

// Master answers with the master playlist of a live stream and its other renditions; those that have nothing yet are left out,
// but the first is waited for. The token is added to every address in it. The error is ErrNotYet, ErrClosed, an
// *UnsupportedError or that of r's context, and the answer is the caller's then.
func (s *Server) Master(w http.ResponseWriter, r *http.Request, streams []Rendition, token string) error {
	var contents []content
	var left []string
	for i, stream := range streams {
		m, err := s.muxer(stream.Key)
		if err != nil {
			return err
		}
		wait := firstWait
		if i > 0 {
			wait = time.Second
		}
		tracks, refused, err := m.outlines(r.Context(), wait)
		if err != nil && i == 0 {
			return err
		}
		if err == nil {
			contents = append(contents, content{prefix: stream.Prefix, tracks: tracks})
			left = append(left, refused...)
		}
	}
	b, err := master(contents, queryOf(token))
	if err != nil {
		return err
	}
	if len(left) > 0 {
		w.Header().Set(LeftOut, strings.Join(left, ", "))
	}
	return answer(w, r, playlistType, b)
}

// outlines waits until every track has a segment, or some time is over.
func (m *muxer) outlines(ctx context.Context, wait time.Duration) (tracks []outline, refused []string, err error) {
	late := time.NewTimer(wait)
	defer late.Stop()
	settled := time.NewTimer(min(wait, 2*m.options.Segment))
	defer settled.Stop()
	var complete, patient bool
	for patient = true; ; {
		m.mu.Lock()
		tracks, refused, complete = m.outlined()
		changed := m.changed
		m.mu.Unlock()
		if complete && len(tracks) > 0 || len(tracks) > 0 && !patient {
			return tracks, refused, nil
		}
		select {
		case <-changed:
		case <-settled.C: // a track that has said nothing by now is not waited for
			patient = false
		case <-late.C:
			if len(refused) > 0 {
				return nil, nil, &UnsupportedError{refused}
			}
			return nil, nil, ErrNotYet
		case <-m.done:
			return nil, nil, ErrClosed
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// outlined returns the tracks that have a segment, and whether these are all. mu is held.
func (m *muxer) outlined() (tracks []outline, refused []string, complete bool) {
	complete = true
	for _, t := range m.tracks {
		if len(t.segments) == 0 || t.about == nil {
			complete = false
			continue
		}
		tracks = append(tracks, outline{id: t.id, about: t.about, info: t.info, peak: t.peak})
	}
	if len(m.tracks) > 0 && len(m.tracks[0].segments) == 0 {
		tracks = nil // the leading one has not begun
	}
	return tracks, m.refused, complete
}

// File answers with a media playlist, a segment or another file of a live stream. It waits for what low latency lets a client
// ask for ahead of time. The error is ErrNotFound, ErrTooFar, ErrNotYet, ErrClosed or that of r's context, and the answer is the
// caller's then.
func (s *Server) File(w http.ResponseWriter, r *http.Request, key media.Key, name, token string) error {
	f, ok := parseFile(name)
	if !ok {
		return ErrNotFound
	}
	m := s.existing(key)
	if m == nil {
		if f.kind != mediaPlaylist {
			return ErrNotFound
		}
		var err error
		if m, err = s.muxer(key); err != nil {
			return err
		}
	}
	if f.kind == mediaPlaylist {
		return m.servePlaylist(w, r, f, token)
	}
	if f.session != m.session {
		return ErrNotFound
	}
	return m.serveFile(w, r, f)
}

func (m *muxer) track(id trackID) *track {
	for _, t := range m.tracks {
		if t.id == id {
			return t
		}
	}
	return nil
}

// servePlaylist waits for the segment and part that the client names (RFC 8216bis 6.2.5.2), and at the beginning for the first.
func (m *muxer) servePlaylist(w http.ResponseWriter, r *http.Request, f file, token string) error {
	at, err := parseDirectives(r.URL.Query())
	if err != nil {
		return err
	}
	var b []byte
	err = m.wait(r.Context(), func() (bool, error) {
		t := m.track(f.track)
		if t == nil {
			if m.settled() {
				return false, ErrNotFound
			}
			return false, nil
		}
		if len(t.segments) == 0 {
			return false, nil
		}
		if m.options.Part > 0 && !m.over && at.given {
			if reached, err := m.reached(t, at); !reached || err != nil {
				return false, err
			}
		}
		var err error
		b, err = m.mediaPlaylist(t, queryOf(token))
		return true, err
	})
	if err != nil {
		return err
	}
	return answer(w, r, playlistType, b)
}

// settled reports whether the leading track has a segment: what is not announced by then does not exist. mu is held.
func (m *muxer) settled() bool { return len(m.tracks) > 0 && len(m.tracks[0].segments) > 0 }

// directives are what a client says it waits for.
type directives struct {
	given   bool
	segment uint64
	part    int // -1: the whole segment
}

func parseDirectives(q url.Values) (directives, error) {
	d := directives{part: -1}
	text := q.Get("_HLS_msn")
	if text == "" {
		if q.Has("_HLS_part") {
			return d, ErrTooFar
		}
		return d, nil
	}
	var err error
	if d.segment, err = strconv.ParseUint(text, 10, 63); err != nil {
		return d, ErrTooFar
	}
	d.given = true
	if text = q.Get("_HLS_part"); text != "" {
		part, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return d, ErrTooFar
		}
		d.part = int(part)
	}
	return d, nil
}

// reached reports whether a segment or part is there. mu is held.
func (m *muxer) reached(t *track, at directives) (bool, error) {
	next, parts := m.next(t)
	switch {
	case at.segment > next+1:
		return false, ErrTooFar
	case at.segment < next:
		return true, nil
	case at.segment > next:
		return false, nil
	}
	return at.part >= 0 && at.part < parts, nil
}

// serveFile answers with bytes that do not change any more. It waits for the part that a playlist has announced.
func (m *muxer) serveFile(w http.ResponseWriter, r *http.Request, f file) error {
	var b []byte
	err := m.wait(r.Context(), func() (bool, error) {
		t := m.track(f.track)
		if t == nil {
			return false, ErrNotFound
		}
		if f.kind == initFile {
			if f.number != uint64(m.epoch) || t.init == nil {
				return false, ErrNotFound
			}
			b = t.init
			return true, nil
		}
		if s := t.segment(f.number); s != nil && (f.kind == partFile || s != t.current) {
			if b = s.bytes(f); b != nil {
				return true, nil
			}
		}
		if next, part := m.next(t); f.kind == partFile && !m.over && f.number == next && f.part == part {
			return false, nil
		}
		return false, ErrNotFound
	})
	if err != nil {
		return err
	}
	kind := videoType
	if f.track.kind == media.Audio {
		kind = audioType
	}
	w.Header().Set("Cache-Control", "private, max-age=3600")
	return answer(w, r, kind, b)
}

// segment returns a segment by its number; nil if there is none. mu is held.
func (t *track) segment(number uint64) *segment {
	if t.current != nil && t.current.number == number {
		return t.current
	}
	for _, s := range t.segments {
		if s.number == number {
			return s
		}
	}
	return nil
}

// bytes returns a part or all of a segment; nil if there is no such part.
func (s *segment) bytes(f file) []byte {
	if f.kind == partFile {
		if f.part >= len(s.parts) {
			return nil
		}
		return s.parts[f.part].data
	}
	pieces := make([][]byte, len(s.parts))
	for i, p := range s.parts {
		pieces[i] = p.data
	}
	return bytes.Join(pieces, nil)
}

// wait calls look, with mu held, until it reports true or an error, at every news of the stream. It gives up after the time of
// some segments.
func (m *muxer) wait(ctx context.Context, look func() (bool, error)) error {
	late := time.NewTimer(3*m.options.Segment + time.Second)
	defer late.Stop()
	for {
		m.mu.Lock()
		ok, err := look()
		changed := m.changed
		m.mu.Unlock()
		if ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-late.C:
			return ErrNotYet
		case <-m.done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answer sends b.
func answer(w http.ResponseWriter, r *http.Request, kind string, b []byte) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = w.Write(b) // a client that has gone misses nothing
	return nil
}
