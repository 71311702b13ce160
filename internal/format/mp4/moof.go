package mp4

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/Eyevinn/mp4ff/mp4"

	"leat/media"
)

// Sample flags (ISO 14496-12 8.8.3.1).
const (
	flagsKey   = 2 << 24                 // sample_depends_on: no other
	flagsInter = 1<<24 | sampleIsNonSync // on others
)

// flush writes the fragment, and the initialization segment before the first. The frame that comes next, if there
// is one, is p of track t, and tells how long the last sample of that track is.
func (w *Writer) flush(t *outTrack, p *media.Packet) error {
	if !w.begun {
		begin := w.begin
		if w.progressive != nil {
			w.begun = true
			begin = func() error { return w.progressive.begin(&w.buf) }
		}
		if err := begin(); err != nil {
			w.err = err
			return err
		}
	}
	switch {
	case w.progressive != nil:
		w.appendChunks(w.size)
	case w.fragment.samples > 0:
		if err := w.appendFragment(t, p); err != nil {
			w.err = err
			return err
		}
	}
	w.fragment = fragment{}
	for _, t := range w.tracks {
		clear(t.samples) // so that they do not keep the packets
		t.samples = t.samples[:0]
	}
	if w.buf.Len() == 0 {
		return nil
	}
	return w.write()
}

// appendFragment appends moof and mdat to buf. In mdat the samples of each track lie together.
func (w *Writer) appendFragment(t *outTrack, p *media.Packet) error {
	w.noteKey()
	w.sequence++
	moof := &mp4.MoofBox{}
	var runs []*mp4.TrunBox
	var offsets []int
	children := []mp4.Box{mp4.CreateMfhd(w.sequence)}
	size := 0
	for _, o := range w.tracks {
		if len(o.samples) == 0 {
			continue
		}
		next := o.last + o.duration
		if o == t {
			next = max(o.ticks(p.Timestamp-w.base), o.last+1)
		}
		traf, trun, bytes := o.traf(next)
		children = append(children, traf)
		runs, offsets = append(runs, trun), append(offsets, size)
		size += bytes
	}
	for _, c := range children {
		if err := moof.AddChild(c); err != nil {
			return err
		}
	}
	header := int(moof.Size()) + boxHeader
	for i, trun := range runs {
		trun.DataOffset = int32(header + offsets[i])
	}
	if err := moof.Encode(&w.buf); err != nil {
		return fmt.Errorf("mp4: make fragment: %w", err)
	}
	w.buf.Write(binary.BigEndian.AppendUint32(nil, uint32(boxHeader+size)))
	w.buf.WriteString("mdat")
	for _, o := range w.tracks {
		for _, s := range o.samples {
			w.buf.Write(s.data)
		}
	}
	return nil
}

// traf returns the box of the track's part in a fragment, the run in it whose data offset is to be set, and the
// bytes of its samples. next is the decoding time behind the last one.
func (t *outTrack) traf(next int64) (*mp4.TrafBox, *mp4.TrunBox, int) {
	tfhd := mp4.CreateTfhd(t.id)
	trun := mp4.CreateTrun(0)
	trun.DataOffset = 1 // the library refuses 0 even where it only asks for the size
	size := 0
	for i, s := range t.samples {
		end := next
		if i+1 < len(t.samples) {
			end = t.samples[i+1].dts
		}
		flags := uint32(flagsInter)
		if s.key {
			flags = flagsKey
		}
		trun.AddSample(mp4.Sample{
			Flags: flags, Dur: uint32(min(end-s.dts, 1<<32-1)), Size: uint32(len(s.data)), CompositionTimeOffset: s.cts,
		})
		size += len(s.data)
	}
	if t.kind == media.Audio {
		tfhd.Flags |= tfhdFlags
		tfhd.DefaultSampleFlags = flagsKey
		trun.Flags &^= trunFlags | trunOffset
	}
	traf := &mp4.TrafBox{}
	for _, c := range []mp4.Box{tfhd, mp4.CreateTfdt(uint64(t.samples[0].dts)), trun} {
		if err := traf.AddChild(c); err != nil {
			panic("mp4: " + err.Error()) // it takes all kinds of boxes
		}
	}
	return traf, trun, size
}

// keyFragment is a fragment that begins with a key frame of the leading track.
type keyFragment struct {
	time int64 // decoding time, in units of that track
	moof int64 // offset in the file
}

const maxKeyFragments = 1 << 20

// noteKey takes note of the fragment that buf is about to get if players can begin there.
func (w *Writer) noteKey() {
	lead := w.lead()
	if w.options.Live || len(lead.samples) == 0 || !lead.samples[0].key || len(w.keys) == maxKeyFragments {
		return
	}
	w.keys = append(w.keys, keyFragment{time: lead.samples[0].dts, moof: w.size + int64(w.buf.Len())})
}

// finish writes the index of key frames and fills in the duration.
func (w *Writer) finish() error {
	end := int64(0)
	for _, t := range w.tracks {
		if t.started {
			end = max(end, (t.last+t.duration)*movieTimescale/t.scale())
		}
	}
	if err := appendRandomAccess(&w.buf, w.lead().id, w.keys); err != nil {
		return err
	}
	if err := w.write(); err != nil {
		return err
	}
	if w.seeker == nil {
		return nil
	}
	if _, err := w.seeker.Seek(w.start+w.mehd+mehdDuration, io.SeekStart); err != nil {
		return fmt.Errorf("mp4: fill in the duration: %w", err)
	}
	if _, err := w.w.Write(binary.BigEndian.AppendUint64(nil, uint64(end))); err != nil {
		return fmt.Errorf("mp4: fill in the duration: %w", err)
	}
	if _, err := w.seeker.Seek(w.start+w.size, io.SeekStart); err != nil {
		return fmt.Errorf("mp4: fill in the duration: %w", err)
	}
	return nil
}

// mehdDuration is where the duration stands in a mehd box of version 1.
const mehdDuration = boxHeader + 4

// appendRandomAccess appends an mfra box (ISO 14496-12 8.8.9) that lists fragments of a track.
func appendRandomAccess(dst io.Writer, track uint32, keys []keyFragment) error {
	tfra := &mp4.TfraBox{Version: 1, TrackID: track, Entries: make([]mp4.TfraEntry, len(keys))}
	for i, k := range keys {
		tfra.Entries[i] = mp4.TfraEntry{
			Time: uint64(k.time), MoofOffset: uint64(k.moof), TrafNumber: 1, TrunNumber: 1, SampleNumber: 1,
		}
	}
	mfra, mfro := &mp4.MfraBox{}, &mp4.MfroBox{}
	for _, c := range []mp4.Box{tfra, mfro} {
		if err := mfra.AddChild(c); err != nil {
			return err
		}
	}
	mfro.ParentSize = uint32(mfra.Size())
	if err := mfra.Encode(dst); err != nil {
		return fmt.Errorf("mp4: write the index of key frames: %w", err)
	}
	return nil
}
