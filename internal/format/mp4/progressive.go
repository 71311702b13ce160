package mp4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"

	"leat/media"
)

// RandomAccess is a file that a progressive Writer writes, such as an *os.File opened for reading and writing.
type RandomAccess interface {
	io.Writer
	io.ReaderAt
	io.WriterAt
}

// NewProgressiveWriter returns a Writer of a file that is not fragmented: one movie box in front of the media, as programs expect that
// know no fragments. f is empty. Close makes the movie box, which takes moving all media behind it; without Close
// there is no file that plays. Tracks may come up at any time. Four bytes for each frame are kept in memory, and a few more for
// those whose times are irregular.
func NewProgressiveWriter(f RandomAccess) *Writer {
	w := NewWriter(struct{ io.Writer }{f}, nil)
	w.progressive = &progressive{file: f}
	return w
}

// progressive is what a Writer of a progressive file needs in addition.
type progressive struct {
	file RandomAccess
	mdat int64 // where the box of the media is, behind ftyp
}

// begin appends what stands in front of the media to buf.
func (x *progressive) begin(buf *bytes.Buffer) error {
	ftyp := mp4.NewFtyp("isom", 0x200, []string{"isom", "iso2", "mp41"})
	if err := ftyp.Encode(buf); err != nil {
		return err
	}
	x.mdat = int64(buf.Len())
	buf.Write([]byte{0, 0, 0, 1, 'm', 'd', 'a', 't'}) // the size has 64 bits (ISO 14496-12 4.2)
	buf.Write(make([]byte, 8))                        // when it is known
	return nil
}

// appendChunks appends the samples of each track as a chunk to buf, which begins at offset of the file.
func (w *Writer) appendChunks(offset int64) {
	for _, t := range w.tracks {
		if len(t.samples) == 0 {
			continue
		}
		t.table.chunk(offset+int64(w.buf.Len()), len(t.samples))
		for i := range t.samples {
			s := &t.samples[i]
			t.table.add(s)
			w.buf.Write(s.data)
		}
	}
}

// finish writes the movie box in front of the media.
func (x *progressive) finish(w *Writer) error {
	slices.SortFunc(w.tracks, compareTracks)
	far := w.size > math.MaxInt32 // not MaxUint32: the movie box is in front
	moov := w.progressiveMovie(far)
	shift := int64(moov.Size())
	for _, t := range w.tracks {
		t.table.moveChunks(moov.Traks[t.id-1].Mdia.Minf.Stbl, shift)
	}
	var b bytes.Buffer
	if err := moov.Encode(&b); err != nil {
		return fmt.Errorf("mp4: make the movie box: %w", err)
	}
	size := binary.BigEndian.AppendUint64(nil, uint64(w.size-x.mdat))
	if _, err := x.file.WriteAt(size, x.mdat+8); err != nil {
		return fmt.Errorf("mp4: fill in the size: %w", err)
	}
	if err := x.move(w.size, shift); err != nil {
		return fmt.Errorf("mp4: make room for the movie box: %w", err)
	}
	if _, err := x.file.WriteAt(b.Bytes(), x.mdat); err != nil {
		return fmt.Errorf("mp4: write the movie box: %w", err)
	}
	return nil
}

// move moves the media so much further back, from its end on. size is that of the file.
func (x *progressive) move(size, shift int64) error {
	const block = 1 << 20
	b := make([]byte, min(block, size-x.mdat))
	for end := size; end > x.mdat; {
		n := min(int64(len(b)), end-x.mdat)
		end -= n
		if _, err := io.ReadFull(io.NewSectionReader(x.file, end, n), b[:n]); err != nil {
			return err
		}
		if _, err := x.file.WriteAt(b[:n], end+shift); err != nil {
			return err
		}
	}
	return nil
}

// progressiveMovie returns the movie box, with offsets of chunks as they are now. far says that they do not fit into 32 bits.
func (w *Writer) progressiveMovie(far bool) *mp4.MoovBox {
	w.tracks = slices.DeleteFunc(w.tracks, func(t *outTrack) bool { return !t.started })
	moov := w.newMovie(func(t *outTrack, trak *mp4.TrakBox) { t.table.describe(trak, t, far) })
	for _, trak := range moov.Traks {
		moov.Mvhd.Duration = max(moov.Mvhd.Duration, trak.Tkhd.Duration)
	}
	return moov
}

// outTable is the samples of a track of a progressive file, as the boxes of a sample table have them (ISO 14496-12 8.5 to 8.7).
type outTable struct {
	first   int64 // decoding time of the first sample
	last    int64 // and of the last
	deltas  []tableRun
	offsets []tableRun
	sizes   []uint32
	keys    []uint32 // numbers of the samples, from 1
	chunks  []int64
	counts  []tableRun // of samples in chunks
}

