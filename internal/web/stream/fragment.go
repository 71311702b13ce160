package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"leat/internal/fanout"
	"leat/internal/format/codec"
	"leat/internal/format/mp4"
	"leat/media"
)

// initSegment is an initialization segment and what players are told of it.
type initSegment struct {
	bytes []byte
	mime  string
}

// keptInits is how many initialization segments are remembered: viewers that are behind may still be sent an earlier one.
const keptInits = 8

// maxRefused bounds what is remembered of what cannot be carried: each initialization segment finds it out anew.
const maxRefused = 32

// fragmenter makes fragmented MP4 of packets and puts it into a log: an initialization segment as a Config packet, and each
// fragment as a frame, so that the log knows where players can begin and what may be left out.
type fragmenter struct {
	out     *fanout.Log
	headers media.Headers
	first   map[trackID]*media.Packet // that says what its track is, if no header does
	writer  *mp4.Writer
	pending media.Packet // what the fragment to come is
	inits   atomic.Pointer[[]initSegment]
	refused atomic.Pointer[[]string]
	known   chan struct{} // closed when there is an initialization segment, or there is known to be none
	once    sync.Once
}

type trackID struct {
	kind   media.Kind
	number uint8
}

func newFragmenter(out *fanout.Log) *fragmenter {
	f := &fragmenter{out: out, known: make(chan struct{})}
	f.restart()
	return f
}

// restart makes room for another publisher.
func (f *fragmenter) restart() {
	f.headers.Reset()
	f.first = map[trackID]*media.Packet{}
	f.begin()
}

// begin begins a new initialization segment.
func (f *fragmenter) begin() {
	// Any length will do: each packet ends the fragment before it, whose last frame it times.
	f.writer = mp4.NewWriter(f, &mp4.WriterOptions{FragmentDuration: 1, Live: true})
	f.pending = media.Packet{}
}

// write takes a packet, and brings what came before it into the log.
func (f *fragmenter) write(p *media.Packet) error {
	if p.Kind != media.Data {
		f.note(p)
	}
	err := f.writer.WritePacket(context.Background(), p)
	if errors.Is(err, mp4.ErrNewSegment) {
		if err := f.writer.Close(); err != nil {
			return err
		}
		f.begin()
		for _, h := range f.headers.Packets() {
			if err := f.take(f.writer.WritePacket(context.Background(), h)); err != nil {
				return err
			}
		}
		err = f.writer.WritePacket(context.Background(), p)
	}
	if err := f.take(err); err != nil {
		return err
	}
	f.headers.Apply(p)
	if !p.Config && p.Kind != media.Data {
		f.gather(p)
	}
	return nil
}

// note remembers by what a track is known.
func (f *fragmenter) note(p *media.Packet) {
	id := trackID{p.Kind, p.Track}
	if old := f.first[id]; p.Name == "" && len(p.Data) > 0 && (old == nil || p.Config || old.Codec != p.Codec) {
		f.first[id] = p
	}
}

// take remembers what cannot be carried; other errors are returned.
func (f *fragmenter) take(err error) error {
	unsupported, ok := errors.AsType[*mp4.UnsupportedError](err)
	if !ok {
		return err
	}
	if unsupported.Kind != media.Data {
		var list []string
		if old := f.refused.Load(); old != nil {
			list = *old
		}
		name := unsupported.Codec.String()
		if name == "" {
			name = "a codec without a name"
		}
		text := fmt.Sprintf("%v track %d (%s)", unsupported.Kind, unsupported.Track, name)
		if len(list) < maxRefused && !slices.Contains(list, text) {
			list = append(slices.Clip(list), text)
			f.refused.Store(&list)
		}
	}
	return nil
}

// judge is called when all tracks have come that are waited for: perhaps none can be carried.
func (f *fragmenter) judge() {
	if f.inits.Load() == nil && len(f.first) > 0 && len(f.leftOut()) >= min(len(f.first), maxRefused) {
		f.once.Do(func() { close(f.known) })
	}
}

// gather notes that p is part of the fragment to come. One with video is video.
func (f *fragmenter) gather(p *media.Packet) {
	q := &f.pending
	if q.Kind == 0 {
		q.Timestamp = p.Timestamp
		q.Kind, q.Track = p.Kind, p.Track
	}
	if p.Kind == media.Video {
		q.Kind, q.Track = media.Video, p.Track
		q.Key = q.Key || p.Key
	}
}

// Write is what the mp4.Writer writes to: an initialization segment, a fragment, or both.
func (f *fragmenter) Write(b []byte) (int, error) {
	init, fragment := mp4.SplitInit(b)
	if len(init) > 0 {
		f.keep(bytes.Clone(init))
	}
	p := f.pending
	f.pending = media.Packet{}
	if len(fragment) > 0 && p.Kind != 0 {
		p.Body = fragment
		f.out.WritePacket(&p) // which copies the body
	}
	return len(b), nil
}

func (f *fragmenter) keep(init []byte) {
	var list []initSegment
	if old := f.inits.Load(); old != nil {
		list = *old
	}
	list = append(list[max(0, len(list)-keptInits+1):len(list):len(list)], initSegment{init, f.mime()})
	f.inits.Store(&list)
	f.once.Do(func() { close(f.known) })
	f.out.WritePacket(&media.Packet{Kind: media.Data, Name: "init", Config: true, Timestamp: f.pending.Timestamp, Body: init})
}

// mime returns the type of what is being written (RFC 6381).
func (f *fragmenter) mime() string {
	var names []string
	kind := "audio"
	for _, k := range []media.Kind{media.Video, media.Audio} {
		for number := range 256 {
			p := f.first[trackID{k, uint8(number)}]
			if p == nil {
				continue
			}
			if k == media.Video {
				kind = "video"
			}
			if name := codec.RFC6381(p); name != "" {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return kind + "/mp4"
	}
	return kind + `/mp4; codecs="` + strings.Join(names, ",") + `"`
}

// mimeOf returns the type of an initialization segment; "" if it is not known any more.
func (f *fragmenter) mimeOf(init []byte) string {
	list := f.inits.Load()
	if list == nil {
		return ""
	}
	for i := len(*list) - 1; i >= 0; i-- {
		if s := &(*list)[i]; init == nil || bytes.Equal(s.bytes, init) {
			return s.mime
		}
	}
	return ""
}

// leftOut returns what of the stream MP4 has no form for.
func (f *fragmenter) leftOut() []string {
	if list := f.refused.Load(); list != nil {
		return *list
	}
	return nil
}

// raw is the fanout.Encoder of bodies that are ready.
type raw struct{}

func (raw) Append(dst []byte, p *media.Packet) []byte { return append(dst, p.Body...) }
