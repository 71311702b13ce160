package rtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"leat/media"
)

// maxQueue is how many packets of a publisher may wait for who reads them. When there are more, the peer's wait, in a buffer of the
// library that is bounded too.
const maxQueue = 256

// How often a publisher is asked for a key frame.
const (
	askEvery  = 500 * time.Millisecond // while none can be shown without
	keysEvery = 2 * time.Second        // otherwise: browsers send hardly any by themselves, and newcomers wait for them
)

// receive begins a session in which a stream is published, in goroutines that end with it. With an error nothing is left behind.
func (s *Server) receive(t target, who *Publishing, o *offer) (*session, error) {
	place, err := s.reserve(who.Remote)
	if err != nil {
		who.Refused(err.Error())
		return nil, err
	}
	p, err := s.newPublisher(place, who, t, o)
	if err != nil {
		place.release()
		who.Refused(err.Error())
		return nil, err
	}
	x := p.session
	ended := make(chan error, 1)
	go func() { // ends with the session; Server.running waits for it
		defer place.release()
		err := who.Run(x.over, p)
		s.leave(x)
		x.end(io.EOF)
		x.close()
		ended <- err
	}()
	select {
	case <-p.accepted:
	case err := <-ended:
		if err == nil {
			err = refuse(http.StatusServiceUnavailable, "The stream was not taken.")
		}
		return nil, err
	}
	x.loops.Go(func() {
		if err := x.connect(); err != nil {
			x.end(err)
		}
	})
	return x, nil
}

// publisher is a peer that publishes. It is a media.Reader of what it sends.
type publisher struct {
	session  *session
	log      func(text string, args ...any)
	queue    chan *media.Packet
	accepted chan struct{} // closed by the first ReadPacket
	once     sync.Once

	mu     sync.Mutex
	clocks clocks
	audio  bool // the track is there; others of its kind are left out
	video  bool
}

// newPublisher answers the offer. With an error nothing is left behind.
func (s *Server) newPublisher(place *place, who *Publishing, t target, o *offer) (*publisher, error) {
	codecs, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	leftOut, err := acceptable(codecs, o)
	if err != nil {
		return nil, err
	}
	generator, err := nack.NewGeneratorInterceptor()
	if err != nil {
		return nil, err
	}
	registry.Add(generator)
	if err := errors.Join(webrtc.ConfigureRTCPReports(registry), webrtc.ConfigureTWCCSender(codecs, registry)); err != nil {
		return nil, err
	}
	x, err := s.newSession(place, t, o, codecs, registry)
	if err != nil {
		return nil, err
	}
	p := &publisher{session: x, log: who.Logger.Debug, queue: make(chan *media.Packet, maxQueue), accepted: make(chan struct{})}
	p.clocks.video.rate, p.clocks.audio.rate = videoClock, opusClock
	x.leftOut = leftOut
	x.pc.OnTrack(p.onTrack)
	if err = x.negotiate(o); err == nil && !s.enter(x) {
		err = refuse(http.StatusServiceUnavailable, "The server is shutting down.")
	}
	if err != nil {
		x.close()
		return nil, err
	}
	return p, nil
}

// acceptable registers the best codec of each kind that the peer has. The error is a *Refusal when there is none.
func acceptable(m *webrtc.MediaEngine, o *offer) (leftOut []string, err error) {
	found := map[webrtc.RTPCodecType]bool{}
	for i := range knownCodecs {
		k := &knownCodecs[i]
		as := o.fit(k, nil)
		if as == nil || found[k.kind()] {
			continue
		}
		found[k.kind()] = true
		if err := register(m, k, as); err != nil {
			return nil, err
		}
	}
	for _, c := range o.codecs {
		if !found[webrtc.NewRTPCodecType(c.kind)] {
			leftOut = append(leftOut, fmt.Sprintf("%s (%s)", c.kind, c.name))
		}
	}
	if len(found) == 0 {
		return nil, &Refusal{
			Status: http.StatusNotAcceptable, LeftOut: leftOut,
			Sentence: "None of the codecs of the offer can be published over WebRTC here: it takes H.264 (packetization-mode=1), HEVC, AV1, VP9, VP8 and Opus.",
		}
	}
	return leftOut, nil
}

