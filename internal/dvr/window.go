package dvr

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"leat/internal/format"
	"leat/live"
	"leat/media"
)

const (
	// lossless is how many bytes of packets wait for a slow disk.
	lossless = 16 << 20
	// A segment holds at least minSegment, and a window has about parts of them.
	minSegment = 5 * time.Second
	parts      = 60
	// maxPlaces is how many bytes the places of a window take in memory: a publisher may change its headers at each of them. A place and a
	// header count so much besides what is in them.
	maxPlaces  = 64 << 20
	placeCost  = 64
	headerCost = 192
	// audioPlace is how far apart the places are at which players of a stream without video can begin.
	audioPlace = time.Second
	// retryAfter is how long nothing is written after the disk had no room at all.
	retryAfter = time.Second
)

// Window is the newest part of a stream. It is a format.Broadcast.
type Window struct {
	windows *Windows
	key     media.Key
	length  time.Duration
	folder  string
	log     *slog.Logger
	sub     *live.Subscription

	// Used by run only.
	headers  media.Headers
	hasVideo bool
	main     int // the video track at whose key frames places are; -1: none was seen
	seg      *segment
	files    int
	said     bool // that the disk has too little room
	retry    time.Time
	scratch  []byte

	mu       sync.Mutex
	segments []*segment // oldest first; the last is the one that is being written
	info     format.Info
	origin   time.Duration // timestamp of the first frame
	begun    bool          // there has been one
	newest   time.Duration // timestamp of the newest frame, one of video if there is video
	number   uint64        // its number
	over     bool          // nothing will be added
	watchers []func()
	users    int
	left     chan struct{} // told when a user has left
}

// segment is a file.
type segment struct {
	name    string
	file    *os.File
	started time.Time

	// Guarded by Window.mu.
	places []place
	end    int64 // of what is written
	kept   int   // bytes that its places take in memory
	next   *segment
	gone   bool
}

// place is where a player can begin.
type place struct {
	at      time.Duration
	number  uint64
	offset  int64
	headers []*media.Packet
}

func newWindow(all *Windows, key media.Key, length time.Duration, folder string) *Window {
	return &Window{
		windows: all, key: key, length: length, folder: folder, main: -1, left: make(chan struct{}, 1),
		log: all.opts.Logger.With("stream", key.String()),
	}
}

// run keeps the window until the stream ends, and as long as somebody is in it afterwards.
func (w *Window) run(ctx context.Context) {
	defer w.clear()
	for {
		item, err := w.sub.Next(ctx)
		if err != nil {
			break
		}
		switch {
		case item.Event == live.EventSkipped:
			w.log.Warn("the disk was too slow: what players can go back to has a gap", "packets", item.Skipped)
		case item.Packet != nil:
			w.packet(item.Packet, max(item.Number, w.number))
		}
	}
	w.sub.Close()
	w.windows.ended(w)
	w.mu.Lock()
	w.over = true
	watchers := w.takeWatchers()
	w.mu.Unlock()
	for _, fn := range watchers {
		fn()
	}
	w.wait(ctx)
}

