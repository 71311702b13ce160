package rtc

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"leat/media"
	"leat/media/mediatest"
)

// FuzzOffer begins with a short offer, as long ones keep the fuzzer busy with shortening them: no offer panics, and what is taken keeps within the limits.
func FuzzOffer(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 00\r\nm=video 9 UDP/TLS/RTP/SAVPF 1\r\na=rtpmap:1 H264/90000\r\na=fmtp:1 packetization-mode=1;profile-level-id=42e01f\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOffer(text)
		if err != nil {
			return
		}
		if len(o.codecs) > maxCodecs {
			t.Fatalf("%d codecs", len(o.codecs))
		}
		for i := range knownCodecs {
			o.fit(&knownCodecs[i], nil)
		}
	})
}

func offers(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, name := range []string{"chromium.sdp", "chromium-publishes.sdp"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}

// TestDamagedOffers: the library lives through what parseOffer lets pass of damaged offers, and sessions end.
func TestDamagedOffers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	settings := webrtc.SettingEngine{LoggerFactory: logFactory{slog.New(slog.DiscardHandler)}}
	settings.SetLite(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	taken, answered := 0, 0
	for _, whole := range offers(t) {
		lines := strings.SplitAfter(whole, "\n")
		for range 60 {
			o, err := parseOffer(damaged(random, lines))
			if err != nil {
				continue
			}
			taken++
			engine := &webrtc.MediaEngine{}
			for i := range knownCodecs {
				if as := o.fit(&knownCodecs[i], nil); as != nil {
					// Of two that damage has given one number the second is not taken.
					_ = register(engine, &knownCodecs[i], as)
				}
			}
			pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
			if err != nil {
				t.Fatal(err)
			}
			if pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.text}) == nil {
				if _, err := pc.CreateAnswer(nil); err == nil {
					answered++
				}
			}
			if err := pc.GracefulClose(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if taken < 30 || answered < 10 {
		t.Errorf("only %d offers were taken, and %d answered: the damage is too heavy to test anything", taken, answered)
	}
}

// damaged returns lines of which some are missing, doubled, moved or changed.
func damaged(random *rand.Rand, lines []string) string {
	lines = slices.Clone(lines)
	for range 1 + random.IntN(4) {
		i, j := random.IntN(len(lines)), random.IntN(len(lines))
		switch random.IntN(4) {
		case 0:
			lines[i] = ""
		case 1:
			lines[i] += lines[i]
		case 2:
			lines[i], lines[j] = lines[j], lines[i]
		case 3:
			if b := []byte(lines[i]); len(b) > 3 {
				b[2+random.IntN(len(b)-2)] = byte(random.IntN(256))
				lines[i] = string(b)
			}
		}
	}
	return strings.Join(lines, "")
}

// FuzzPacketizer: no frame and no sequence header of a publisher panics, and packets have the length that they may have.
func FuzzPacketizer(f *testing.F) {
	for codec, packets := range [][]*media.Packet{mediatest.AVC(time.Second), mediatest.HEVC(time.Second), mediatest.AV1(time.Second)} {
		var config []byte
		for _, p := range packets {
			switch {
			case p.Kind == media.Video && p.Config:
				config = p.Data
			case p.Kind == media.Video && p.Key:
				f.Add(uint8(codec), config, p.Data)
			}
		}
	}
	f.Add(uint8(3), []byte{}, []byte{0x82, 0x49, 0x83, 0x42, 0, 1, 0xf0, 0, 0xf6})
	f.Add(uint8(4), []byte{}, []byte{0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0})
	f.Fuzz(func(t *testing.T, codec uint8, config, frame []byte) {
		k := &knownCodecs[int(codec)%len(knownCodecs)]
		kind := media.Video
		if k.codec == media.CodecOpus {
			kind = media.Audio
		}
		z := newPacketizer(k)
		// A malformed header is said, and the frames behind it are left out.
		_, _ = z.packets(&media.Packet{Kind: kind, Codec: k.codec, Config: true, Data: config})
		for _, key := range []bool{true, false} {
			packets, err := z.packets(&media.Packet{Kind: kind, Codec: k.codec, Key: key, Data: frame})
			if err != nil {
				continue
			}
			for _, p := range packets {
				if k.codec != media.CodecOpus && len(p.Payload) > maxPayload {
					t.Fatalf("a payload of %d bytes", len(p.Payload))
				}
			}
		}
	})
}
