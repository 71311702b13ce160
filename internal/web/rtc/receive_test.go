package rtc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"leat/live"
	"leat/media"
	"leat/media/mediatest"
)

// sender sends the packets of one track.
type sender struct {
	out     *webrtc.TrackLocalStaticRTP
	packets *packetizer
}

func (p *peer) send(t *testing.T, codec media.FourCC, as webrtc.RTPCodecParameters) *sender {
	t.Helper()
	out, err := webrtc.NewTrackLocalStaticRTP(as.RTPCodecCapability, as.MimeType[:5], "peer")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddTransceiverFromTrack(out, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	return &sender{out, newPacketizer(known(codec))}
}

func (s *sender) write(t *testing.T, packets ...*media.Packet) {
	t.Helper()
	for _, p := range packets {
		rtps, err := s.packets.packets(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rtps {
			if err := s.out.WriteRTP(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestPublish: what a client publishes comes out of the hub as packets of RTMP, with sequence headers.
func TestPublish(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		codec  media.FourCC
		as     webrtc.RTPCodecParameters
		stream []*media.Packet
	}{
		{"H.264", media.CodecAVC, h264, only(mediatest.AVC(time.Second), media.Video)},
		{"HEVC", media.CodecHEVC, webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH265, ClockRate: 90000}, PayloadType: 116}, only(mediatest.HEVC(time.Second), media.Video)},
		{"AV1", media.CodecAV1, av1, only(mediatest.AV1(time.Second), media.Video)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, nil)
			sub := h.hub.Subscribe(cam, &live.SubscribeOptions{Follow: true})
			t.Cleanup(sub.Close)
			p := newPeer(t, c.as, opus)
			pictures, sounds := p.send(t, c.codec, c.as), p.send(t, media.CodecOpus, opus)
			answer, text := h.request(t, http.MethodPost, "/live/a/cam/whip", p.offer(t), sdpBody)
			if answer.StatusCode != http.StatusCreated {
				t.Fatalf("%d %v\n%s", answer.StatusCode, answer.Header, text)
			}
			p.answer(t, text)
			pictures.write(t, c.stream...)
			sounds.write(t, only(mediatest.Opus(time.Second), media.Audio)...)
			got := take(t, sub, len(c.stream)+51)

			frames, heads := got[media.Video], 0
			for i, f := range frames {
				// RTP says when a frame is shown: the fixtures have B-frames.
				if at := c.stream[i].Timestamp + c.stream[i].Offset - c.stream[1].Offset; i > 0 && f.Timestamp-frames[0].Timestamp != max(at, -frames[0].Timestamp) {
					t.Fatalf("frame %d is at %v, want %v", i, f.Timestamp-frames[0].Timestamp, at)
				}
				if f.Config {
					heads++
				}
			}
			if heads != 1 || !frames[0].Config || !frames[1].Key || len(frames) != len(c.stream) {
				t.Fatalf("%d sequence headers in %d packets, want 1 in %d", heads, len(frames), len(c.stream))
			}
			if c.codec == media.CodecAVC && !bytes.Equal(frames[0].Data[:4], c.stream[0].Data[:4]) {
				t.Errorf("the sequence header is %x, want %x", frames[0].Data, c.stream[0].Data)
			}
			for i := 1; i < len(frames); i++ {
				if c.codec != media.CodecAV1 && !bytes.Equal(frames[i].Data, c.stream[i].Data) {
					t.Fatalf("frame %d has %d bytes, want %d", i, len(frames[i].Data), len(c.stream[i].Data))
				}
			}
			sound := got[media.Audio]
			if !sound[0].Config || string(sound[0].Data[:8]) != "OpusHead" || !bytes.Equal(sound[1].Data, only(mediatest.Opus(time.Second), media.Audio)[1].Data) {
				t.Errorf("sound: %+v %+v", sound[0], sound[1])
			}

			other := newPeer(t, c.as)
			other.send(t, c.codec, c.as)
			if answer, _ := h.request(t, http.MethodPost, "/live/a/cam/whip", other.offer(t), sdpBody); answer.StatusCode != http.StatusConflict {
				t.Errorf("second publisher: %d", answer.StatusCode)
			}
			if answer, _ := h.request(t, http.MethodDelete, answer.Header.Get("Location"), ""); answer.StatusCode != http.StatusOK {
				t.Errorf("DELETE: %d", answer.StatusCode)
			}
			if end := h.over(t); end.reason != "<nil>" {
				t.Errorf("ended: %+v", end)
			}
		})
	}
}

// take reads until there are enough packets of audio and video.
func take(t *testing.T, sub *live.Subscription, enough int) map[media.Kind][]*media.Packet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := map[media.Kind][]*media.Packet{}
	for range enough {
		p, err := sub.ReadPacket(ctx)
		if err != nil {
			t.Fatalf("after %d video and %d audio packets: %v", len(got[media.Video]), len(got[media.Audio]), err)
		}
		got[p.Kind] = append(got[p.Kind], p)
	}
	return got
}

// TestPublisherNeverCame: a publisher that does not connect is a broken one.
func TestPublisherNeverCame(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.server.connectTime = 50 * time.Millisecond
	if answer, text := h.request(t, "POST", "/live/a/cam/whip", offers(t)[1], sdpBody); answer.StatusCode != http.StatusCreated {
		t.Fatal(answer.StatusCode, text)
	}
	if end := h.over(t); end.reason != ErrLost.Error() {
		t.Errorf("ended: %+v", end)
	}
}

