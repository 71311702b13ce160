package hls

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"leat/internal/format/mp4"
	"leat/live"
	"leat/media"
)

const (
	maxTrackBytes = 64 << 20 // and half of that in a segment
	maxTracks     = 32
	longest       = 10 // times Options.Segment, for a segment without a key frame
)

// muxer cuts one live stream.
type muxer struct {
	server  *Server
	key     media.Key
	options Options
	session string
	sub     *live.Subscription
	ctx     context.Context //nolint:containedctx // of the pump: writing into memory never waits
	done    chan struct{}   // closed when the pump has returned

	idle *time.Timer // guarded by Server.mu

	headers  media.Headers // only the pump uses these five
	cuts     int           // segments begun
	boundary time.Duration // where the newest begins
	lead     *track
	began    bool

	mu            sync.Mutex
	changed       chan struct{} // closed and replaced when there is news
	tracks        []*track      // video first, by number
	sequence      uint64        // of the leading track's segment in the making
	discontinuity int
	epoch         int // counts initialization segments
	over          bool
	refused       []string
}

func (s *Server) newMuxer(key media.Key) *muxer {
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails
	m := &muxer{
		server: s, key: key, options: s.cfg.Options(), session: hex.EncodeToString(id), ctx: context.Background(),
		done: make(chan struct{}), changed: make(chan struct{}),
		// Players that come back to a muxer made anew find numbers that rise: a segment is not shorter than a second.
		sequence: uint64(time.Now().Unix()),
	}
	m.sub = s.cfg.Hub.Subscribe(key, &live.SubscribeOptions{
		Name: "hls", Follow: true, Back: m.options.Segment * time.Duration(m.options.Window),
	})
	return m
}

// pump ends when the subscription or the hub is closed.
func (m *muxer) pump() {
	defer close(m.done)
	for {
		item, err := m.sub.Next(m.ctx)
		if err == nil {
			err = m.take(&item)
		}
		m.news()
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, live.ErrClosed) {
			m.server.cfg.Logger.Error("making HLS of a stream failed", "stream", m.key.String(), "err", err)
		}
		if err := m.finish(); err != nil {
			m.server.cfg.Logger.Debug("the last HLS segment was not made", "stream", m.key.String(), "err", err)
		}
		m.news()
		return
	}
}

// news wakes requests that wait.
func (m *muxer) news() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *muxer) take(item *live.Item) error {
	switch item.Event {
	case live.EventUnpublished:
		m.server.rest(m)
		return m.finish()
	case live.EventPublished, live.EventChanged, live.EventSkipped:
		if item.Event != live.EventSkipped {
			m.headers.Reset()
			m.server.existing(m.key)
		}
		return m.renew()
	}
	p := item.Packet
	if p.Kind == media.Data || len(p.Body) == 0 || p.Name != "" {
		return nil
	}
	if m.began && m.strays(p) {
		m.headers.Apply(p)
		if err := m.renew(); err != nil {
			return err
		}
	}
	err := m.write(p)
	if errors.Is(err, mp4.ErrNewSegment) { // the tracks have changed
		m.headers.Apply(p)
		if err := m.renew(); err != nil {
			return err
		}
		if p.Config {
			return nil
		}
		err = m.write(p)
	}
	m.headers.Apply(p)
	if unsupported, ok := errors.AsType[*mp4.UnsupportedError](err); ok {
		m.refuse(unsupported)
		return nil
	}
	return err
}

// refuse remembers what HLS cannot carry.
func (m *muxer) refuse(e *mp4.UnsupportedError) {
	name := e.Codec.String()
	if name == "" {
		name = "a codec without a name"
	}
	text := fmt.Sprintf("%v track %d (%s)", e.Kind, e.Track, name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.refused, text) && len(m.refused) < maxTracks {
		m.refused = append(m.refused, text)
	}
}

