package rtc

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"leat/internal/format/codec"
	"leat/media"
	"leat/media/mediatest"
)

// read returns the frames that come on a track, until there are enough.
func readFrames(t *testing.T, track *webrtc.TrackRemote, d rtp.Depacketizer, enough int) [][]byte {
	t.Helper()
	if err := track.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	var frame []byte
	for len(frames) < enough {
		p, _, err := track.ReadRTP()
		if err != nil {
			t.Fatalf("after %d frames: %v", len(frames), err)
		}
		b, err := d.Unmarshal(p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		frame = append(frame, b...)
		if p.Marker || track.Kind() == audio {
			frames, frame = append(frames, frame), nil
		}
	}
	return frames
}

// TestPlay: H.264 and Opus come out of WebRTC as they went into the hub, from the newest key frame on.
func TestPlay(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	pictures := only(mediatest.AVC(4*time.Second), media.Video)
	packets := join(pictures, mediatest.Opus(4*time.Second))
	pub := h.publish(t, packets...)

	p := newPeer(t, h264, opus)
	p.receive(t, video, audio)
	answer, text := h.request(t, http.MethodPost, "/live/a/cam/whep", p.offer(t), sdpBody)
	header := answer.Header
	if answer.StatusCode != http.StatusCreated || header.Get("Content-Type") != "application/sdp" || header.Get("Leat-Left-Out") != "" {
		t.Fatalf("%d %v\n%s", answer.StatusCode, header, text)
	}
	if !strings.Contains(header.Get("Warning"), "B-frames") {
		t.Errorf("Warning: %q", header.Get("Warning"))
	}
	if got := header.Values("Link"); len(got) != 2 || got[0] != `<stun:stun.example.org>; rel="ice-server"` ||
		got[1] != `<turn:turn.example.org>; rel="ice-server"; username="viewer"; credential="hu\"sh"; credential-type="password"` {
		t.Errorf("Link: %q", got)
	}
	p.answer(t, text)

	// The newest key frame is that of second 3.
	want := wantedFrames(t, pictures)
	got := readFrames(t, p.track(t, video), &codecs.H264Packet{IsAVC: true}, len(want))
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("frame %d has %d bytes, want %d", i, len(got[i]), len(want[i]))
		}
	}
	sounds := only(packets, media.Audio)
	sound := readFrames(t, p.track(t, audio), &codecs.OpusPacket{}, 1)[0]
	found := false
	for _, s := range sounds {
		found = found || bytes.Equal(s.Data, sound)
	}
	if !found {
		t.Error("a sound that was not published")
	}

	location := header.Get("Location")
	if answer, _ := h.request(t, http.MethodPatch, location, "a=ice-ufrag:other\r\n", "Content-Type: application/trickle-ice-sdpfrag"); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("PATCH for a restart: %d", answer.StatusCode)
	}
	if answer, _ := h.request(t, http.MethodPatch, location, "a=end-of-candidates\r\n", "Content-Type: application/trickle-ice-sdpfrag"); answer.StatusCode != http.StatusNoContent {
		t.Errorf("PATCH: %d", answer.StatusCode)
	}
	if answer, _ := h.request(t, http.MethodDelete, location, ""); answer.StatusCode != http.StatusOK {
		t.Errorf("DELETE: %d", answer.StatusCode)
	}
	end := h.over(t)
	if end.reason != "the client ended it" || end.stats.Packets == 0 || end.stats.Bytes == 0 {
		t.Errorf("ended: %+v", end)
	}
	if answer, _ := h.request(t, http.MethodDelete, location, ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("second DELETE: %d", answer.StatusCode)
	}
	pub.Close(true)
}

// wantedFrames returns the frames from the newest key frame on as a receiver has them: with lengths of four bytes, and with the
// parameter sets in front of key frames.
func wantedFrames(t *testing.T, packets []*media.Packet) [][]byte {
	t.Helper()
	var sets [][]byte
	var frames [][]byte
	for _, p := range packets {
		switch {
		case p.Config:
			var err error
			if sets, _, err = codec.ParameterSets(p); err != nil {
				t.Fatal(err)
			}
			continue
		case p.Key:
			frames = nil
			var head []byte
			for _, set := range sets {
				head = append(head, 0, 0, 0, byte(len(set)))
				head = append(head, set...)
			}
			frames = append(frames, append(head, p.Data...))
		default:
			frames = append(frames, p.Data)
		}
	}
	return frames
}

// TestStreamEnds: a viewer hears of the stream's end, and what a client cannot take is said.
func TestStreamEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	pub := h.publish(t, mediatest.AV1(2*time.Second)...)
	p := newPeer(t, av1)
	p.receive(t, video)
	answer, text := h.request(t, http.MethodPost, "/live/a/cam/whep", p.offer(t), sdpBody)
	if answer.StatusCode != http.StatusCreated || answer.Header.Get("Leat-Left-Out") != "audio track 0 (opus)" || answer.Header.Get("Warning") != "" {
		t.Fatalf("%d %v\n%s", answer.StatusCode, answer.Header, text)
	}
	p.answer(t, text)
	readFrames(t, p.track(t, video), &codecs.AV1Depacketizer{}, 10)
	pub.Close(true)
	if end := h.over(t); end.reason != "the stream is over" {
		t.Errorf("ended: %+v", end)
	}
}

