package mp4

import "math"

// limits are what the tables of a file are held against.
type limits struct {
	fileSize int64
	samples  int64 // that the file may still have
}

const (
	maxSamples = 1 << 24        // of a file: two and a half days of video and audio
	maxSample  = 1<<24 - 64     // bytes; with its header it must fit an FLV tag
	maxSeconds = int64(1) << 28 // of times in a file, eight years
)

// readTables makes the table of a track from the boxes of its stbl (ISO 14496-12 8.6, 8.7). Samples that the file is
// too short for are left out, with all behind them.
func readTables(boxes map[string][]byte, timescale uint32, l *limits) (table, error) {
	var t table
	if err := t.readSizes(boxes, l); err != nil || t.len() == 0 {
		return table{}, err
	}
	if err := t.readTimes(boxes["stts"], timescale); err != nil {
		return table{}, err
	}
	if err := t.readOffsets(boxes["ctts"]); err != nil {
		return table{}, err
	}
	if err := t.readKeys(boxes["stss"]); err != nil {
		return table{}, err
	}
	n, err := t.readChunks(boxes, l)
	if err != nil {
		return table{}, err
	}
	t.cut(n)
	return t, nil
}

// readSizes reads stsz or stz2.
func (t *table) readSizes(boxes map[string][]byte, l *limits) error {
	f := fields{b: boxes["stsz"]}
	if f.b == nil {
		return t.readCompactSizes(boxes["stz2"], l)
	}
	f.full()
	if uniform := f.u32(); uniform != 0 {
		n := min(int64(f.u32()), l.fileSize/int64(uniform))
		if err := l.take(n); err != nil {
			return err
		}
		t.sizes = make([]uint32, n)
		for i := range t.sizes {
			t.sizes[i] = uniform
		}
		return f.check("stsz")
	}
	n := f.rows(4)
	if err := l.take(int64(n)); err != nil {
		return err
	}
	t.sizes = make([]uint32, n)
	for i := range t.sizes {
		t.sizes[i] = f.u32()
	}
	return f.check("stsz")
}

func (t *table) readCompactSizes(b []byte, l *limits) error {
	if b == nil {
		return nil
	}
	f := fields{b: b}
	f.full()
	bits := int(f.u32() & 0xff)
	n := int64(f.u32())
	if bits != 4 && bits != 8 && bits != 16 || n*int64(bits) > int64(len(f.b))*8 {
		return damaged("a box \"stz2\" of %d sizes of %d bits in %d bytes", n, bits, len(f.b))
	}
	if err := l.take(n); err != nil {
		return err
	}
	t.sizes = make([]uint32, n)
	for i := range t.sizes {
		switch bits {
		case 4:
			t.sizes[i] = uint32(f.b[i/2]) >> (4 * (1 - i%2)) & 15
		case 8:
			t.sizes[i] = uint32(f.b[i])
		case 16:
			t.sizes[i] = uint32(f.u16())
		}
	}
	return f.check("stz2")
}

// take counts samples against the limit of the file.
func (l *limits) take(n int64) error {
	if n > l.samples {
		return damaged("more than %d samples", maxSamples)
	}
	l.samples -= n
	return nil
}

// readTimes reads stts. Samples behind its end go on as those before.
func (t *table) readTimes(b []byte, timescale uint32) error {
	f := fields{b: b}
	f.full()
	at, dts := 0, int64(0)
	for range f.rows(8) {
		count, delta := f.u32(), f.u32()
		if at == t.len() {
			break
		}
		if delta > math.MaxInt32 {
			delta = 0 // some writers let time go back
		}
		n := int(min(int64(count), int64(t.len()-at)))
		if n == 0 {
			continue
		}
		if k := len(t.runs) - 1; k < 0 || t.runs[k].delta != delta {
			t.runs = append(t.runs, timeRun{first: uint32(at), delta: delta, dts: dts})
		}
		at += n
		if dts += int64(n) * int64(delta); dts > maxSeconds*int64(timescale) {
			return damaged("it is longer than %d seconds", maxSeconds)
		}
	}
	if len(t.runs) == 0 {
		return damaged("samples without times")
	}
	t.next = t.runs[len(t.runs)-1].at(uint32(t.len()))
	if t.next > maxSeconds*int64(timescale) {
		return damaged("it is longer than %d seconds", maxSeconds)
	}
	return f.check("stts")
}

