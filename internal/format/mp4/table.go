package mp4

import (
	"math"
	"slices"
	"sort"
)

// table is the index of the samples of a track. Samples are numbered from 0.
type table struct {
	sizes   []uint32
	runs    []timeRun
	offsets []offsetRun // empty: no sample has a composition offset
	chunks  []chunk
	keys    []uint32 // samples at which decoding can begin
	allKeys bool     // it can at each; keys is nil

	end  int64 // in the file, behind the last sample
	last int64 // decoding time of the last sample
	next int64 // and behind it
}

// timeRun is a run of samples whose decoding times are equally far apart.
type timeRun struct {
	first uint32
	delta uint32
	dts   int64 // of the first
}

// offsetRun is a run of samples with one composition offset.
type offsetRun struct {
	first  uint32
	offset int32
}

// chunk is a run of samples that lie behind each other in the file, and have one sample description. It has at
// most maxChunk of them: to find one is to add up the sizes before it.
type chunk struct {
	first  uint32
	entry  uint32 // index of the description, from 0
	offset int64  // in the file
}

const maxChunk = 1024

// sample is a row of the table.
type sample struct {
	offset int64 // in the file
	entry  uint32
	size   uint32
	dts    int64 // in the track's time scale
	cts    int32 // composition offset
	key    bool
}

func (t *table) len() int { return len(t.sizes) }

// add appends a sample of a fragment. Its dts is not before that of the sample in front of it.
func (t *table) add(s sample, duration uint32) {
	n := uint32(t.len())
	t.addChunk(n, s.offset, s.entry)
	t.addTime(s.dts, duration)
	if s.cts != t.lastOffset() {
		t.offsets = append(t.offsets, offsetRun{n, s.cts})
	}
	if t.allKeys && !s.key {
		t.allKeys = false
		for i := range n {
			t.keys = append(t.keys, i)
		}
	}
	if s.key && !t.allKeys {
		t.keys = append(t.keys, n)
	}
	t.sizes = append(t.sizes, s.size)
	t.end += int64(s.size)
	t.last, t.next = s.dts, s.dts+int64(duration)
}

// addChunk says where sample n is. The one before it is in the table.
func (t *table) addChunk(n uint32, offset int64, entry uint32) {
	if k := len(t.chunks) - 1; k < 0 || offset != t.end || entry != t.chunks[k].entry || n-t.chunks[k].first >= maxChunk {
		t.chunks = append(t.chunks, chunk{first: n, entry: entry, offset: offset})
	}
	t.end = offset
}

func (t *table) addTime(dts int64, duration uint32) {
	n := uint32(t.len())
	if len(t.runs) > 0 {
		last := &t.runs[len(t.runs)-1]
		if n == last.first+1 && dts-last.dts <= math.MaxUint32 {
			last.delta = uint32(dts - last.dts)
		}
		if dts == last.at(n) {
			return
		}
	}
	t.runs = append(t.runs, timeRun{first: n, delta: duration, dts: dts})
}

func (t *table) lastOffset() int32 {
	if len(t.offsets) == 0 {
		return 0
	}
	return t.offsets[len(t.offsets)-1].offset
}

// cut leaves the first n samples.
func (t *table) cut(n int) {
	t.sizes = t.sizes[:n]
	first := uint32(n)
	t.runs = t.runs[:sort.Search(len(t.runs), func(i int) bool { return t.runs[i].first >= first })]
	t.offsets = t.offsets[:sort.Search(len(t.offsets), func(i int) bool { return t.offsets[i].first >= first })]
	t.chunks = t.chunks[:sort.Search(len(t.chunks), func(i int) bool { return t.chunks[i].first >= first })]
	t.keys = t.keys[:sort.Search(len(t.keys), func(i int) bool { return t.keys[i] >= first })]
	if n > 0 {
		run := t.runs[len(t.runs)-1]
		t.last, t.next = run.at(first-1), min(t.next, run.at(first))
	}
}

func (r timeRun) at(i uint32) int64 { return r.dts + int64(i-r.first)*int64(r.delta) }

// time returns the decoding time of sample i.
func (t *table) time(i int) int64 { return t.runs[t.run(uint32(i))].at(uint32(i)) }

// run returns the run of times that sample i is in.
func (t *table) run(i uint32) int {
	return sort.Search(len(t.runs), func(k int) bool { return t.runs[k].first > i }) - 1
}

// search returns the first sample for which after is true. It is true for all samples behind that one, too.
func (t *table) search(after func(dts int64) bool) int {
	return sort.Search(t.len(), func(i int) bool { return after(t.time(i)) })
}

// nextKey returns the first key sample from i on, or the number of samples.
func (t *table) nextKey(i int) int {
	if t.allKeys {
		return i
	}
	k := sort.Search(len(t.keys), func(k int) bool { return int(t.keys[k]) >= i })
	if k == len(t.keys) {
		return t.len()
	}
	return int(t.keys[k])
}

// keyBefore returns the last key sample that is not behind i, or 0.
func (t *table) keyBefore(i int) int {
	if t.allKeys {
		return i
	}
	k := sort.Search(len(t.keys), func(k int) bool { return int(t.keys[k]) > i })
	if k == 0 {
		return 0
	}
	return int(t.keys[k-1])
}

// place is a sample of a table, and the runs that it is in. Going from one to the next is a few comparisons.
type place struct {
	sample             int
	run, off, chunk, k int // rows of the table that hold for it; k is the first key not before it
	offset             int64
}

// at returns the place of sample i, which may be the one behind the last.
func (t *table) at(i int) place {
	p := place{sample: i}
	if i >= t.len() {
		return p
	}
	n := uint32(i)
	p.run = t.run(n)
	p.off = sort.Search(len(t.offsets), func(k int) bool { return t.offsets[k].first > n }) - 1
	p.chunk = sort.Search(len(t.chunks), func(k int) bool { return t.chunks[k].first > n }) - 1
	p.k = sort.Search(len(t.keys), func(k int) bool { return t.keys[k] >= n })
	c := t.chunks[p.chunk]
	p.offset = c.offset
	for _, size := range t.sizes[c.first:n] {
		p.offset += int64(size)
	}
	return p
}

// get returns the sample at p, which is not the end.
func (t *table) get(p *place) sample {
	n := uint32(p.sample)
	s := sample{
		offset: p.offset, entry: t.chunks[p.chunk].entry, size: t.sizes[n],
		dts: t.runs[p.run].at(n), key: t.allKeys || p.k < len(t.keys) && t.keys[p.k] == n,
	}
	if p.off >= 0 && len(t.offsets) > 0 {
		s.cts = t.offsets[p.off].offset
	}
	return s
}

// advance moves p to the next sample.
func (t *table) advance(p *place) {
	p.offset += int64(t.sizes[p.sample])
	p.sample++
	n := uint32(p.sample)
	if p.run+1 < len(t.runs) && t.runs[p.run+1].first <= n {
		p.run++
	}
	if p.off+1 < len(t.offsets) && t.offsets[p.off+1].first <= n {
		p.off++
	}
	if p.k < len(t.keys) && t.keys[p.k] < n {
		p.k++
	}
	if p.chunk+1 < len(t.chunks) && t.chunks[p.chunk+1].first <= n {
		p.chunk++
		p.offset = t.chunks[p.chunk].offset
	}
}

// clip gives back the memory that the tables have grown beyond.
func (t *table) clip() {
	t.sizes, t.runs, t.offsets = slices.Clip(t.sizes), slices.Clip(t.runs), slices.Clip(t.offsets)
	t.chunks, t.keys = slices.Clip(t.chunks), slices.Clip(t.keys)
}
