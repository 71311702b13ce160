package rtc

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"leat/live"
	"leat/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

var (
	cam       = media.Key{App: "live", Name: "a/cam"}
	localhost = netip.MustParseAddr("127.0.0.1")
)

// house is a hub with a server behind HTTP, and its gate.
type house struct {
	hub    *live.Hub
	server *Server
	url    string
	ended  chan ending // what has become of viewers; has room for many

	mu       sync.Mutex
	refusal  error // of the gate
	sessions int
	from     netip.Addr
}

// ending is the end of a viewer.
type ending struct {
	reason string
	stats  Stats
}

func newHouse(t *testing.T, tweak func(*Config)) *house {
	t.Helper()
	h := &house{hub: live.NewHub(nil), ended: make(chan ending, 1000), from: localhost}
	cfg := Config{
		Hub: h.hub, Gate: h, Logger: slog.New(slog.DiscardHandler), UDP: "127.0.0.1:0",
		Sessions: func() int {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.sessions
		},
		ICEServers: func() []ICEServer {
			return []ICEServer{{URI: "stun:stun.example.org"}, {URI: "turn:turn.example.org", User: "viewer", Password: `hu"sh`}}
		},
	}
	if tweak != nil {
		tweak(&cfg)
	}
	var err error
	if h.server, err = Listen(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	door := httptest.NewServer(h.server)
	h.url = door.URL
	t.Cleanup(func() {
		h.hub.Close()
		if err := h.server.Close(); err != nil {
			t.Error(err)
		}
		door.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return h
}

// Play is the gate of viewers.
func (h *house) Play(_ *http.Request, app, name string) (*Viewing, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusal != nil {
		return nil, h.refusal
	}
	return &Viewing{
		Key: media.Key{App: app, Name: name}, Remote: h.from, Logger: slog.New(slog.DiscardHandler),
		Accepted: func() {}, Begun: func() {},
		Ended: func(reason string, stats Stats) { h.ended <- ending{reason, stats} },
	}, nil
}

// Publish is the gate of publishers. What they send goes into the hub, and the end of it is told.
func (h *house) Publish(_ *http.Request, app, name string) (*Publishing, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusal != nil {
		return nil, h.refusal
	}
	return &Publishing{
		Remote: h.from, Logger: slog.New(slog.DiscardHandler),
		Run: func(ctx context.Context, from media.Reader) error {
			pub, err := h.hub.Publish(media.Key{App: app, Name: name}, nil)
			if err != nil {
				return refuse(http.StatusConflict, "It is being published.")
			}
			_, err = media.Copy(ctx, pub, from)
			pub.Close(err == nil)
			h.ended <- ending{reason: fmt.Sprint(err)}
			return nil
		},
		Refused: func(reason string) { h.ended <- ending{reason: reason} },
	}, nil
}

func (h *house) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// over waits for the end of a viewer.
func (h *house) over(t *testing.T) ending {
	t.Helper()
	select {
	case e := <-h.ended:
		return e
	case <-time.After(patience):
		t.Fatal("the viewer did not end")
		panic("unreachable")
	}
}

// publish makes packets live.
func (h *house) publish(t *testing.T, packets ...*media.Packet) *live.Publication {
	t.Helper()
	pub, err := h.hub.Publish(cam, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, pub, packets...)
	return pub
}

func write(t *testing.T, pub *live.Publication, packets ...*media.Packet) {
	t.Helper()
	for _, p := range packets {
		if err := pub.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

// request sends a request about path; headers are "Name: value".
func (h *house) request(t *testing.T, method, path, body string, headers ...string) (answer *http.Response, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	if answer, err = http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(b)
}

const sdpBody = "Content-Type: application/sdp"

// peer is a client of WebRTC.
type peer struct {
	*webrtc.PeerConnection
	connected chan struct{}
	tracks    chan *webrtc.TrackRemote // has room for all
}

// newPeer returns one that knows codecs. The loopback is all that it uses.
func newPeer(t *testing.T, codecs ...webrtc.RTPCodecParameters) *peer {
	t.Helper()
	engine := &webrtc.MediaEngine{}
	for _, c := range codecs {
		kind := webrtc.RTPCodecTypeVideo
		if strings.HasPrefix(c.MimeType, "audio/") {
			kind = webrtc.RTPCodecTypeAudio
		}
		if err := engine.RegisterCodec(c, kind); err != nil {
			t.Fatal(err)
		}
	}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return strings.HasPrefix(name, "lo") })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(&interceptor.Registry{})).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pc.GracefulClose(); err != nil {
			t.Error(err)
		}
	})
	p := &peer{PeerConnection: pc, connected: make(chan struct{}), tracks: make(chan *webrtc.TrackRemote, 8)}
	var once sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(p.connected) })
		}
	})
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.tracks <- track })
	return p
}

// offer returns the peer's offer with its candidates.
func (p *peer) offer(t *testing.T) string {
	t.Helper()
	offer, err := p.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(p.PeerConnection)
	if err := p.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return p.LocalDescription().SDP
}

// receive makes the peer want tracks of these kinds.
func (p *peer) receive(t *testing.T, kinds ...webrtc.RTPCodecType) {
	t.Helper()
	for _, kind := range kinds {
		if _, err := p.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
}

// answer takes the answer and waits for the connection.
func (p *peer) answer(t *testing.T, text string) {
	t.Helper()
	if err := p.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.connected:
	case <-time.After(patience):
		t.Fatal("no connection")
	}
}

// track waits for one of that kind.
func (p *peer) track(t *testing.T, kind webrtc.RTPCodecType) *webrtc.TrackRemote {
	t.Helper()
	for {
		select {
		case track := <-p.tracks:
			if track.Kind() == kind {
				return track
			}
			p.tracks <- track
		case <-time.After(patience):
			t.Fatalf("no %v", kind)
		}
	}
}

var (
	h264 = webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}},
		}, PayloadType: 102,
	}
	av1 = webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeAV1, ClockRate: 90000}, PayloadType: 45,
	}
	opus = webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111,
	}
)

const (
	audio = webrtc.RTPCodecTypeAudio
	video = webrtc.RTPCodecTypeVideo
)

// only returns the packets of these kinds that are no metadata.
func only(packets []*media.Packet, kinds ...media.Kind) []*media.Packet {
	return slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool { return !slices.Contains(kinds, p.Kind) })
}

// join puts two streams on one timeline.
func join(a, b []*media.Packet) []*media.Packet {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(a, b *media.Packet) int { return int(a.Timestamp - b.Timestamp) })
	return all
}
