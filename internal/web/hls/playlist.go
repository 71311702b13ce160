package hls

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"leat/internal/format/codec"
	"leat/media"
)

// Versions of the protocol (RFC 8216bis 8): 6 for initialization segments, 9 for parts.
const (
	versionMaps  = 7
	versionParts = 9
)

// queryOf is what is added to the addresses in a playlist: the token, and nothing else that the client has said.
func queryOf(token string) string {
	if token == "" {
		return ""
	}
	return "?token=" + url.QueryEscape(token)
}

// seconds rounds up, as a target duration must not be less than any segment's, rounded.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds() - 0.001)) }

// mediaPlaylist returns the playlist of a live track. mu is held.
func (m *muxer) mediaPlaylist(t *track, query string) ([]byte, error) {
	listed := t.segments[max(0, len(t.segments)-m.options.Window):]
	p := &playlist.Media{
		Version:               versionMaps,
		IndependentSegments:   true,
		TargetDuration:        seconds(t.target),
		MediaSequence:         int(listed[0].number),
		DiscontinuitySequence: &m.discontinuity,
		Map:                   &playlist.MediaMap{URI: m.file(t, initFile, uint64(m.epoch), 0) + query},
		Endlist:               m.over,
	}
	for i, s := range listed {
		entry := &playlist.MediaSegment{Duration: s.duration, URI: m.file(t, segmentFile, s.number, 0) + query}
		if !s.start.IsZero() {
			start := s.start.UTC()
			entry.DateTime = &start
		}
		if m.options.Part > 0 && len(listed)-i <= 2 {
			entry.Parts = m.parts(t, s, query)
		}
		p.IndependentSegments = p.IndependentSegments && s.parts[0].independent
		p.Segments = append(p.Segments, entry)
	}
	if m.options.Part == 0 || m.over {
		return p.Marshal()
	}
	p.Version = versionParts
	hold := 3 * t.partTarget
	p.ServerControl = &playlist.MediaServerControl{CanBlockReload: true, PartHoldBack: &hold}
	p.PartInf = &playlist.MediaPartInf{PartTarget: t.partTarget}
	next, part := m.next(t)
	if t.current != nil {
		p.Parts = m.parts(t, t.current, query)
	}
	p.PreloadHint = &playlist.MediaPreloadHint{URI: m.file(t, partFile, next, part) + query}
	return p.Marshal()
}

// next returns the number of the segment in the making, or of the one to come, and of its next part. mu is held.
func (m *muxer) next(t *track) (segment uint64, part int) {
	if t.current != nil {
		return t.current.number, len(t.current.parts)
	}
	if n := len(t.segments); n > 0 {
		return max(t.segments[n-1].number+1, m.sequence), 0
	}
	return m.sequence, 0
}

func (m *muxer) parts(t *track, s *segment, query string) []*playlist.MediaPart {
	parts := make([]*playlist.MediaPart, len(s.parts))
	for i, p := range s.parts {
		parts[i] = &playlist.MediaPart{
			Duration: p.duration, Independent: p.independent, URI: m.file(t, partFile, s.number, i) + query,
		}
	}
	return parts
}

func (m *muxer) file(t *track, kind fileKind, number uint64, part int) string {
	return file{track: t.id, kind: kind, session: m.session, number: number, part: part}.name()
}

// outline is what a master playlist says of a track.
type outline struct {
	id       trackID
	about    *media.Packet
	info     codec.Info
	peak     int // bits per second
	language string
}

// content is one stream or recording in a master playlist.
type content struct {
	prefix string // of the addresses of its media playlists
	tracks []outline
}

// master joins the tracks of all contents in one playlist (RFC 8216 4.3.4).
func master(contents []content, query string) ([]byte, error) {
	p := &playlist.Multivariant{Version: versionMaps, IndependentSegments: true}
	for i, c := range contents {
		video := slices.ContainsFunc(c.tracks, func(t outline) bool { return t.id.kind == media.Video })
		group := ""
		var sound outline
		if len(audioOf(c.tracks)) > 0 {
			sound = audioOf(c.tracks)[0]
			if video || len(audioOf(c.tracks)) > 1 {
				group = "audio" + strconv.Itoa(i)
				p.Renditions = append(p.Renditions, renditions(c, group, query)...)
			}
		}
		for _, t := range c.tracks {
			if video == (t.id.kind == media.Video) && (video || t.id == sound.id) {
				p.Variants = append(p.Variants, variant(c.prefix, t, sound, group, query))
			}
		}
	}
	return p.Marshal()
}

func audioOf(tracks []outline) []outline {
	i := slices.IndexFunc(tracks, func(t outline) bool { return t.id.kind == media.Audio })
	if i < 0 {
		return nil
	}
	return tracks[i:]
}

// renditions are the sounds of a content.
func renditions(c content, group, query string) []*playlist.MultivariantRendition {
	var list []*playlist.MultivariantRendition
	for i, t := range audioOf(c.tracks) {
		uri := c.prefix + t.id.String() + ".m3u8" + query
		r := &playlist.MultivariantRendition{
			Type: playlist.MultivariantRenditionTypeAudio, GroupID: group, Name: t.id.String(),
			Default: i == 0, Autoselect: true, URI: &uri, Language: t.language,
		}
		if t.info.Channels > 0 {
			channels := strconv.Itoa(t.info.Channels)
			r.Channels = &channels
		}
		list = append(list, r)
	}
	return list
}

// variant is a way to play a content: a video track with the sounds of a group, or sound alone.
func variant(prefix string, t, sound outline, group, query string) *playlist.MultivariantVariant {
	v := &playlist.MultivariantVariant{
		URI: prefix + t.id.String() + ".m3u8" + query, Audio: group, Bandwidth: max(t.peak, 1),
	}
	tracks := []outline{t}
	if t.id.kind == media.Video && sound.about != nil {
		v.Bandwidth += sound.peak
		tracks = append(tracks, sound)
	}
	for _, t := range tracks {
		if name := codec.RFC6381(t.about); name != "" {
			v.Codecs = append(v.Codecs, name)
		}
	}
	if t.info.Width > 0 && t.info.Height > 0 {
		v.Resolution = strconv.Itoa(t.info.Width) + "x" + strconv.Itoa(t.info.Height)
	}
	if t.info.FPS > 0 {
		v.FrameRate = &t.info.FPS
	}
	return v
}