// readOffsets reads ctts. Version 0 is unsigned to the letter, but nobody means offsets of 2³¹ and more by it.
func (t *table) readOffsets(b []byte) error {
	if b == nil {
		return nil
	}
	f := fields{b: b}
	f.full()
	at := 0
	for range f.rows(8) {
		count, offset := f.u32(), int32(f.u32())
		if at >= t.len() {
			break
		}
		if count > 0 && offset != t.lastOffset() {
			t.offsets = append(t.offsets, offsetRun{uint32(at), offset})
		}
		at += int(min(int64(count), int64(t.len()-at)))
	}
	if at < t.len() && t.lastOffset() != 0 {
		t.offsets = append(t.offsets, offsetRun{uint32(at), 0})
	}
	return f.check("ctts")
}

// readKeys reads stss. Without it decoding can begin at each sample.
func (t *table) readKeys(b []byte) error {
	if b == nil {
		t.allKeys = true
		return nil
	}
	f := fields{b: b}
	f.full()
	last := uint32(0)
	for range f.rows(4) {
		if n := f.u32(); n > last && n <= uint32(t.len()) {
			t.keys = append(t.keys, n-1)
			last = n
		}
	}
	return f.check("stss")
}

// readChunks joins stsc with stco or co64, and returns how many samples are within the file.
func (t *table) readChunks(boxes map[string][]byte, l *limits) (int, error) {
	offsets, size := fields{b: boxes["stco"]}, 4
	version := uint8(0)
	if offsets.b == nil {
		offsets, size, version = fields{b: boxes["co64"]}, 8, 1
	}
	offsets.full()
	chunks := offsets.rows(size)
	if err := offsets.check("stco"); err != nil {
		return 0, err
	}
	groups := newChunkGroups(boxes["stsc"])
	n := 0
	for c := uint32(1); c <= uint32(chunks) && n < t.len(); c++ {
		if err := groups.moveTo(c); err != nil {
			return 0, err
		}
		offset := offsets.either(version)
		if offset > uint64(l.fileSize) || !t.readChunk(&n, int64(offset), groups.perChunk, groups.entry, l.fileSize) {
			break
		}
	}
	return n, nil
}

// chunkGroups goes through stsc, whose rows say how many samples all chunks from a number on have, up to the
// number of the next row.
type chunkGroups struct {
	f        fields
	rows     int    // left
	next     uint32 // number of the chunk at which the next row begins
	perChunk uint32
	entry    uint32 // from 0
}

func newChunkGroups(b []byte) *chunkGroups {
	g := &chunkGroups{f: fields{b: b}}
	g.f.full()
	g.rows = g.f.rows(12)
	g.next = g.f.u32()
	return g
}

// moveTo reads the row for chunk c. The numbers come in rising order, from 1.
func (g *chunkGroups) moveTo(c uint32) error {
	if g.rows > 0 && g.next == c {
		g.perChunk, g.entry = g.f.u32(), g.f.u32()-1
		if g.rows--; g.rows > 0 {
			g.next = g.f.u32()
		}
	}
	if g.rows > 0 && g.next <= c || g.perChunk == 0 && c == 1 {
		return damaged("the box \"stsc\" says nothing of chunk %d", c)
	}
	return nil
}

// readChunk places count samples from n on and moves n behind them. It returns false at one that is not within the
// file, or that no tag can carry.
func (t *table) readChunk(n *int, offset int64, count, entry uint32, fileSize int64) bool {
	for range min(int64(count), int64(t.len()-*n)) {
		size := t.sizes[*n]
		if size > maxSample || offset+int64(size) > fileSize {
			return false
		}
		t.addChunk(uint32(*n), offset, entry)
		offset += int64(size)
		t.end = offset
		*n++
	}
	return true
}