// TestKeyRequest: a viewer's wishes are counted, and a path that loses too much gets no video up to the next key frame.
func TestKeyRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	packets := only(mediatest.AVC(3*time.Second), media.Video)
	pub := h.publish(t, packets[:1+25+5]...) // one second, and some frames
	p := newPeer(t, h264)
	p.receive(t, video)
	_, text := h.request(t, http.MethodPost, "/live/a/cam/whep", p.offer(t), sdpBody)
	p.answer(t, text)
	track := p.track(t, video)
	readFrames(t, track, &codecs.H264Packet{IsAVC: true}, 5)
	ssrc := uint32(track.SSRC())
	err := p.WriteRTCP([]rtcp.Packet{
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: ssrc, FractionLost: tooMuch}}},
		&rtcp.PictureLossIndication{MediaSSRC: ssrc},
	})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); h.server.Stats().KeyRequests == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the reports were not heard")
		}
		<-time.After(time.Millisecond)
	}
	write(t, pub, packets[1+25+5:]...)
	frames := readFrames(t, track, &codecs.H264Packet{IsAVC: true}, 1)
	if !bytes.Contains(frames[0], packets[1+2*25].Data) {
		t.Error("what came first was not the next key frame")
	}
	pub.Close(true)
	if end := h.over(t); end.stats.Skipped != 20 || end.stats.KeyRequests != 1 {
		t.Errorf("ended: %+v", end)
	}
}

// TestRefused: every refusal has its status and a reason.
func TestRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.publish(t, mediatest.AVC(time.Second)...)
	chromium, err := os.ReadFile("testdata/chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	offer := string(chromium)
	audioOnly := strings.Replace(offer, "m=video ", "m=application ", 1)
	for _, c := range []struct {
		name         string
		method, path string
		body         string
		headers      []string
		status       int
		says         string
	}{
		{name: "no such address", method: "POST", path: "/live/whep", status: 404, says: "no such address"},
		{name: "reading", method: "GET", path: "/live/a/cam/whep", status: 405, says: "an offer is posted"},
		{name: "reading a session", method: "GET", path: "/live/a/cam/whep/abc", status: 405, says: "ended with DELETE"},
		{name: "no such session", method: "DELETE", path: "/live/a/cam/whep/abc", status: 404, says: "no such session"},
		{name: "no type", method: "POST", path: "/live/a/cam/whep", body: offer, status: 415, says: "must be application/sdp"},
		{name: "ten megabytes", method: "POST", path: "/live/a/cam/whep", body: strings.Repeat("a=x\r\n", 2<<20), headers: []string{sdpBody}, status: 413, says: "65536 bytes"},
		{name: "no SDP", method: "POST", path: "/live/a/cam/whep", body: "hello", headers: []string{sdpBody}, status: 400, says: "no session description"},
		{name: "no ICE", method: "POST", path: "/live/a/cam/whep", body: "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", headers: []string{sdpBody}, status: 400, says: "lacks ice-ufrag"},
		{name: "sections", method: "POST", path: "/live/a/cam/whep", body: offer + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 20), headers: []string{sdpBody}, status: 400, says: "media sections"},
		{name: "not live", method: "POST", path: "/live/other/whep", body: offer, headers: []string{sdpBody}, status: 503, says: "has just begun"},
		{name: "nothing fits", method: "POST", path: "/live/a/cam/whep", body: audioOnly, headers: []string{sdpBody}, status: 406, says: "audio track 0 (aac)"},
		{name: "strict", method: "POST", path: "/live/a/cam/whep", body: offer, headers: []string{sdpBody, "Prefer: wait=1, handling=strict"}, status: 406, says: "audio track 0 (aac)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, text := h.request(t, c.method, c.path, c.body, c.headers...)
			if answer.StatusCode != c.status || !strings.Contains(text, c.says) || answer.Header.Get("Content-Type") != "application/problem+json" ||
				answer.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%d %v\n%s\nwant %d %q", answer.StatusCode, answer.Header, text, c.status, c.says)
			}
		})
	}
	h.set(func() { h.refusal = &Refusal{Status: 401, Sentence: "A token is needed.", Bearer: true} })
	if answer, text := h.request(t, "POST", "/live/a/cam/whep", "x"); answer.StatusCode != 401 || answer.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	h.set(func() { h.refusal = fmt.Errorf("the disk is full of secrets") })
	if answer, text := h.request(t, "POST", "/live/a/cam/whep", "x"); answer.StatusCode != 500 || strings.Contains(text, "secret") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	answer, _ := h.request(t, "OPTIONS", "/live/a/cam/whep", "", "Origin: https://elsewhere.example", "Access-Control-Request-Method: POST")
	if answer.StatusCode != 204 || answer.Header.Get("Access-Control-Allow-Methods") != "POST, PATCH, DELETE, OPTIONS" ||
		!strings.Contains(answer.Header.Get("Access-Control-Allow-Headers"), "Authorization") || answer.Header.Get("Accept-Post") != "application/sdp" {
		t.Errorf("OPTIONS: %d %v", answer.StatusCode, answer.Header)
	}
}

