package mediatest

import (
	"bufio"
	"bytes"
	_ "embed" // the recorded streams
	"encoding/hex"
	"fmt"
	"time"
)

// The recorded streams: a configuration record and a second of frames in hexadecimal.
var (
	//go:embed fixtures/avc.txt
	avcFixture []byte
	//go:embed fixtures/hevc.txt
	hevcFixture []byte
	//go:embed fixtures/av1.txt
	av1Fixture []byte
	//go:embed fixtures/aac.txt
	aacFixture []byte
	//go:embed fixtures/opus.txt
	opusFixture []byte
)

// frameInterval is the time between two video frames: 25 in a second.
const frameInterval = 40 * time.Millisecond

// fixture is a recorded stream. Frames repeat when they run out.
type fixture struct {
	config []byte
	frames []recordedFrame
}

type recordedFrame struct {
	key    bool
	offset time.Duration
	data   []byte
}

// load reads a fixture. The files are part of the package, so that an error in one is a mistake of its author.
func load(name string, text []byte) fixture {
	var f fixture
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		line := lines.Bytes()
		fields := bytes.Fields(line)
		switch {
		case len(fields) == 0 || line[0] == '#':
		case f.config == nil:
			f.config = unhex(name, fields[0])
		case len(fields) == 1:
			f.frames = append(f.frames, recordedFrame{data: unhex(name, fields[0])})
		default:
			var offset int
			if _, err := fmt.Sscan(string(fields[1]), &offset); err != nil {
				panic(fmt.Sprintf("mediatest: fixture %s: %v", name, err))
			}
			f.frames = append(f.frames, recordedFrame{
				key: fields[0][0] == 'K', offset: time.Duration(offset) * frameInterval, data: unhex(name, fields[2]),
			})
		}
	}
	return f
}

func unhex(name string, text []byte) []byte {
	b, err := hex.AppendDecode(nil, text)
	if err != nil {
		panic(fmt.Sprintf("mediatest: fixture %s: %v", name, err))
	}
	return b
}