// finish completes all tracks: the stream is over, or the muxer.
func (m *muxer) finish() error {
	var err error
	for _, t := range m.tracks {
		err = errors.Join(err, t.end())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	return err
}

// renew begins anew, with the headers in force, behind a discontinuity.
func (m *muxer) renew() error {
	m.mu.Lock()
	if m.began {
		m.sequence++
		m.discontinuity++
	}
	m.tracks, m.refused, m.over = nil, nil, false
	m.epoch++
	m.mu.Unlock()
	m.lead, m.cuts, m.boundary, m.began = nil, 0, 0, false
	for _, h := range m.headers.Packets() {
		err := m.write(h)
		if unsupported, ok := errors.AsType[*mp4.UnsupportedError](err); ok {
			m.refuse(unsupported)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// strays reports whether p cannot be cut like what came before it: it is the first video of a stream that was led by its
// sound, or the leading track's time jumps.
func (m *muxer) strays(p *media.Packet) bool {
	if m.lead.id.kind == media.Audio && p.Kind == media.Video {
		return true
	}
	if p.Config || m.lead.id != (trackID{p.Kind, p.Track}) {
		return false
	}
	jump := p.Timestamp - m.lead.last
	return jump < -time.Second || jump > m.options.Segment*longest
}

// trackOf returns the track of p; nil if it has not announced itself.
func (m *muxer) trackOf(p *media.Packet) *track {
	i := slices.IndexFunc(m.tracks, func(t *track) bool { return t.id == trackID{p.Kind, p.Track} })
	if i < 0 {
		return nil
	}
	return m.tracks[i]
}

// announce makes the track of p, its header or, if the codec has none, its first frame. Without an error the track may be nil:
// then p says nothing of it, or there are too many.
func (m *muxer) announce(p *media.Packet) (*track, error) {
	t := m.newTrack(p)
	if p.Config || !describesItself(p.Codec) {
		// Of a frame that comes before its header the writer says whether that is worth waiting for.
		if err := t.writer.WritePacket(m.ctx, p); err != nil || !p.Config {
			return nil, err
		}
	}
	if len(m.tracks) == maxTracks {
		return nil, nil //nolint:nilnil // as documented
	}
	t.learn(p)
	tracks := append(slices.Clone(m.tracks), t)
	slices.SortFunc(tracks, func(a, b *track) int {
		if a.id.kind != b.id.kind {
			return int(b.id.kind) - int(a.id.kind) // video, audio
		}
		return int(a.id.number) - int(b.id.number)
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tracks = tracks
	return t, nil
}

// describesItself reports whether frames of a codec need no header.
func describesItself(c media.FourCC) bool {
	switch c {
	case media.CodecMP3, media.CodecAC3, media.CodecEAC3, media.CodecOpus:
		return true
	}
	return false
}

// write brings a packet into its track.
func (m *muxer) write(p *media.Packet) error {
	t := m.trackOf(p)
	if t == nil {
		var err error
		if t, err = m.announce(p); t == nil || p.Config {
			return err
		}
	} else if p.Config {
		t.learn(p)
		return t.writer.WritePacket(m.ctx, p)
	}
	if err := m.align(t, p); err != nil {
		return err
	}
	if t.current == nil || t.isFull() {
		return nil
	}
	return t.frame(p)
}

// leads reports whether t decides where segments begin: the first video track, or without video the first audio track.
func (m *muxer) leads(t *track) bool {
	if m.lead == nil || !m.began {
		m.lead = m.tracks[0]
	}
	return t == m.lead
}

// align makes the cuts that are due before p: the leading track decides on them, the others follow at their first frame
// behind.
func (m *muxer) align(t *track, p *media.Packet) error {
	if m.leads(t) {
		if !m.isDue(t, p) {
			return nil
		}
		if err := m.cutAt(t, p); err != nil {
			return err
		}
		m.cuts, m.boundary = m.cuts+1, p.Timestamp
		t.cuts = m.cuts
		m.began = true
		t.begin(p, m.sequence)
		return nil
	}
	if !m.began || t.cuts == m.cuts && t.current != nil || p.Timestamp < m.boundary || p.Kind == media.Video && !p.Key {
		return nil
	}
	if err := t.cutSegment(p.Timestamp, p); err != nil {
		return err
	}
	t.cuts = m.cuts
	t.begin(p, m.sequence)
	return nil
}

// cutAt ends the leading track's segment.
func (m *muxer) cutAt(t *track, p *media.Packet) error {
	if t.current == nil {
		return nil
	}
	if err := t.cutSegment(p.Timestamp, p); err != nil {
		return err
	}
	m.mu.Lock()
	m.sequence++
	m.mu.Unlock()
	return nil
}

// isDue reports whether a segment begins at p, a frame of the leading track.
func (m *muxer) isDue(t *track, p *media.Packet) bool {
	begins := p.Key || p.Kind == media.Audio
	if t.current == nil {
		return begins
	}
	length := p.Timestamp - t.from + t.current.duration
	const rounding = 10 * time.Millisecond
	switch {
	case begins && length+rounding >= m.options.Segment:
		return true
	case length >= m.options.Segment*longest:
		return true
	}
	size := 0
	for _, t := range m.tracks {
		if t.current != nil {
			size += t.current.size + t.waits
		}
	}
	return size >= m.server.bound(maxTrackBytes)/2
}
