package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"leat/internal/store"
	"leat/media"
)

// segment is a file that is being written.
type segment struct {
	info   store.Recording
	file   File
	mux    Muxer
	cut    bool          // something has come that needs another file: the next key frame begins one
	part   string        // the file's name until a frame is in it; "" from then on
	base   time.Duration // timestamp of the packet that has the time 0 in it
	synced time.Time
}

// isFull reports whether another segment is to begin at p.
func (s *segment) isFull(spec *Spec, p *media.Packet) bool {
	return s.cut || spec.SegmentTime > 0 && p.Timestamp-s.base >= spec.SegmentTime ||
		spec.SegmentSize > 0 && s.file.Size() >= spec.SegmentSize
}

// partEnding is what the names of files end in that have no frame yet.
const partEnding = ".part"

// defaultFrame is how much later than the last frame of a segment the next one begins when its timestamps do not say.
const defaultFrame = 40 * time.Millisecond

// open makes the next segment of the take and writes its first frames, or goes on with the newest one.
func (c *Recorder) open(ctx context.Context, frames []*media.Packet, now time.Time) (*segment, error) {
	percent := c.recordings.opts.MinFree
	if c.failed && percent > 0 {
		percent += hysteresis
	}
	if err := c.recordings.room(percent); err != nil {
		return nil, err
	}
	at := frames[0].Timestamp
	if c.last == nil && c.spec.Mode != New {
		seg, err := c.resume(ctx, at, now)
		if seg != nil {
			if err := seg.fill(ctx, c.headers.Packets(), frames); err != nil {
				c.seg = seg
				c.complete()
				return nil, err
			}
			c.segments++
			c.log.Info("recording goes on", "file", seg.info.Path)
			return seg, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return c.create(ctx, at, frames, now)
}

// create makes a file. It gets its name when a frame is in it, see appear.
func (c *Recorder) create(ctx context.Context, at time.Duration, frames []*media.Packet, now time.Time) (*segment, error) {
	r := c.recordings
	seg := &segment{info: c.next(at, now), base: at, synced: now}
	path, err := c.reserve(&seg.info)
	if err != nil {
		return nil, err
	}
	seg.part = path + partEnding
	if seg.file, err = r.opts.Disk.Create(seg.part); err != nil {
		r.release(path)
		return nil, err
	}
	seg.mux = containers[c.spec.Format].create(seg.file, c.log)
	if err = seg.fill(ctx, c.headers.Packets(), frames); err == nil {
		err = c.appear(seg)
	}
	if err != nil {
		return nil, errors.Join(err, seg.mux.Close(), c.discard(seg))
	}
	return seg, nil
}

// appear gives a new file its name, and the index its entry, once something is in it: a muxer may hold back its first
// packets. Then the takes go that it replaces.
func (c *Recorder) appear(seg *segment) error {
	if seg.part == "" || seg.file.Size() == 0 {
		return nil
	}
	r := c.recordings
	if err := r.opts.Disk.Rename(seg.part, seg.info.Path); err != nil {
		return err
	}
	if err := r.opts.Index.PutRecording(&seg.info); err != nil {
		seg.part = seg.info.Path // what cannot be found again takes room for nothing
		return err
	}
	seg.part = ""
	c.segments++
	c.log.Info("recording", "file", seg.info.Path, "segment", seg.info.Segment)
	if c.segments == 1 && c.spec.Mode == New && c.spec.KeepVersions >= 0 {
		if err := r.prune(c.key, seg.info.Take, c.spec.KeepVersions); err != nil {
			c.log.Warn("earlier recordings could not be removed", "err", err)
		}
	}
	return nil
}

// discard removes a file that has not appeared.
func (c *Recorder) discard(seg *segment) error {
	c.recordings.release(seg.info.Path)
	return errors.Join(seg.file.Close(), c.recordings.opts.Disk.Remove(seg.part))
}

// fill writes the headers in force and the first frames.
func (s *segment) fill(ctx context.Context, headers, frames []*media.Packet) error {
	at := frames[0].Timestamp
	for _, h := range headers {
		again := *h
		again.Timestamp = at
		if err := s.mux.WritePacket(ctx, &again); err != nil {
			return err
		}
	}
	for _, p := range frames {
		if err := s.mux.WritePacket(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// next describes the segment behind the last one.
func (c *Recorder) next(at time.Duration, now time.Time) store.Recording {
	info := store.Recording{
		StreamKey: store.StreamKey(c.key), Format: string(c.spec.Format),
		Take: now.UTC().Truncate(time.Millisecond), Segment: 1, Started: now.UTC(),
	}
	if c.last != nil {
		info.Take, info.Segment = c.last.Take, c.last.Segment+1
		end := c.last.Offset + c.last.Duration
		info.Offset = c.last.Offset + at - c.lastBase
		if info.Offset < end-maxSkew || info.Offset > end+maxGap { // the source's clock has jumped
			info.Offset = end + defaultFrame
		}
	}
	return info
}

const (
	// maxSkew is how far the sound at the end of a segment may be ahead of the picture that begins the next one.
	maxSkew = 2 * time.Second
	// maxGap is the longest time between two segments of a take that timestamps are believed.
	maxGap = 24 * time.Hour
)

// reserve finds a path for a segment that nobody uses: two takes may begin in the same millisecond.
func (c *Recorder) reserve(info *store.Recording) (string, error) {
	const tries = 1000
	for range tries {
		path, err := c.spec.Template.path(c.key, info.Take, info.Segment, c.spec.Format.ending())
		if err != nil {
			return "", err
		}
		_, err = c.recordings.opts.Index.Recording(path)
		if errors.Is(err, store.ErrNoRecording) && c.recordings.use(path) {
			info.Path = path
			return path, nil
		}
		if err != nil && !errors.Is(err, store.ErrNoRecording) {
			return "", err
		}
		if c.last == nil {
			info.Take = info.Take.Add(time.Millisecond)
		} else {
			info.Segment++
		}
	}
	return "", fmt.Errorf("record: no free name for %s: %w", c.key, fs.ErrExist)
}

// resume goes on with the newest take. It returns nil without an error if a new file is needed.
func (c *Recorder) resume(ctx context.Context, at time.Duration, now time.Time) (*segment, error) {
	r := c.recordings
	info, err := r.newest(c.key)
	if info == nil || err != nil {
		return nil, err
	}
	gap := time.Duration(0)
	if c.spec.Mode == AppendWithGap && !info.Ended.IsZero() {
		gap = max(0, now.Sub(info.Ended))
	}
	end := info.Duration + defaultFrame + gap
	c.last, c.lastBase = info, at-end
	again := containers[c.spec.Format].resume
	full := c.spec.SegmentTime > 0 && info.Duration >= c.spec.SegmentTime ||
		c.spec.SegmentSize > 0 && info.Size >= c.spec.SegmentSize
	if again == nil || info.OffDisk || Format(info.Format) != c.spec.Format || !info.Complete || full || !r.use(info.Path) {
		return nil, nil //nolint:nilnil // as documented
	}
	file, err := r.opts.Disk.Open(info.Path)
	if errors.Is(err, fs.ErrNotExist) { // somebody has removed it: the take is over
		c.last = nil
		r.release(info.Path)
		return nil, r.opts.Index.DeleteRecording(info.Path)
	}
	if err != nil {
		r.release(info.Path)
		return nil, err
	}
	mux, err := again(file, gap)
	if err != nil {
		r.release(info.Path)
		c.log.Warn("the last recording cannot be continued in its file; another one is begun", "file", info.Path, "err", err)
		return nil, file.Close()
	}
	info.Complete = false
	if info.Place != store.Local { // what the object store has is not the whole of it any more
		info.Remote = store.Remote{Place: store.Uploading}
	}
	if err := r.opts.Index.PutRecording(info); err != nil {
		r.release(info.Path)
		return nil, errors.Join(err, file.Close())
	}
	return &segment{info: *info, file: file, mux: mux, base: at - end, synced: now}, nil
}

// complete ends the segment that is being written, if there is one.
func (c *Recorder) complete() {
	seg := c.seg
	if seg == nil {
		return
	}
	c.seg = nil
	r := c.recordings
	err := seg.mux.Close()
	if named := c.appear(seg); seg.part != "" {
		if err = errors.Join(err, named, c.discard(seg)); err != nil {
			c.log.Warn("the file of a recording without a frame could not be removed", "file", seg.part, "err", err)
		}
		return
	}
	seg.info.Duration = seg.mux.Duration()
	seg.info.Size = seg.file.Size()
	seg.info.Ended = time.Now().UTC()
	err = errors.Join(err, seg.file.Sync(), seg.file.Close())
	seg.info.Complete = err == nil // else the next start repairs it
	seg.info.Remote = r.destined(seg.info.Remote)
	err = errors.Join(err, r.opts.Index.PutRecording(&seg.info))
	if err != nil {
		c.log.Warn("a recording could not be completed; leat recordings repair will do it", "file", seg.info.Path, "err", err)
	}
	r.release(seg.info.Path)
	c.last, c.lastBase = &seg.info, seg.base
	if seg.info.Complete {
		r.enqueue(seg.info.Path)
	}
	r.rouse()
}
