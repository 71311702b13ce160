package node

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"leat/internal/config"
	"leat/internal/object"
	"leat/internal/record"
	"leat/media"
	"leat/rtmp"
)

// archive is the recordings under the data folder. Nothing is made there before the first recording.
type archive struct {
	mu     sync.Mutex
	folder *record.Folder     // nil until it is open
	all    *record.Recordings // likewise
	bucket *object.Bucket     // nil without an object store
	closed bool
}

var (
	errNotLive      = errors.New("node: the stream is not live")
	errRecordsNever = errors.New("node: the application's streams are not recorded")
)

// What lies under data.
const (
	recordsFolder = "records"
	storeFile     = "leat.db"
)

// recordings returns the recordings, which it opens if need be.
func (n *Node) recordings() (*record.Recordings, error) {
	a := &n.archive
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return nil, record.ErrClosed
	case a.all != nil:
		return a.all, nil
	}
	cfg := n.Config()
	folder, err := record.OpenFolder(filepath.Join(cfg.Data, recordsFolder))
	if err != nil {
		return nil, err
	}
	if err := n.store.open(); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	options := n.recordOptions(cfg, folder)
	if err := n.useBucket(cfg, &options); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	a.folder, a.all = folder, record.Open(options)
	return a.all, nil
}

func (n *Node) recordOptions(cfg *config.Config, folder *record.Folder) record.Options {
	o := record.Options{
		Disk: folder, Index: n.store.get(), Logger: n.log,
		Sync: cfg.Recordings.Sync, MinFree: cfg.Recordings.MinFree,
		Templates: templates(cfg), Keep: n.keep,
	}
	if o.Sync == 0 {
		o.Sync = -1 // the package's word for never
	}
	if o.MinFree == 0 {
		o.MinFree = -1
	}
	return o
}

// templates are those of all applications.
func templates(cfg *config.Config) []*record.Template {
	var all []*record.Template
	seen := map[config.RecordTemplate]bool{}
	for _, app := range slices.Concat(allApps(cfg)...) {
		if text := app.Record.Template; !seen[text] {
			seen[text] = true
			if t, err := record.ParseTemplate(string(text)); err == nil { // the configuration was checked
				all = append(all, t)
			}
		}
	}
	return all
}

// keep tells how long the recordings of an application are kept, as the configuration says now. Which host their publisher
// came by is not known any more.
func (n *Node) keep(name string) record.Keep {
	for _, app := range slices.Concat(allApps(n.Config())...) {
		if _, fits := (config.Apps{app}).Lookup(name); fits {
			return record.Keep{Group: app.Pattern, Age: app.Record.KeepAge, Size: int64(app.Record.KeepSize)}
		}
	}
	return record.Keep{}
}

// useRecordings looks after the recordings that are there already.
func (n *Node) useRecordings(cfg *config.Config) {
	if _, err := os.Stat(filepath.Join(cfg.Data, recordsFolder)); errors.Is(err, fs.ErrNotExist) {
		return
	}
	if _, err := n.recordings(); err != nil {
		n.log.Warn("the recordings cannot be used: nothing is recorded until that is changed", "err", err)
	}
}

// closeRecordings completes what is being recorded. The hub was closed before.
func (n *Node) closeRecordings(ctx context.Context) error {
	a := &n.archive
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.all == nil {
		return nil
	}
	all := a.all
	a.all = nil
	err := all.Close(ctx)
	if a.bucket != nil {
		a.bucket.Close()
	}
	return errors.Join(err, a.folder.Close())
}

// StartRecording records a live stream from now on, as a recording of its own and as its application is configured. It does not
// wait for the disk. The error says why not; it is record.ErrRecording when the stream is being recorded already.
func (n *Node) StartRecording(key media.Key) error {
	_, app, ok := n.Config().Lookup("", key.App)
	switch {
	case !ok || app.Record.When == config.RecordNever:
		return errRecordsNever
	case !n.onAir(key):
		return errNotLive
	}
	all, err := n.recordings()
	if err != nil {
		return err
	}
	spec, err := recordSpec(&app.Record)
	if err != nil {
		return err
	}
	_, err = all.Start(n.hub, key, spec)
	return err
}

