package hls

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"leat/internal/format"
	"leat/internal/format/codec"
	"leat/internal/format/mp4"
	"leat/media"
)

// Recording is an opened recording.
type Recording struct {
	File format.File
	ID   string // the same as long as its bytes are
	Size int64  // bytes; 0 if not known

	most int // bytes of a segment; 0: maxRecorded
}

// ErrTooLarge says that a segment would be too large to be made in memory: the recording has hardly any key frames.
var ErrTooLarge = errors.New("hls: a segment of the recording is too large")

const (
	recordedSegment = 6 * time.Second // the least length
	probePackets    = 512             // among which every track has to come up
	maxRecorded     = 2 * maxTrackBytes
	interleaving    = time.Second // how far frames of other tracks lie from where they belong
)

// session is the name of the recording in the names of files.
func (rec *Recording) session() string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(rec.ID)) // never fails
	return hex.EncodeToString(h.Sum(nil))
}

// marks returns where segments begin, and the end.
func (rec *Recording) marks() []time.Duration {
	info := rec.File.Info()
	marks := []time.Duration{0}
	last := func() time.Duration { return marks[len(marks)-1] }
	for _, key := range info.Keys {
		if key-last() >= recordedSegment && info.Duration-key > 0 {
			marks = append(marks, key)
		}
	}
	if !info.HasVideo {
		for info.Duration-last() > recordedSegment {
			marks = append(marks, last()+recordedSegment)
		}
	}
	return append(marks, max(info.Duration, last()+time.Millisecond))
}

// recorded is a track of a recording.
type recorded struct {
	outline
	first *media.Packet // its first frame
}

// tracks finds the tracks. They must come up among the first packets.
func (rec *Recording) tracks(ctx context.Context) (tracks []recorded, refused []string, err error) {
	cursor := rec.File.NewCursor()
	info := rec.File.Info()
	for range probePackets {
		p, err := cursor.ReadPacket(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if p.Kind == media.Data || len(p.Data) == 0 || p.Name != "" {
			continue
		}
		id := trackID{p.Kind, p.Track}
		i := slices.IndexFunc(tracks, func(t recorded) bool { return t.id == id })
		if i < 0 {
			if len(tracks) == maxTracks {
				continue
			}
			tracks = append(tracks, recorded{outline: outline{id: id}})
			i = len(tracks) - 1
		}
		t := &tracks[i]
		if t.about == nil {
			t.about = p
		}
		if about, err := codec.Describe(p); err == nil {
			t.info = t.info.Merge(about)
		}
		if !p.Config && t.first == nil {
			t.first = p
		}
	}
	tracks, refused = carried(ctx, tracks)
	slices.SortFunc(tracks, func(a, b recorded) int {
		if a.id.kind != b.id.kind {
			return int(b.id.kind) - int(a.id.kind)
		}
		return int(a.id.number) - int(b.id.number)
	})
	rate := 0
	if seconds := info.Duration.Seconds(); seconds > 0 {
		rate = int(float64(rec.Size) * 8 / seconds)
	}
	for i := range tracks {
		const sound = 128_000 // bits per second, a guess that only matters for choosing among variants
		tracks[i].peak = max(rate-sound, sound)
		if tracks[i].id.kind == media.Audio {
			tracks[i].peak = sound
		}
	}
	if len(tracks) == 0 {
		return nil, nil, &UnsupportedError{refused}
	}
	return tracks, refused, nil
}

// carried divides tracks into those that MP4 has a form for, and the others.
func carried(ctx context.Context, tracks []recorded) (ok []recorded, refused []string) {
	for _, t := range tracks {
		w := mp4.NewWriter(io.Discard, &mp4.WriterOptions{Live: true})
		if _, unsupported := errors.AsType[*mp4.UnsupportedError](w.WritePacket(ctx, t.about)); unsupported || t.first == nil {
			refused = append(refused, fmt.Sprintf("%v track %d (%v)", t.id.kind, t.id.number, t.about.Codec))
			continue
		}
		ok = append(ok, t)
	}
	return ok, refused
}

// ServeMaster answers with the master playlist of a recording, whose files are at the relative address prefix. The error is an
// *UnsupportedError, or one of reading; the answer is the caller's then.
func (rec *Recording) ServeMaster(w http.ResponseWriter, r *http.Request, prefix, token string) error {
	tracks, refused, err := rec.tracks(r.Context())
	if err != nil {
		return err
	}
	c := content{prefix: prefix}
	for _, t := range tracks {
		c.tracks = append(c.tracks, t.outline)
	}
	b, err := master([]content{c}, queryOf(token))
	if err != nil {
		return err
	}
	for _, text := range refused {
		w.Header().Add(LeftOut, text)
	}
	return answer(w, r, playlistType, b)
}

// ServeFile answers with another file of the recording. The error is ErrNotFound or one of reading, and the answer is the
// caller's then.
func (rec *Recording) ServeFile(w http.ResponseWriter, r *http.Request, name, token string) error {
	f, ok := parseFile(name)
	if !ok || f.kind == partFile || f.session != "" && f.session != rec.session() {
		return ErrNotFound
	}
	marks := rec.marks()
	if f.kind == mediaPlaylist {
		b, err := rec.playlist(f, marks, queryOf(token))
		if err != nil {
			return err
		}
		return answer(w, r, playlistType, b)
	}
	if f.kind == segmentFile && f.number >= uint64(len(marks)-1) {
		return ErrNotFound
	}
	kind := videoType
	if f.track.kind == media.Audio {
		kind = audioType
	}
	etag := `"` + f.name() + `"`
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "private, max-age=3600")
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b, err := rec.bytes(r.Context(), f, marks)
	if err != nil {
		h.Del("ETag")
		return err
	}
	return answer(w, r, kind, b)
}