// wait waits for those who still are in the window, not for ever.
func (w *Window) wait(ctx context.Context) {
	late := time.NewTimer(w.length)
	defer late.Stop()
	for {
		w.mu.Lock()
		users := w.users
		w.mu.Unlock()
		if users == 0 {
			return
		}
		select {
		case <-w.left:
		case <-late.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// Leave is the counterpart of Windows.Enter.
func (w *Window) Leave() {
	w.mu.Lock()
	w.users--
	w.mu.Unlock()
	select {
	case w.left <- struct{}{}:
	default:
	}
}

// packet writes p, and begins a segment with it if it is time.
func (w *Window) packet(p *media.Packet, number uint64) {
	w.hasVideo = w.hasVideo || p.Kind == media.Video && !p.Config
	w.headers.Apply(p)
	begins := w.begins(p)
	now := time.Now()
	if begins {
		w.expire(now)
		if w.seg == nil || now.Sub(w.seg.started) >= max(minSegment, w.length/parts) || w.seg.kept > maxPlaces/8 {
			w.open(now)
		}
	}
	if w.seg == nil {
		return
	}
	w.scratch = appendPacket(w.scratch[:0], p, number)
	if _, err := w.seg.file.WriteAt(w.scratch, w.seg.end); err != nil {
		w.shrink(err)
		if _, err = w.seg.file.WriteAt(w.scratch, w.seg.end); err != nil {
			w.giveUp(err)
			return
		}
	}
	w.add(p, number, begins)
}

// begins reports whether a player can begin at p.
func (w *Window) begins(p *media.Packet) bool {
	switch {
	case p.Config || p.Kind == media.Data:
		return false
	case p.Kind == media.Audio:
		return !w.hasVideo && (w.seg == nil || p.Timestamp-w.seg.places[len(w.seg.places)-1].at >= audioPlace)
	case !p.Key || w.main >= 0 && int(p.Track) > w.main:
		return false
	}
	w.main = int(p.Track)
	return true
}

// add makes what was written known.
func (w *Window) add(p *media.Packet, number uint64, begins bool) {
	w.mu.Lock()
	seg := w.seg
	if begins {
		headers := w.headers.Packets()
		seg.kept += placeCost + w.unknown(headers)
		seg.places = append(seg.places, place{p.Timestamp, number, seg.end, headers})
	}
	if len(seg.places) == 1 && begins {
		if n := len(w.segments); n > 0 {
			w.segments[n-1].next = seg
		}
		w.segments = append(w.segments, seg)
	}
	seg.end += int64(len(w.scratch))
	if !w.begun {
		w.begun, w.origin = true, p.Timestamp
	}
	w.number = number
	if isFrame(p) && (p.Kind == media.Video || !w.hasVideo) {
		w.newest = p.Timestamp
	}
	w.info.HasAudio = w.info.HasAudio || p.Kind == media.Audio
	w.info.HasVideo = w.info.HasVideo || p.Kind == media.Video
	watchers := w.takeWatchers()
	w.mu.Unlock()
	for _, fn := range watchers {
		fn()
	}
}

func (w *Window) takeWatchers() []func() {
	watchers := w.watchers
	w.watchers = nil
	return watchers
}

// open begins a segment, if the disk has room for one.
func (w *Window) open(now time.Time) {
	if now.Before(w.retry) {
		return
	}
	if err := w.windows.room(); err != nil {
		w.shrink(err)
	}
	root := w.windows.root
	if err := root.MkdirAll(w.folder, 0o750); err != nil {
		w.giveUp(err)
		return
	}
	w.files++
	name := fmt.Sprintf("%s/%d", w.folder, w.files)
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		w.giveUp(err)
		return
	}
	w.seg = &segment{name: name, file: file, started: now}
}

// expire removes what is older than the window: segments behind which there is another that is old enough itself. It also removes the
// oldest while their places take too much memory.
func (w *Window) expire(now time.Time) {
	kept := 0
	for _, seg := range w.segments { // only run changes them
		kept += seg.kept
	}
	for len(w.segments) > 1 && (now.Sub(w.segments[1].started) >= w.length || kept > maxPlaces) {
		kept -= w.segments[0].kept
		w.dropOldest()
	}
}

// unknown returns the bytes that headers take beside those of the newest place. w.mu is held.
func (w *Window) unknown(headers []*media.Packet) int {
	var before []*media.Packet
	if n := len(w.segments); n > 0 {
		places := w.segments[n-1].places
		before = places[len(places)-1].headers
	}
	n := 0
	for _, h := range headers {
		if !slices.Contains(before, h) {
			n += headerCost + len(h.Body)
		}
	}
	return n
}

// shrink gives up the oldest segment, if there is another, for want of room.
func (w *Window) shrink(why error) {
	w.say(why)
	if len(w.segments) > 1 {
		w.dropOldest()
	}
}

// giveUp ends the segment that is being written, and with it the window as it was.
func (w *Window) giveUp(why error) {
	w.say(why)
	w.clear()
	w.retry = time.Now().Add(retryAfter)
}

func (w *Window) say(why error) {
	if !w.said {
		w.said = true
		w.log.Warn("players can go back less than dvr_window: the disk has no room for more", "err", why)
	}
}

func (w *Window) dropOldest() {
	w.mu.Lock()
	seg := w.segments[0]
	w.segments = append([]*segment(nil), w.segments[1:]...)
	seg.gone = true
	w.mu.Unlock()
	w.remove(seg)
}

// clear removes all there is.
func (w *Window) clear() {
	w.mu.Lock()
	segments := w.segments
	if seg := w.seg; seg != nil && len(seg.places) == 0 {
		segments = append(segments, seg)
	}
	w.segments, w.seg = nil, nil
	for _, seg := range segments {
		seg.gone = true
	}
	watchers := w.takeWatchers()
	w.mu.Unlock()
	for _, seg := range segments {
		w.remove(seg)
	}
	for _, fn := range watchers {
		fn()
	}
	if err := w.windows.root.Remove(w.folder); ignoreGone(err) != nil {
		w.log.Warn("the folder of a DVR window cannot be removed", "err", err)
	}
}

func (w *Window) remove(seg *segment) {
	err := seg.file.Close()
	if err == nil {
		err = ignoreGone(w.windows.root.Remove(seg.name))
	}
	if err != nil {
		w.log.Warn("a segment of a DVR window cannot be removed", "err", err)
	}
}

func (w *Window) bytes() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	total := int64(0)
	for _, seg := range w.segments {
		total += seg.end
	}
	return total
}

// Info says which tracks there are.
func (w *Window) Info() format.Info {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.info
}

// Origin returns the timestamp of the first frame of the stream, which need not be kept any more.
func (w *Window) Origin() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.origin
}

// Span implements format.Broadcast.
func (w *Window) Span() (from, to time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.segments) == 0 {
		return 0, 0, false
	}
	return w.segments[0].places[0].at, w.newest, true
}

// KeyFrom implements format.Broadcast.
func (w *Window) KeyFrom(d time.Duration) (time.Duration, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := time.Duration(0), false
	for _, seg := range slices.Backward(w.segments) { // a clock that has jumped counts as it is now
		for _, p := range slices.Backward(seg.places) {
			if p.at < d {
				return at, ok
			}
			at, ok = p.at, true
		}
	}
	return at, ok
}

// Watch implements format.Broadcast.
func (w *Window) Watch(after uint64, fn func()) {
	w.mu.Lock()
	now := w.over || w.number > after
	if !now {
		w.watchers = append(w.watchers, fn)
	}
	w.mu.Unlock()
	if now {
		fn()
	}
}
