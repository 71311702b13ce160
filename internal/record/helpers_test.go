package record

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/internal/format"
	"leat/internal/format/flvfile"
	"leat/internal/format/mp4"
	"leat/internal/store"
	"leat/live"
	"leat/media"
	"leat/media/mediatest"
)

const patience = 10 * time.Second

var cam = media.Key{App: "live", Name: "cam"}

// studio is a hub, and recordings of its streams.
type studio struct {
	*Recordings
	hub    *live.Hub
	events chan Event
}

// newStudio records to disk; nil means a folder of the file system.
func newStudio(t *testing.T, disk Disk, tweak func(*Options), ring *live.Config) *studio {
	t.Helper()
	dir := t.TempDir()
	minFree := 0
	if disk == nil {
		minFree = -1 // how full the disk of the tests is does not matter
		folder, err := OpenFolder(filepath.Join(dir, "records"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := folder.Close(); err != nil {
				t.Error(err)
			}
		})
		disk = folder
	}
	index := openIndex(t, filepath.Join(dir, "leat.db"))
	o := Options{Disk: disk, Index: index, MinFree: minFree, Logger: slog.New(slog.DiscardHandler)}
	if tweak != nil {
		tweak(&o)
	}
	s := &studio{Recordings: Open(o), hub: live.NewHub(ring), events: make(chan Event, 100)}
	t.Cleanup(func() {
		s.hub.Close()
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return s
}

// anyFullness lets tests run on a disk that is nearly full.
func anyFullness(o *Options) { o.MinFree = -1 }

func openIndex(t testing.TB, path string) *store.Store {
	t.Helper()
	index, err := store.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := index.Close(); err != nil {
			t.Error(err)
		}
	})
	return index
}