// TestFlood: offers whose clients never connect are bounded for each address and in all, and end by themselves.
func TestFlood(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.server.connectTime = patience
	h.publish(t, only(mediatest.AVC(time.Second), media.Video)...)
	text, err := os.ReadFile("testdata/chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	post := func() int {
		answer, _ := h.request(t, "POST", "/live/a/cam/whep", string(text), sdpBody)
		return answer.StatusCode
	}
	for range maxPendingFrom {
		if status := post(); status != http.StatusCreated {
			t.Fatal(status)
		}
	}
	if status := post(); status != http.StatusTooManyRequests {
		t.Errorf("beyond what an address may have: %d", status)
	}
	h.set(func() { h.sessions, h.from = maxPendingFrom, netip.MustParseAddr("127.0.0.2") })
	if status := post(); status != http.StatusServiceUnavailable {
		t.Errorf("beyond what the server takes: %d", status)
	}
	h.server.mu.Lock()
	for _, x := range h.server.sessions {
		x.end(ErrLost)
	}
	h.server.mu.Unlock()
	h.set(func() { h.sessions = 0 })
	for range 2 {
		h.over(t) // the two that were refused
	}
	for range maxPendingFrom {
		if end := h.over(t); end.stats.Packets != 0 {
			t.Errorf("ended: %+v", end)
		}
	}
	h.server.running.Wait() // a session gives its place back after it has said that it is over
	h.server.mu.Lock()
	defer h.server.mu.Unlock()
	if len(h.server.from) != 0 || h.server.pending != 0 || h.server.count != 0 {
		t.Errorf("left: %v, %d pending, %d in all", h.server.from, h.server.pending, h.server.count)
	}
}

// TestNeverConnected: a session whose client does not come ends after its time.
func TestNeverConnected(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.server.connectTime = 50 * time.Millisecond
	h.publish(t, only(mediatest.AVC(time.Second), media.Video)...)
	text, err := os.ReadFile("testdata/chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	if answer, text := h.request(t, "POST", "/live/a/cam/whep", string(text), sdpBody); answer.StatusCode != http.StatusCreated {
		t.Fatal(answer.StatusCode, text)
	}
	if end := h.over(t); end.reason != "the client has gone, or never came" {
		t.Errorf("ended: %+v", end)
	}
}

// TestGarbage: what is sent to the port by others, and garbage in the session's own path, changes nothing for a viewer.
func TestGarbage(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	pictures := only(mediatest.AVC(4*time.Second), media.Video)
	pub := h.publish(t, pictures[:1+25]...)
	p := newPeer(t, h264)
	p.receive(t, video)
	_, text := h.request(t, http.MethodPost, "/live/a/cam/whep", p.offer(t), sdpBody)
	p.answer(t, text)
	track := p.track(t, video)
	readFrames(t, track, &codecs.H264Packet{IsAVC: true}, 5)

	c, err := net.Dial("udp", h.server.UDP().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stun := append([]byte{0, 1, 0, 20, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	stun = append(stun, 0, 6, 0, 9, 'a', 'b', 'c', 'd', ':', 'e', 'f', 'g', 'h', 0, 0, 0)
	for _, garbage := range [][]byte{
		{},
		{0},
		{0xff},
		stun, stun[:20], stun[:9], bytes.Repeat([]byte{0}, 60_000),
		{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, // DTLS
		{0x80, 102, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5},       // RTP
		{0x80, 200, 0xff, 0xff},                            // RTCP
	} {
		for range 20 {
			if _, err := c.Write(garbage); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(t, pub, pictures[1+25:]...)
	readFrames(t, track, &codecs.H264Packet{IsAVC: true}, 60)
}

// TestListen: ports that are taken are said.
func TestListen(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.TCP, c.Public = "127.0.0.1:0", []netip.Addr{netip.MustParseAddr("203.0.113.7")} })
	cfg := h.server.cfg
	cfg.UDP = h.server.UDP().String()
	if _, err := Listen(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "cannot listen on "+cfg.UDP+" for WebRTC over UDP") {
		t.Errorf("UDP: %v", err)
	}
	cfg.UDP, cfg.TCP = "127.0.0.1:0", h.server.tcp.Addr().String()
	if _, err := Listen(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "cannot listen on "+cfg.TCP+" for WebRTC over TCP") {
		t.Errorf("TCP: %v", err)
	}
	h.publish(t, only(mediatest.AVC(time.Second), media.Video)...)
	p := newPeer(t, h264)
	p.receive(t, video)
	_, text := h.request(t, "POST", "/live/a/cam/whep", p.offer(t), sdpBody)
	for _, want := range []string{" udp ", " tcp ", "203.0.113.7 ", "127.0.0.1 ", "a=ice-lite"} {
		if !strings.Contains(text, want) {
			t.Errorf("the answer lacks %q:\n%s", want, text)
		}
	}
}
