//go:build interop

package interop

import (
	"context"
	"testing"
	"time"

	"leat/media"
	"leat/rtmp"
)

// TestGigabyte: 1 GiB goes through one publishing and one playing connection as fast as it can, many acknowledgement
// windows long.
func TestGigabyte(t *testing.T) {
	proves(t)
	s := serve(t)
	url := s.stream("volume")
	player := rtmpdumpReceiver(t, url)
	s.event(t, "playing", "volume")
	conn := dial(t, t.Context(), url)
	publisher, err := conn.Publish(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	const size = 256 << 10
	f := &flow{
		count:     1 << 30 / size,
		ahead:     16,
		keys:      50,
		timestamp: func(i int) uint32 { return uint32(i) * 40 },
		size:      func(int) int { return size },
	}
	begun := time.Now()
	f.run(t, publishing{publisher}, player)
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it took %v, want a minute at most", took)
	}
	if closed := s.event(t, "publish ended", "volume"); closed["bytes"].(float64) < 1<<30 {
		t.Errorf("the server has counted %v bytes", closed["bytes"])
	}
}

// publishing is a flow's sender that is our client.
type publishing struct{ *rtmp.Publisher }

func (p publishing) send(timestamp uint32, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.WritePacket(ctx, &media.Packet{
		Kind: media.Video, Codec: media.CodecAVC, Timestamp: time.Duration(timestamp) * time.Millisecond, Body: body,
	})
}

func (p publishing) finish() error { return p.Close() }