func (s *studio) publish(t *testing.T) *live.Publication {
	t.Helper()
	p, err := s.hub.Publish(cam, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *studio) start(t *testing.T, spec Spec) *Recorder {
	t.Helper()
	spec.Notify = func(e Event) { s.events <- e }
	c, err := s.Start(s.hub, cam, spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// want waits for the next event.
func (s *studio) want(t *testing.T, kind EventKind, why error) {
	t.Helper()
	select {
	case e := <-s.events:
		if e.Kind != kind || !errors.Is(e.Err, why) {
			t.Fatalf("event %d (%v), want %d (%v)", e.Kind, e.Err, kind, why)
		}
	case <-time.After(patience):
		t.Fatalf("no event %d", kind)
	}
}

func send(t testing.TB, p *live.Publication, packets []*media.Packet) {
	t.Helper()
	for _, pkt := range packets {
		if err := p.WritePacket(t.Context(), pkt); err != nil {
			t.Fatal(err)
		}
	}
}

func done(t testing.TB, c *Recorder) {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatal("the recording does not end")
	}
}

// record publishes packets as one stream and records it.
func (s *studio) record(t *testing.T, spec Spec, packets []*media.Packet) {
	t.Helper()
	c := s.start(t, spec)
	p := s.publish(t)
	send(t, p, packets)
	p.Close(true)
	done(t, c)
}

// take returns the newest take, whose segments must be complete.
func (s *studio) take(t *testing.T) Take {
	t.Helper()
	take, ok, err := s.Lookup(cam)
	if !ok || err != nil {
		t.Fatalf("there is no recording (%v)", err)
	}
	for _, segment := range take.Segments {
		if !segment.Complete || segment.Size == 0 || segment.Ended.IsZero() {
			t.Errorf("not complete: %+v", segment)
		}
	}
	return take
}

// frames returns what is in a file but for headers.
func (s *studio) frames(t testing.TB, path string) []*media.Packet {
	t.Helper()
	f, err := s.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	var file format.File
	if filepath.Ext(path) == ".mp4" {
		file, err = mp4.Open(f)
	} else {
		file, err = flvfile.Open(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []*media.Packet
	for c := file.NewCursor(); ; {
		p, err := c.ReadPacket(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if !p.Config {
			all = append(all, p)
		}
	}
}

// played returns the frames of all segments of a take on its timeline.
func (s *studio) played(t testing.TB, take Take) []*media.Packet {
	t.Helper()
	var all []*media.Packet
	for _, segment := range take.Segments {
		all = append(all, later(s.frames(t, segment.Path), segment.Offset)...)
	}
	return all
}

func later(packets []*media.Packet, by time.Duration) []*media.Packet {
	out := make([]*media.Packet, len(packets))
	for i, p := range packets {
		q := *p
		q.Timestamp += by
		out[i] = &q
	}
	return out
}

func framesOf(packets []*media.Packet) []*media.Packet {
	var out []*media.Packet
	for _, p := range packets {
		if !p.Config {
			out = append(out, p)
		}
	}
	return out
}

func same(t testing.TB, got, want []*media.Packet) {
	t.Helper()
	if diff := mediatest.DiffAll(got, framesOf(want)); diff != "" {
		t.Error(diff)
	}
}

func (s *studio) paths(t testing.TB) []string {
	t.Helper()
	var paths []string
	if err := s.List(func(r *store.Recording) bool { paths = append(paths, r.Path); return true }); err != nil {
		t.Fatal(err)
	}
	return paths
}

// memory is a Disk whose size can be changed, and which can be held up.
type memory struct {
	mu    sync.Mutex
	files map[string]*memoryFile
	room  int           // bytes that may be written still; negative: any number
	low   bool          // less than 5 % is free
	gate  chan struct{} // nil, or closed when writes may go on
	stuck chan struct{} // gets a token from a write that waits
}

type memoryFile struct {
	disk *memory
	b    []byte
}

var errNoSpace = errors.New("no space left on device")

func newMemory() *memory {
	return &memory{files: map[string]*memoryFile{}, room: -1, stuck: make(chan struct{}, 1)}
}

func (m *memory) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *memory) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[name] != nil {
		return nil, fs.ErrExist
	}
	f := &memoryFile{disk: m}
	m.files[name] = f
	return f, nil
}

func (m *memory) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.files[name]; f != nil {
		return f, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[to] = m.files[from]
	delete(m.files, from)
	return nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[name] == nil {
		return fs.ErrNotExist
	}
	delete(m.files, name)
	return nil
}

func (m *memory) Walk(each func(string, int64, time.Time) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, f := range m.files {
		if err := each(name, int64(len(f.b)), time.Now()); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Free() (free, total uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.low {
		return 4_000_000, 100_000_000, nil
	}
	return 50_000_000, 100_000_000, nil
}

// leftovers are the names of files without a frame.
func (m *memory) leftovers() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.files {
		if strings.HasSuffix(name, partEnding) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func (f *memoryFile) WriteAt(b []byte, at int64) (int, error) {
	m := f.disk
	m.mu.Lock()
	gate := m.gate
	m.mu.Unlock()
	if gate != nil {
		select {
		case m.stuck <- struct{}{}:
		default:
		}
		<-gate
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	if grown := int(at) + len(b) - len(f.b); grown > 0 {
		if m.room >= 0 && grown > m.room {
			b, err = b[:len(b)-(grown-m.room)], errNoSpace
			grown = m.room
		}
		if m.room >= 0 {
			m.room -= grown
		}
		f.b = append(f.b, make([]byte, grown)...)
	}
	return copy(f.b[at:], b), err
}

func (f *memoryFile) ReadAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return bytes.NewReader(f.b).ReadAt(b, at)
}

func (f *memoryFile) Size() int64 {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.b))
}

func (f *memoryFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.room >= 0 {
		f.disk.room += len(f.b) - int(size)
	}
	f.b = f.b[:size]
	return nil
}

func (f *memoryFile) Sync() error { return nil }

func (f *memoryFile) Close() error { return nil }
