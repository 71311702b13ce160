package hls

import (
	"regexp"
	"strconv"

	"leat/media"
)

// file is what a name means.
type file struct {
	track   trackID
	kind    fileKind
	session string
	number  uint64 // of a segment, or of an initialization segment
	part    int
}

type fileKind uint8

const (
	mediaPlaylist fileKind = iota + 1
	initFile
	segmentFile
	partFile
)

var fileNames = regexp.MustCompile(`^(video|audio)(\d{1,3})(?:\.m3u8|-([0-9a-f]{8})-(init)?(\d{1,12})(?:\.(\d{1,6}))?\.mp4)$`)

// parseFile reads the name of a file; ok is false for what is none.
func parseFile(name string) (f file, ok bool) {
	found := fileNames.FindStringSubmatch(name)
	if found == nil {
		return file{}, false
	}
	number, err := strconv.ParseUint(found[2], 10, 8)
	if err != nil {
		return file{}, false
	}
	f.track = trackID{media.Audio, uint8(number)}
	if found[1] == "video" {
		f.track.kind = media.Video
	}
	f.session = found[3]
	if f.session == "" {
		f.kind = mediaPlaylist
		return f, true
	}
	f.kind = segmentFile
	if found[4] != "" {
		f.kind = initFile
	}
	if f.number, err = strconv.ParseUint(found[5], 10, 63); err != nil {
		return file{}, false
	}
	if found[6] == "" {
		return f, true
	}
	if f.kind == initFile {
		return file{}, false
	}
	f.kind = partFile
	f.part, err = strconv.Atoi(found[6])
	return f, err == nil
}

// name is the inverse of parseFile.
func (f file) name() string {
	s := f.track.String()
	switch f.kind {
	case mediaPlaylist:
		return s + ".m3u8"
	case initFile:
		return s + "-" + f.session + "-init" + strconv.FormatUint(f.number, 10) + ".mp4"
	case partFile:
		return s + "-" + f.session + "-" + strconv.FormatUint(f.number, 10) + "." + strconv.Itoa(f.part) + ".mp4"
	}
	return s + "-" + f.session + "-" + strconv.FormatUint(f.number, 10) + ".mp4"
}