func (rec *Recording) playlist(f file, marks []time.Duration, query string) ([]byte, error) {
	kind := playlist.MediaPlaylistTypeVOD
	f.session = rec.session()
	uri := func(kind fileKind, number int) string {
		return file{track: f.track, kind: kind, session: f.session, number: uint64(number)}.name() + query
	}
	p := &playlist.Media{
		Version: versionMaps, IndependentSegments: true, PlaylistType: &kind, Endlist: true,
		Map: &playlist.MediaMap{URI: uri(initFile, 0)},
	}
	longest := time.Duration(0)
	for i, from := range marks[:len(marks)-1] {
		d := marks[i+1] - from
		longest = max(longest, d)
		p.Segments = append(p.Segments, &playlist.MediaSegment{Duration: d, URI: uri(segmentFile, i)})
	}
	p.TargetDuration = max(seconds(longest), 1)
	return p.Marshal()
}

// bytes makes a segment, or the initialization segment.
func (rec *Recording) bytes(ctx context.Context, f file, marks []time.Duration) ([]byte, error) {
	tracks, _, err := rec.tracks(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(tracks, func(t recorded) bool { return t.id == f.track })
	if i < 0 {
		return nil, ErrNotFound
	}
	out := &pieces{}
	w := mp4.NewWriter(out, &mp4.WriterOptions{FragmentDuration: time.Hour, Live: true})
	t := tracks[i]
	if t.about.Config {
		if err := w.WritePacket(ctx, t.about); err != nil {
			return nil, err
		}
	}
	if f.kind == initFile {
		if err := w.WritePacket(ctx, t.first); err != nil {
			return nil, err
		}
		if err := errors.Join(w.Close(), out.missing()); err != nil {
			return nil, err
		}
		return out.init, nil
	}
	n := int(f.number)
	if err := rec.copy(ctx, w, f.track, marks[n], marks[n+1], n+2 == len(marks)); err != nil {
		return nil, err
	}
	return out.rest, nil
}

// copy writes the frames of a track from one time up to another, or to the end if last.
func (rec *Recording) copy(ctx context.Context, w *mp4.Writer, id trackID, from, to time.Duration, last bool) error {
	cursor := rec.File.NewCursor()
	if _, err := cursor.Seek(max(from-interleaving, 0)); err != nil {
		return err
	}
	if from == 0 {
		cursor = rec.File.NewCursor() // also what comes before the first key frame
	}
	var next *media.Packet
	for left := cmp.Or(rec.most, maxRecorded); ; {
		p, err := cursor.ReadPacket(ctx)
		if errors.Is(err, io.EOF) {
			return w.Cut(next)
		}
		if err != nil {
			return err
		}
		if !last && p.Timestamp >= to+interleaving {
			return w.Cut(next)
		}
		if p.Kind != id.kind || p.Track != id.number || p.Config || p.Timestamp < from {
			continue
		}
		if !last && p.Timestamp >= to {
			if next == nil {
				next = p
			}
			continue
		}
		if left -= len(p.Data) + frameCost; left < 0 {
			return ErrTooLarge
		}
		err = w.WritePacket(ctx, p)
		if errors.Is(err, mp4.ErrNewSegment) { // the rest of it has another codec, which this playlist cannot announce
			return w.Cut(nil)
		}
		if err != nil {
			return err
		}
	}
}

// pieces is what a writer writes.
type pieces struct{ init, rest []byte }

func (p *pieces) Write(b []byte) (int, error) {
	init, rest := mp4.SplitInit(b)
	if len(init) > 0 {
		p.init = slices.Clone(init)
	}
	p.rest = append(p.rest, rest...)
	return len(b), nil
}

func (p *pieces) missing() error {
	if p.init == nil {
		return ErrNotFound
	}
	return nil
}
