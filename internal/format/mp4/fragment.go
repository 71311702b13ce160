package mp4

import "leat/media"

// Flags of tfhd and trun (ISO 14496-12 8.8.7, 8.8.8).
const (
	tfhdBaseOffset  = 0x000001
	tfhdEntry       = 0x000002
	tfhdDuration    = 0x000008
	tfhdSize        = 0x000010
	tfhdFlags       = 0x000020
	tfhdBaseIsMoof  = 0x020000
	trunDataOffset  = 0x000001
	trunFirstFlags  = 0x000004
	trunDuration    = 0x000100
	trunSize        = 0x000200
	trunFlags       = 0x000400
	trunOffset      = 0x000800
	sampleIsNonSync = 0x00010000
)

// fragmentDefaults hold for samples of a fragment that nothing else is said of (ISO 14496-12 8.8.3).
type fragmentDefaults struct {
	entry, duration, size, flags uint32
}

// readDefaults reads trex.
func (m *movie) readDefaults(b []byte) error {
	f := fields{b: b}
	f.full()
	id := f.u32()
	d := fragmentDefaults{f.u32() - 1, f.u32(), f.u32(), f.u32()}
	if t := m.track(id); t != nil {
		t.defaults = d
	}
	return f.check("trex")
}

func (m *movie) track(id uint32) *track {
	for _, t := range m.tracks {
		if t.id == id {
			return t
		}
	}
	return nil
}

// readFragment adds the samples of a moof box that begins at start of the file to the tables.
func (m *movie) readFragment(b []byte, start int64) error {
	end := start // of the data of the track fragment before
	return children(b, func(x box) error {
		if x.kind != "traf" {
			return nil
		}
		var err error
		end, err = m.readTrackFragment(x.body, start, end)
		return err
	})
}

// readTrackFragment reads a traf box. Data that has no other base begins at previous.
func (m *movie) readTrackFragment(b []byte, moof, previous int64) (end int64, err error) {
	f := fields{b: findChild(b, "tfhd")}
	_, flags := f.full()
	t := m.track(f.u32())
	if t == nil {
		// Its samples are of no use, but data of other tracks may lie behind them. Who writes several tracks without
		// a base for each is said to be gone.
		return previous, f.check("tfhd")
	}
	r := run{movie: m, track: t, defaults: t.defaults, base: previous}
	if flags&tfhdBaseIsMoof != 0 {
		r.base = moof
	}
	if flags&tfhdBaseOffset != 0 {
		r.base = int64(min(f.u64(), uint64(m.limits.fileSize)))
	}
	for _, d := range []struct {
		flag  uint32
		value *uint32
	}{
		{tfhdEntry, &r.defaults.entry},
		{tfhdDuration, &r.defaults.duration},
		{tfhdSize, &r.defaults.size},
		{tfhdFlags, &r.defaults.flags},
	} {
		if flags&d.flag != 0 {
			*d.value = f.u32()
		}
	}
	if flags&tfhdEntry != 0 {
		r.defaults.entry--
	}
	if err := f.check("tfhd"); err != nil {
		return 0, err
	}
	if r.dts, err = t.fragmentTime(findChild(b, "tfdt")); err != nil {
		return 0, err
	}
	r.end = r.base
	err = children(b, func(x box) error {
		if x.kind == "trun" {
			return r.read(x.body)
		}
		return nil
	})
	return r.end, err
}

// fragmentTime reads tfdt, without which a fragment goes on where the one before it ends.
func (t *track) fragmentTime(b []byte) (int64, error) {
	if b == nil {
		return t.table.next, nil
	}
	f := fields{b: b}
	version, _ := f.full()
	dts := f.either(version)
	if dts > uint64(maxSeconds*t.timescale) {
		return 0, damaged("a fragment at %d/%d seconds", dts, t.timescale)
	}
	return int64(dts), f.check("tfdt")
}

// run reads the track runs of a track fragment.
type run struct {
	movie    *movie
	track    *track
	defaults fragmentDefaults
	base     int64 // what data offsets count from
	end      int64 // of the data so far
	dts      int64
}

// read reads a trun box.
func (r *run) read(b []byte) error {
	f := fields{b: b}
	_, flags := f.full()
	count := f.u32()
	if flags&trunDataOffset != 0 {
		r.end = r.base + int64(int32(f.u32()))
	}
	first := r.defaults.flags
	if flags&trunFirstFlags != 0 {
		first = f.u32()
	}
	row := rowSize(flags)
	if uint64(count)*uint64(row) > uint64(len(f.b)) || f.short || row == 0 && r.defaults.size == 0 && count > 0 {
		return damaged("a box \"trun\" of %d samples in %d bytes", count, len(f.b))
	}
	for i := range count {
		s := sample{offset: r.end, entry: r.defaults.entry, size: r.defaults.size, dts: r.dts}
		duration, sampleFlags := r.defaults.duration, r.defaults.flags
		if i == 0 {
			sampleFlags = first
		}
		if flags&trunDuration != 0 {
			duration = f.u32()
		}
		if flags&trunSize != 0 {
			s.size = f.u32()
		}
		if flags&trunFlags != 0 {
			sampleFlags = f.u32()
		}
		if flags&trunOffset != 0 {
			s.cts = int32(f.u32())
		}
		s.key = sampleFlags&sampleIsNonSync == 0
		if more, err := r.add(s, duration); err != nil || !more {
			return err
		}
	}
	return nil
}

// rowSize returns the bytes that a trun box has for each sample.
func rowSize(flags uint32) int {
	n := 0
	for _, flag := range []uint32{trunDuration, trunSize, trunFlags, trunOffset} {
		if flags&flag != 0 {
			n += 4
		}
	}
	return n
}

// add puts a sample into the table. It returns false at the first that is not within the file, or that no tag can
// carry.
func (r *run) add(s sample, duration uint32) (more bool, err error) {
	t := r.track
	if t.torn || s.offset < 0 || s.size > maxSample || s.offset+int64(s.size) > r.movie.limits.fileSize {
		t.torn = true
		return false, nil
	}
	if err := r.movie.limits.take(1); err != nil {
		return false, err
	}
	if s.dts > maxSeconds*t.timescale {
		return false, damaged("it is longer than %d seconds", maxSeconds)
	}
	s.dts = max(s.dts, t.table.last)
	s.key = s.key || t.kind != media.Video
	t.table.add(s, duration)
	r.end += int64(s.size)
	r.dts = s.dts + int64(duration)
	return true, nil
}
