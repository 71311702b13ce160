package mp4

import (
	"slices"

	"leat/media"
)

const (
	maxTracks  = 64
	maxNesting = 8 // of the boxes of a track, of which stbl in minf in mdia is the deepest
)

// track is a track of a file that RTMP can carry, with the index of its samples.
type track struct {
	id        uint32 // in the file
	kind      media.Kind
	number    uint8 // on RTMP
	enabled   bool
	timescale int64 // units in a second
	language  string
	shift     int64 // what the edit list adds to its times
	entries   []entry
	table     table

	defaults fragmentDefaults
	torn     bool // a sample was not within the file: nothing behind it counts
}

// movie is the moov box (ISO 14496-12 8.2.1).
type movie struct {
	timescale int64
	tracks    []*track
	fragments bool // moof boxes may follow
	limits    limits
}

func readMovie(b []byte, fileSize int64) (*movie, error) {
	m := &movie{limits: limits{fileSize: fileSize, samples: maxSamples}}
	if err := m.readHeader(findChild(b, "mvhd")); err != nil {
		return nil, err
	}
	err := children(b, func(x box) error {
		if x.kind == "trak" {
			return m.readTrack(x.body)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	extends := findChild(b, "mvex")
	m.fragments = extends != nil
	return m, children(extends, func(x box) error {
		if x.kind == "trex" {
			return m.readDefaults(x.body)
		}
		return nil
	})
}

// readHeader reads mvhd (ISO 14496-12 8.2.2).
func (m *movie) readHeader(b []byte) error {
	f := fields{b: b}
	version, _ := f.full()
	f.either(version) // time of creation
	f.either(version) // of modification
	if m.timescale = int64(f.u32()); m.timescale == 0 {
		return damaged("it has no time scale")
	}
	return nil
}

// trackBoxes collects the boxes of a track that hold no others, from all that do. The outermost of a kind
// counts: in QuickTime files there is a second hdlr further in.
func trackBoxes(b []byte, boxes map[string][]byte, nesting int) error {
	if nesting == maxNesting {
		return damaged("boxes within boxes, %d deep", nesting)
	}
	var inner [][]byte
	err := children(b, func(x box) error {
		switch x.kind {
		case "mdia", "minf", "stbl", "edts":
			inner = append(inner, x.body)
		default:
			if _, ok := boxes[x.kind]; !ok {
				boxes[x.kind] = x.body
			}
		}
		return nil
	})
	for _, b := range inner {
		if err == nil {
			err = trackBoxes(b, boxes, nesting+1)
		}
	}
	return err
}

// readTrack reads a trak box, if its track is one of a kind that RTMP has a form for.
func (m *movie) readTrack(b []byte) error {
	boxes := map[string][]byte{}
	if err := trackBoxes(b, boxes, 0); err != nil {
		return err
	}
	t := &track{}
	if err := t.readHeaders(boxes); err != nil || t.kind == 0 {
		return err
	}
	if len(m.tracks) == maxTracks {
		return damaged("more than %d tracks", maxTracks)
	}
	var err error
	if t.shift, err = readEdits(boxes["elst"], t.timescale, m.timescale); err != nil {
		return err
	}
	if t.table, err = readTables(boxes, uint32(t.timescale), &m.limits); err != nil {
		return err
	}
	if t.kind != media.Video {
		t.table.keys, t.table.allKeys = nil, true
	}
	m.tracks = append(m.tracks, t)
	return nil
}

// readHeaders reads tkhd, mdhd and stsd (ISO 14496-12 8.3.2, 8.4.2, 8.5.2). Of a track that is left out kind stays 0.
func (t *track) readHeaders(boxes map[string][]byte) error {
	entries, err := readEntries(boxes["stsd"])
	if err != nil {
		return err
	}
	i := slices.IndexFunc(entries, func(e entry) bool { return e.kind != 0 })
	if i < 0 {
		return nil
	}
	f := fields{b: boxes["tkhd"]}
	version, flags := f.full()
	f.either(version)
	f.either(version)
	t.enabled, t.id = flags&1 != 0, f.u32()
	if err := f.check("tkhd"); err != nil {
		return err
	}
	f = fields{b: boxes["mdhd"]}
	version, _ = f.full()
	f.either(version)
	f.either(version)
	t.timescale = int64(f.u32())
	f.either(version)
	t.language = language(f.u16())
	if t.timescale == 0 || f.short {
		return damaged("track %d has no time scale", t.id)
	}
	t.kind, t.entries = entries[i].kind, entries
	for i := range entries {
		if entries[i].kind != t.kind {
			entries[i] = entry{}
		}
	}
	return nil
}

// language returns an ISO 639-2 code, which is packed into 15 bits, or "und". Smaller values are QuickTime's own
// numbers.
func language(packed uint16) string {
	if packed < 0x400 || packed == 0x7fff {
		return "und"
	}
	return string([]byte{byte(packed>>10&31) + 0x60, byte(packed>>5&31) + 0x60, byte(packed&31) + 0x60})
}

// readEdits returns what an edit list adds to the times of its track, in its time scale: the length of the empty edits
// at the start, less the media time of the first edit that is not empty (ISO 14496-12 8.6.6).
func readEdits(b []byte, timescale, movieTimescale int64) (int64, error) {
	if b == nil {
		return 0, nil
	}
	f := fields{b: b}
	version, _ := f.full()
	size := 12
	if version == 1 {
		size = 20
	}
	shift := int64(0)
	for range f.rows(size) {
		duration, start := f.either(version), int64(f.either(version))
		if version == 0 {
			start = int64(int32(start))
		}
		f.skip(4) // rate
		if start >= 0 {
			shift -= start
			break
		}
		if duration > uint64(maxSeconds*movieTimescale) {
			return 0, damaged("an edit of %d/%d seconds", duration, movieTimescale)
		}
		seconds, rest := int64(duration)/movieTimescale, int64(duration)%movieTimescale
		shift += seconds*timescale + int64((uint64(rest)*uint64(timescale)+uint64(movieTimescale)/2)/uint64(movieTimescale))
	}
	if most := maxSeconds * timescale; shift > most || shift < -most {
		return 0, damaged("an edit list that shifts by more than %d seconds", maxSeconds)
	}
	return shift, f.check("elst")
}