// StopRecording ends the recording of a stream. The error is record.ErrNotRecording if there is none.
func (n *Node) StopRecording(key media.Key) error {
	all, err := n.recordings()
	if err != nil {
		return err
	}
	return all.Stop(key)
}

// recordSpec is for a recording that replaces no other.
func recordSpec(r *config.Record) (record.Spec, error) {
	template, err := record.ParseTemplate(string(r.Template))
	if err != nil {
		return record.Spec{}, err
	}
	format, err := record.ParseFormat(string(r.Format))
	if err != nil {
		return record.Spec{}, err
	}
	return record.Spec{
		Format: format, KeepVersions: -1, Template: template,
		SegmentTime: r.SegmentTime, SegmentSize: int64(r.SegmentSize),
	}, nil
}

// recording is what a publisher hears of the recording of its stream. A nil recording is none.
type recording struct {
	log     *slog.Logger
	stream  *rtmp.PublishStream // nil for one that did not ask
	started chan struct{}       // closed when rec is set, or will not be
	rec     atomic.Pointer[record.Recorder]
	gone    atomic.Bool // the publisher
}

const (
	// startTime is how long a publisher waits for its recording to begin. A disk that does not answer holds nobody up.
	startTime = time.Second
	// completeTime is how long a publisher that ends its stream waits to hear that the recording is complete.
	completeTime = 2 * time.Second
)

// record records a stream if its publisher asks for it or the configuration does. The publisher goes on in any case; it is
// told what becomes of the recording if it has asked. The error is that of the connection.
func (n *Node) record(log *slog.Logger, p *publication, rule *config.Record) (*recording, error) {
	typ := rtmp.PublishLive
	if p.stream != nil {
		typ = p.stream.Type()
	}
	asked := typ != rtmp.PublishLive
	if !asked && (rule.When != config.RecordAlways || !rule.Names.Match(p.key.Name)) {
		return nil, nil //nolint:nilnil // as documented at recording
	}
	r := &recording{log: log, started: make(chan struct{})}
	if asked {
		r.stream = p.stream
		if err := p.stream.Accept(); err != nil { // clients take the first status for the answer to publish
			return nil, err
		}
	}
	n.beginRecording(r, p.key, typ, rule)
	return r, nil
}

// recordPulled records a stream that is pulled, if the configuration says so.
func (n *Node) recordPulled(key media.Key, rule *config.Record) *recording {
	if rule.When != config.RecordAlways || !rule.Names.Match(key.Name) {
		return nil
	}
	r := &recording{log: n.log.With("stream", key.String()), started: make(chan struct{})}
	n.beginRecording(r, key, rtmp.PublishLive, rule)
	return r
}

// beginRecording begins a recording, and waits for that as long as nobody notices.
func (n *Node) beginRecording(r *recording, key media.Key, typ rtmp.PublishType, rule *config.Record) {
	n.closing.Go(func() {
		defer close(r.started)
		if err := n.startRecording(r, key, typ, rule); err != nil {
			r.log.Warn("the stream is not recorded", "err", err)
			r.tell(record.Event{Kind: record.EventFailed, Err: err})
		}
	})
	await(r.started, startTime)
}

// await waits until done is closed, or some time is over.
func await(done <-chan struct{}, d time.Duration) {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
}