// ReadPacket returns what the peer sends next. The error is io.EOF when it has ended the stream, ErrLost when it has gone
// without a word, ErrClosed when the server is closed, or ctx's cause.
func (p *publisher) ReadPacket(ctx context.Context) (*media.Packet, error) {
	p.once.Do(func() { close(p.accepted) })
	x := p.session
	select {
	case packet := <-p.queue:
		return packet, nil
	case <-x.over.Done():
	case <-ctx.Done():
	}
	select {
	case packet := <-p.queue: // it came before the end
		return packet, nil
	default:
	}
	err := context.Cause(ctx)
	if x.over.Err() != nil {
		err = context.Cause(x.over)
	}
	if errors.Is(err, errDeleted) {
		err = io.EOF
	}
	return nil, err
}

// onTrack takes the first track of each kind. The library calls it on a goroutine of its own for each, which it waits for.
func (p *publisher) onTrack(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	var k *knownCodec
	for i := range knownCodecs {
		if knownCodecs[i].mime == remote.Codec().MimeType {
			k = &knownCodecs[i]
		}
	}
	if k == nil || !p.take(k) {
		return
	}
	track := &received{
		from: p, remote: remote, codec: k, clock: &p.clocks.video,
		frames: assembler{depacketizer: k.depacketizer, whole: k.codec == media.CodecOpus}, framer: framer{codec: k.codec},
	}
	if k.codec == media.CodecOpus {
		track.clock = &p.clocks.audio
	}
	p.session.loops.Go(func() { track.listen(receiver) })
	p.session.loops.Go(track.run)
}

func (p *publisher) take(k *knownCodec) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	there := &p.video
	if k.codec == media.CodecOpus {
		there = &p.audio
	}
	if *there {
		return false
	}
	*there = true
	return true
}

// received is a track on its way from the peer.
type received struct {
	from   *publisher
	remote *webrtc.TrackRemote
	codec  *knownCodec
	clock  *clock // guarded by from.mu
	order  reorderer
	frames assembler
	framer framer

	decodable bool // a key frame has come, and nothing was lost since
	asked     time.Time
	lastKey   time.Time
	packets   []*media.Packet
}

// listen hears of the peer's clock. It ends with the connection.
func (t *received) listen(receiver *webrtc.RTPReceiver) {
	for {
		reports, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		for _, report := range reports {
			if sr, ok := report.(*rtcp.SenderReport); ok && sr.SSRC == uint32(t.remote.SSRC()) {
				t.from.mu.Lock()
				t.clock.report(sr.NTPTime, sr.RTPTime)
				t.from.mu.Unlock()
			}
		}
	}
}

// run reads until the connection ends.
func (t *received) run() {
	for {
		packet, _, err := t.remote.ReadRTP()
		if err != nil {
			return
		}
		now := time.Now()
		if t.codec.codec != media.CodecOpus {
			t.askForKey(now)
		}
		t.order.push(packet, now, func(p *rtp.Packet, missing bool) {
			whole := t.frames.add(p, missing, func(frame []byte, at uint32) { t.deliver(frame, at, now) })
			if !whole {
				t.decodable = false
			}
		})
	}
}

// deliver hands a frame on.
func (t *received) deliver(frame []byte, timestamp uint32, now time.Time) {
	p := t.from
	p.mu.Lock()
	at := p.clocks.place(t.clock, timestamp, now)
	p.mu.Unlock()
	var err error
	t.packets, err = t.framer.packets(t.packets[:0], frame, at)
	if err != nil {
		p.log("a frame was left out", "codec", t.codec.name, "err", err)
		t.decodable = false
		return
	}
	for _, packet := range t.packets {
		if packet.Key {
			t.decodable, t.lastKey = true, now
		}
		if packet.Kind == media.Video && !packet.Config && !t.decodable {
			continue
		}
		packet.Received = now
		select {
		case p.queue <- packet:
		case <-p.session.over.Done():
			return
		}
	}
}

// askForKey asks the peer for a key frame if one is due.
func (t *received) askForKey(now time.Time) {
	if t.decodable && now.Sub(t.lastKey) < keysEvery || now.Sub(t.asked) < askEvery {
		return
	}
	t.asked = now
	// Without it the next one comes later.
	_ = t.from.session.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.remote.SSRC())}})
}