// TestReorder: packets come out in order, once each; a hole is waited for, and then said.
func TestReorder(t *testing.T) {
	t.Parallel()
	start := time.Now()
	for _, c := range []struct {
		name string
		in   []int
		want []int // negative: something in front of it is missing
	}{
		{"in order, over the edge", []int{65534, 65535, 0, 1}, []int{65534, 65535, 0, 1}},
		{"swapped and doubled", []int{1, 3, 2, 2, 1, 4}, []int{1, 2, 3, 4}},
		{"a hole", []int{1, 3, 4}, []int{1}},
		{"more than it holds", []int{1, 600}, []int{1}},
		{"another place", []int{1, 9000, 9001}, []int{1, -9000, 9001}},
	} {
		var r reorderer
		var got []int
		emit := func(p *rtp.Packet, missing bool) {
			n := int(p.SequenceNumber)
			if missing {
				n = -n
			}
			got = append(got, n)
		}
		for _, n := range c.in {
			r.push(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(n)}}, start, emit)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		r.release(start.Add(reorderTime), emit)
		if r.count != 0 {
			t.Errorf("%s: %d are still held after their time", c.name, r.count)
		}
	}
}

// TestClocks: reports put audio and video where they belong, at once before the first frame and by a little later.
func TestClocks(t *testing.T) {
	t.Parallel()
	start := time.Now()
	s := clocks{audio: clock{rate: opusClock}, video: clock{rate: videoClock}}
	if at := s.place(&s.audio, 0xffffff00, start); at != 0 {
		t.Errorf("first sound at %v", at)
	}
	if at := s.place(&s.audio, opusClock-256, start.Add(time.Second)); at != time.Second {
		t.Errorf("sound after the edge at %v", at)
	}
	if at := s.place(&s.video, 500, start.Add(100*time.Millisecond)); at != 100*time.Millisecond {
		t.Errorf("first picture at %v", at)
	}
	const second = 1 << 32
	s.audio.report(1000*second, 0xffffff00)
	s.video.report(1000*second+second/20, 500) // 50 ms later than the sound, not 100
	want := 100 * time.Millisecond
	for i := range 25 {
		want = max(want-maxSlew, 50*time.Millisecond)
		if at := s.place(&s.video, 500, start); at != want {
			t.Fatalf("step %d: %v, want %v", i, at, want)
		}
	}
	s.video.report(5000*second, 500)
	if at := s.place(&s.video, 500, start); at != 50*time.Millisecond {
		t.Errorf("a report that cannot be true moved it to %v", at)
	}
}

// TestEndKeepsPackets: what a publisher sent before it ended the stream is read before the end.
func TestEndKeepsPackets(t *testing.T) {
	t.Parallel()
	for range 20 {
		over, end := context.WithCancelCause(t.Context())
		p := &publisher{session: &session{over: over}, queue: make(chan *media.Packet, maxQueue), accepted: make(chan struct{})}
		for range 3 {
			p.queue <- &media.Packet{}
		}
		end(errDeleted)
		for n := range 3 {
			if _, err := p.ReadPacket(over); err != nil {
				t.Fatalf("after %d packets: %v", n, err)
			}
		}
		if _, err := p.ReadPacket(over); !errors.Is(err, io.EOF) {
			t.Fatalf("at the end: %v", err)
		}
	}
}

// TestClocksTogether: a first frame that was read just before the one that began the timeline stands at its beginning.
func TestClocksTogether(t *testing.T) {
	t.Parallel()
	start := time.Now()
	s := clocks{audio: clock{rate: opusClock}, video: clock{rate: videoClock}}
	s.place(&s.audio, 0, start)
	for i, want := range []time.Duration{0, 40 * time.Millisecond, 80 * time.Millisecond} {
		if at := s.place(&s.video, uint32(i)*videoClock/25, start.Add(-300*time.Microsecond)); at != want {
			t.Errorf("picture %d at %v, want %v", i, at, want)
		}
	}
}

// FuzzAssembler: no RTP payloads panic on their way to packets, and what is held of them is bounded.
func FuzzAssembler(f *testing.F) {
	for codec, packets := range [][]*media.Packet{mediatest.AVC(time.Second), mediatest.HEVC(time.Second), mediatest.AV1(time.Second)} {
		z := newPacketizer(&knownCodecs[codec])
		for _, p := range packets[:12] {
			if p.Kind != media.Video {
				continue
			}
			rtps, err := z.packets(p)
			if err != nil {
				f.Fatal(err)
			}
			for _, r := range rtps {
				f.Add(uint8(codec), r.Payload, r.Payload[:len(r.Payload)/2], r.Marker)
			}
		}
	}
	f.Add(uint8(3), []byte{0x08, 0x82, 0x49, 0x83, 0x42, 0, 1, 0xf0, 0, 0xf6}, []byte{0x0c, 1}, true)
	f.Add(uint8(4), []byte{0x10, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0}, []byte{0x90, 0x80, 1}, true)
	f.Add(uint8(5), []byte{0xfc, 0xff, 0xfe}, []byte{}, false)
	f.Fuzz(func(t *testing.T, codec uint8, first, second []byte, marker bool) {
		k := &knownCodecs[int(codec)%len(knownCodecs)]
		a := assembler{depacketizer: k.depacketizer, whole: k.codec == media.CodecOpus}
		framer := framer{codec: k.codec}
		for i, payload := range [][]byte{first, second, first, second} {
			a.add(&rtp.Packet{Header: rtp.Header{Marker: marker || i == 3, Timestamp: uint32(i / 2)}, Payload: payload}, false, func(frame []byte, at uint32) {
				packets, err := framer.packets(nil, frame, time.Duration(at))
				if err != nil {
					return
				}
				for _, p := range packets {
					if p.Codec != k.codec || len(p.Data) == 0 {
						t.Fatalf("a packet of %v with %d bytes", p.Codec, len(p.Data))
					}
				}
			})
		}
	})
}