func (n *Node) startRecording(r *recording, key media.Key, typ rtmp.PublishType, rule *config.Record) error {
	if rule.When == config.RecordNever {
		return errRecordsNever
	}
	all, err := n.recordings()
	if err != nil {
		return err
	}
	spec, err := recordSpec(rule)
	if err != nil {
		return err
	}
	switch typ {
	case rtmp.PublishRecord:
		spec.KeepVersions = rule.KeepVersions
	case rtmp.PublishAppend:
		spec.Mode = record.Append
	case rtmp.PublishAppendWithGap:
		spec.Mode = record.AppendWithGap
	}
	spec.Notify = r.tell
	if r.gone.Load() {
		return errNotLive
	}
	rec, err := all.Start(n.hub, key, spec)
	if errors.Is(err, record.ErrRecording) {
		// The stream goes on after another publisher's end, and so does its recording.
		if rec = all.Recorder(key); rec == nil {
			return record.ErrNotRecording
		}
		rec.SetNotify(r.tell)
		r.tell(record.Event{Kind: record.EventStarted})
		err = nil
	} else if err == nil && r.gone.Load() { // it would wait for the next publisher of the name
		rec.Stop()
	}
	r.rec.Store(rec)
	return err
}

// leave is called when a pull has ended the stream, well or not.
func (r *recording) leave() {
	if r != nil {
		r.gone.Store(true)
	}
}

// end is called when the publisher has left the stream, which is over if clean.
func (r *recording) end(clean bool) {
	if r == nil {
		return
	}
	defer r.gone.Store(true)
	if !clean {
		return
	}
	await(r.started, completeTime)
	if rec := r.rec.Load(); rec != nil {
		await(rec.Done(), completeTime)
	}
}

// tell passes on news as NetStream.Record statuses. A failure is no more than a warning, as the stream itself goes on: FFmpeg
// leaves on everything of level error.
func (r *recording) tell(e record.Event) {
	if r.stream == nil || r.gone.Load() {
		return
	}
	name := r.stream.Key().Name
	s := rtmp.Status{Details: name}
	switch e.Kind {
	case record.EventStarted, record.EventResumed:
		s.Code, s.Description = string(rtmp.CodeRecordStart), name+" is being recorded."
	case record.EventStopped:
		s.Code, s.Description = string(rtmp.CodeRecordStop), name+" is not being recorded any more."
	case record.EventFailed:
		s.Level = rtmp.LevelWarning
		s.Code, s.Description = string(rtmp.CodeRecordFailed), name+" cannot be recorded: "+failureText(e.Err)
		if errors.Is(e.Err, fs.ErrPermission) || errors.Is(e.Err, errRecordsNever) {
			s.Code, s.Description = string(rtmp.CodeRecordNoAccess), "Recording "+name+" is not allowed."
		}
	}
	if err := r.stream.Status(s); err != nil {
		r.log.Debug("news of a recording was not sent", "code", s.Code, "err", err)
	}
}

// failureText says what a client may know of a failure; paths of the server are not its business.
func failureText(err error) string {
	switch {
	case errors.Is(err, record.ErrDiskLow):
		return "the disk is nearly full."
	case errors.Is(err, record.ErrGap):
		return "the disk is too slow."
	case strings.Contains(err.Error(), "no space"):
		return "the disk is full."
	}
	return "the server failed to write it."
}

// openedRecordings returns the recordings if there are any, and nil while nothing was ever recorded.
func (n *Node) openedRecordings() (*record.Recordings, error) {
	n.archive.mu.Lock()
	defer n.archive.mu.Unlock()
	if n.archive.closed {
		return nil, record.ErrClosed
	}
	return n.archive.all, nil
}

// isRecorded reports whether a stream is being recorded.
func (n *Node) isRecorded(key media.Key) bool {
	all, err := n.openedRecordings()
	return err == nil && all != nil && all.Recorder(key) != nil
}

// recordingStats returns how many streams are being recorded, and how often recording has failed.
func (n *Node) recordingStats() (recording int, failures uint64) {
	n.archive.mu.Lock()
	defer n.archive.mu.Unlock()
	if n.archive.all == nil {
		return 0, 0
	}
	return n.archive.all.Stats()
}
