//go:build interop

package interop

import (
	"bytes"
	"testing"
	"time"

	"leat/internal/wire/message"
	"leat/rtmp"
)

// TestDumpResumes: files that were cut are completed alike.
func TestDumpResumes(t *testing.T) {
	t.Parallel()
	proves(t)
	s := listen(t, rtmp.Proof{})
	const film = "rtmp://ADDRESS/vod/film"
	whole := s.same(t, []string{"-r", film}, nil).file
	part := whole[:endOfTag(t, whole, len(whole)/2)]
	for _, args := range [][]string{{"-r", film, "-e"}, {"-r", film, "-e", "-k", "1"}} {
		if got := s.same(t, args, part).file; !bytes.Equal(got, whole) {
			t.Errorf("%v: %d bytes of %d, or others", args, len(got), len(whole))
		}
	}
}

// TestDumpResumeScenes: what servers may send to who wants to resume.
func TestDumpResumeScenes(t *testing.T) {
	t.Parallel()
	proves(t)
	const cut = 2500 * time.Millisecond
	const key = 2 * time.Second // of the last key frame before
	again := func(from, shift time.Duration) step {
		return func(s *stage) error { return s.film(from, all, shift) }
	}
	whole := compareScene(t, nil, nil, 0, scene(begins, shows(0, all), ends)).file
	part := compareScene(t, nil, nil, 2, scene(begins, shows(0, cut), ends)).file
	short := compareScene(t, nil, nil, 0, scene(begins, metadata(key.Seconds()), frames(0, cut), ends)).file
	const codeDone, codeFailed, codeIncomplete = 0, 1, 2
	for _, test := range []struct {
		name   string
		flags  []string
		before []byte
		code   int
		after  []byte
		play   func(s *stage) error
	}{
		{"from the key frame", nil, part, codeDone, whole, scene(begins, again(key, key), ends)},
		{"from one before", []string{"-k", "1"}, part, codeDone, whole, scene(begins, again(time.Second, time.Second), ends)},
		{"what comes before the key frame is thrown away", nil, part, codeDone, whole, scene(begins,
			sends(message.TypeAudio, 0, "\xaf\x01other"), sends(message.TypeVideo, 0, "\x27\x01\x00\x00\x00other"), again(key, key), ends)},
		{"another film", nil, part, codeFailed, part, scene(begins, metadata(7), again(key, key))},
		{"the key frame does not come", nil, part, codeFailed, part, scene(begins, func(s *stage) error {
			const tooMany = 60
			for i := range byte(tooMany) {
				if err := s.raw(1, message.TypeAudio, 0, []byte{0xaf, 1, i}); err != nil {
					return err
				}
			}
			return nil
		})},
		{"all has come before", nil, short, codeDone, short, scene(begins)},
		{"it ends at once", nil, part, codeIncomplete, part, scene(begins, ends)},
		{"a live stream is not resumed", []string{"-v"}, part, codeDone, whole, scene(begins, shows(0, all), ends)},
		{"a start is ignored", []string{"-A", "1"}, part, codeDone, whole, scene(begins, again(key, key), ends)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := compareScene(t, concat([]string{"-e"}, test.flags), test.before, test.code, test.play)
			if !bytes.Equal(got.file, test.after) {
				t.Errorf("the file has %d bytes, want %d, or others", len(got.file), len(test.after))
			}
		})
	}
}

// endOfTag returns where the first tag ends that ends at or behind a place of an FLV file.
func endOfTag(t *testing.T, file []byte, place int) int {
	t.Helper()
	const fileHeader, tagHeader, tail = 13, 11, 4
	at := fileHeader
	for at < place {
		size := int(file[at+1])<<16 | int(file[at+2])<<8 | int(file[at+3])
		at += tagHeader + size + tail
	}
	return at
}
