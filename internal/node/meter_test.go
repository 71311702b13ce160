package node

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/web/api"
	"leat/live"
	"leat/media"
)

// reads lets a meter read a stream of 25 frames and 50 audio packets per second for some seconds.
func reads(t *testing.T, m *meter, hub *live.Hub, pub *live.Publication, from, seconds int, news *api.News) {
	for s := from; s < from+seconds; s++ {
		for f := range 25 {
			at := time.Duration(s)*time.Second + time.Duration(f)*40*time.Millisecond
			writePacket(t, pub, &media.Packet{Kind: media.Video, Codec: media.CodecAVC, Timestamp: at, Key: f == 0, Body: make([]byte, 5000)})
			for i := range 2 {
				writePacket(t, pub, &media.Packet{Kind: media.Audio, Codec: media.CodecAAC, Timestamp: at + time.Duration(i)*20*time.Millisecond, Body: make([]byte, 250)})
			}
			time.Sleep(40 * time.Millisecond)
		}
		m.read(time.Now(), hub.Streams(), map[media.Key]crowd{meterKey: {players: 3}}, func(media.Key) bool { return s >= 3 }, news)
	}
}

var meterKey = media.Key{App: "live", Name: "cam"}

func writePacket(t *testing.T, pub *live.Publication, p *media.Packet) {
	t.Helper()
	if err := pub.WritePacket(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := live.NewHub(nil)
		defer hub.Close()
		pub, err := hub.Publish(meterKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		var news api.News
		m := &meter{gauges: map[media.Key]*gauge{}}
		reads(t, m, hub, pub, 0, 5, &news)

		info := hub.Streams()[0]
		var s api.Stream
		g := m.gauges[meterKey]
		g.show(&s, info.Publisher)
		if s.FPS != 25 || s.Bitrate != (25*5000+50*250)*8 || s.KeyIntervalMS != 1000 {
			t.Errorf("%v fps, %d bit/s, a key frame every %d ms", s.FPS, s.Bitrate, s.KeyIntervalMS)
		}
		if s.SkewMS == nil || *s.SkewMS != 20 {
			t.Errorf("audio is %v ms ahead, want 20", s.SkewMS)
		}
		if len(g.history) != 5 || g.history[4].FPS != 25 || g.history[4].Players != 3 || !g.recording {
			t.Errorf("history %+v, recording %v", g.history, g.recording)
		}

		pub.Close(true)
		m.read(time.Now(), hub.Streams(), nil, func(media.Key) bool { return false }, &news)
		if len(m.gauges) != 0 {
			t.Errorf("%d gauges of streams that are gone", len(m.gauges))
		}
	})
}

// TestMeterForgets: what another publisher sends is not compared with what the one before it sent, and history is bounded.
func TestMeterForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := live.NewHub(&live.Config{Policy: live.PolicyTakeover})
		defer hub.Close()
		var news api.News
		m := &meter{gauges: map[media.Key]*gauge{}}
		first, err := hub.Publish(meterKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		reads(t, m, hub, first, 0, meterMemory+5, &news)
		second, err := hub.Publish(meterKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		reads(t, m, hub, second, 0, 1, &news)
		g := m.gauges[meterKey]
		if len(g.readings) != 1 || len(g.history) != meterMemory {
			t.Errorf("%d readings, %d samples", len(g.readings), len(g.history))
		}
		if last := g.history[meterMemory-1]; last.Bitrate != 0 || last.FPS != 0 {
			t.Errorf("rates over two publishers: %+v", last)
		}
	})
}

func TestEncoderIn(t *testing.T) {
	metadata := slices.Concat([]byte{8, 0, 0, 0, 1, 0, 7}, []byte("encoder"), []byte{2, 0, 4}, []byte("Lavf"), []byte{0, 0, 9})
	if got := encoderIn(metadata); got != "Lavf" {
		t.Errorf("encoder %q", got)
	}
	for cut := range len(metadata) - 3 {
		if got := encoderIn(metadata[:cut]); got != "" && got != "Lavf" {
			t.Errorf("cut at %d: %q", cut, got)
		}
	}
}