// tableRun is a value that counts for several samples, or chunks, in a row.
type tableRun struct {
	count uint32
	value int64
}

func appendRun(runs []tableRun, value int64) []tableRun {
	if n := len(runs); n > 0 && runs[n-1].value == value {
		runs[n-1].count++
		return runs
	}
	return append(runs, tableRun{1, value})
}

// chunk begins a chunk of so many samples at an offset of the file.
func (t *outTable) chunk(offset int64, samples int) {
	t.chunks = append(t.chunks, offset)
	t.counts = appendRun(t.counts, int64(samples))
}

func (t *outTable) add(s *outSample) {
	if len(t.sizes) == 0 {
		t.first = s.dts
	} else {
		t.deltas = appendRun(t.deltas, s.dts-t.last)
	}
	t.last = s.dts
	t.offsets = appendRun(t.offsets, int64(s.cts))
	t.sizes = append(t.sizes, uint32(len(s.data)))
	if s.key {
		t.keys = append(t.keys, uint32(len(t.sizes)))
	}
}

// describe fills in the box of the track.
func (t *outTable) describe(trak *mp4.TrakBox, track *outTrack, far bool) {
	lastDelta := max(track.duration, 1)
	scale := track.scale()
	length := uint64(t.last + lastDelta - t.first)
	mdhd := trak.Mdia.Mdhd
	mdhd.Duration = length
	if length > math.MaxUint32 {
		mdhd.Version = 1
	}
	inMovie := func(ticks uint64) uint64 {
		return (ticks*movieTimescale + uint64(scale)/2) / uint64(scale)
	}
	delay, shown := inMovie(uint64(t.first)), inMovie(length)
	trak.Tkhd.Duration = delay + shown
	if delay > 0 {
		edts := &mp4.EdtsBox{}
		edts.AddChild(&mp4.ElstBox{Version: 1, Entries: []mp4.ElstEntry{
			{SegmentDuration: delay, MediaTime: -1, MediaRateInteger: 1},
			{SegmentDuration: shown, MediaRateInteger: 1},
		}})
		trak.AddChild(edts)
	}
	stbl := trak.Mdia.Minf.Stbl
	for _, r := range appendRun(t.deltas, lastDelta) {
		stbl.Stts.SampleCount = append(stbl.Stts.SampleCount, r.count)
		stbl.Stts.SampleTimeDelta = append(stbl.Stts.SampleTimeDelta, uint32(min(r.value, math.MaxUint32)))
	}
	t.describeOffsets(stbl)
	if track.kind == media.Video && len(t.keys) < len(t.sizes) {
		stbl.AddChild(&mp4.StssBox{SampleNumber: t.keys})
	}
	stbl.Stsz.SampleSize, stbl.Stsz.SampleNumber = t.sizes, uint32(len(t.sizes))
	t.describeChunks(stbl, far)
}

// describeOffsets adds the ctts box, if there are B-frames.
func (t *outTable) describeOffsets(stbl *mp4.StblBox) {
	if len(t.offsets) == 1 && t.offsets[0].value == 0 {
		return
	}
	ctts := &mp4.CttsBox{EndSampleNr: []uint32{0}}
	for _, r := range t.offsets {
		ctts.EndSampleNr = append(ctts.EndSampleNr, ctts.EndSampleNr[len(ctts.EndSampleNr)-1]+r.count)
		ctts.SampleOffset = append(ctts.SampleOffset, int32(r.value))
		if r.value < 0 {
			ctts.Version = 1
		}
	}
	stbl.AddChild(ctts)
}

// describeChunks fills in where the samples are.
func (t *outTable) describeChunks(stbl *mp4.StblBox, far bool) {
	number := uint32(1)
	for _, r := range t.counts {
		stbl.Stsc.Entries = append(stbl.Stsc.Entries, mp4.StscEntry{FirstChunk: number, SamplesPerChunk: uint32(r.value)})
		number += r.count
	}
	stbl.Stsc.SetSingleSampleDescriptionID(1)
	if far {
		i := slices.IndexFunc(stbl.Children, func(b mp4.Box) bool { return b == mp4.Box(stbl.Stco) })
		stbl.Co64, stbl.Stco = &mp4.Co64Box{ChunkOffset: make([]uint64, len(t.chunks))}, nil
		stbl.Children[i] = stbl.Co64
		return
	}
	stbl.Stco.ChunkOffset = make([]uint32, len(t.chunks))
}

// moveChunks fills in the offsets of the chunks, behind a movie box that is so large.
func (t *outTable) moveChunks(stbl *mp4.StblBox, shift int64) {
	for i, at := range t.chunks {
		if stbl.Co64 != nil {
			stbl.Co64.ChunkOffset[i] = uint64(at + shift)
		} else {
			stbl.Stco.ChunkOffset[i] = uint32(at + shift)
		}
	}
}
