//go:build interop

package interop

import (
	"testing"
	"time"

	"leat/internal/wire/chunk"
)

var spans = []struct {
	name string
	from uint32
	long time.Duration
}{
	{"5 hours from 0xFFFFFF - 10 s", 0xffffff - 10_000, 5 * time.Hour},
	{"10 minutes from 2^32 - 10 s", 1<<32 - 10_000, 10 * time.Minute},
}

// dialects are the two ways with the extended timestamp: RTMP 5.3.1.3 wants it in every chunk of a message.
var dialects = []struct {
	name   string
	append func(dst []byte, m *chunk.Message, chunkSize uint32) []byte
}{
	{"extended field in fmt 3", chunk.AppendFull},
	{"no extended field in fmt 3", appendWithoutRepeat},
}

// TestTimestamps: hours of a stream in seconds, over the places where timestamps change their form: at 0xFFFFFF they get
// an extended field, at 2^32 they begin anew. The publisher writes either dialect of the extended field.
func TestTimestamps(t *testing.T) {
	t.Parallel()
	for _, span := range spans {
		for _, dialect := range dialects {
			t.Run(span.name+" "+dialect.name, func(t *testing.T) {
				t.Parallel()
				proves(t)
				s := serve(t)
				url := s.stream("t")
				receivers := []receiver{rtmpdumpReceiver(t, url), leatReceiver(t, url)}
				s.events(t, len(receivers), "playing", "t")
				publisher := publishRaw(t, url, dialect.append)
				const step = 40 // ms
				f := &flow{
					count:     int(span.long.Milliseconds() / step),
					ahead:     48,
					keys:      200,
					timestamp: func(i int) uint32 { return span.from + uint32(i)*step },
					size: func(i int) int {
						if i%2500 == 500 { // more than a chunk of what the server sends
							return 150_000
						}
						return 200 // more than a chunk of what it receives
					},
				}
				f.run(t, publisher, receivers...)
			})
		}
	}
}

// TestExtendedTimestamps: ffmpeg publishes a clip whose timestamps pass 0xFFFFFF in its middle, and every player has the
// same times on both sides of it.
func TestExtendedTimestamps(t *testing.T) {
	t.Parallel()
	c := videoAndAAC.make(t, "4")
	s := serve(t)
	waiting := playAll(t, players, s.stream("x"))
	s.events(t, len(players), "playing", "x")
	const offset = "16775.2" // seconds; 0xFFFFFF ms is two seconds later
	publisher := start(t, "ffmpeg", "-nostdin", "-v", "error", "-re", "-i", c.path, "-c", "copy", "-output_ts_offset", offset, "-f", "flv", s.stream("x"))
	for _, w := range waiting {
		t.Run(w.player.name, func(t *testing.T) {
			proves(t)
			checkWhole(t, w.finish(t), c)
		})
	}
	publisher.succeed(t)
}
