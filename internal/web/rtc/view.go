package rtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"leat/live"
	"leat/media"
)

// warnReordered is what a viewer is told of a stream with B-frames.
const warnReordered = "The video has B-frames, which WebRTC does not put into order: pictures may jump. Turn B-frames off in the encoder, or play another way."

// errOrder is why a strict client gets no stream with B-frames.
const errOrder = "The video has B-frames, which WebRTC does not put into order. Play it as .m3u8, .flv or over RTMP, or turn B-frames off in the encoder."

// view begins a session in which a stream is played, in a goroutine that ends with it. With an error nothing is left behind.
func (s *Server) view(ctx context.Context, t target, who *Viewing, o *offer, strict bool) (*session, error) {
	tracks, err := look(ctx, s.cfg.Hub, who.Key)
	if err != nil {
		return nil, err
	}
	want, err := choose(o, tracks)
	if err != nil {
		return nil, err
	}
	unordered := want.video != nil && reordered(s.cfg.Hub, who.Key, want.video.track.Track)
	switch {
	case strict && len(want.leftOut) > 0:
		return nil, cannotCarry(want.leftOut)
	case strict && unordered:
		return nil, refuse(http.StatusNotAcceptable, errOrder)
	}
	place, err := s.reserve(who.Remote)
	if err != nil {
		return nil, err
	}
	v := &viewer{server: s, who: who}
	if err := v.begin(place, t, o, want); err != nil {
		place.release()
		return nil, err
	}
	x := v.session
	if len(want.leftOut) > 0 {
		x.leftOut = want.leftOut
		who.Logger.Info("WebRTC cannot carry all of the stream to this client", "left_out", strings.Join(want.leftOut, ", "))
	}
	if unordered {
		x.warning = warnReordered
		who.Logger.Info("the video has B-frames, which WebRTC does not put into order; turn them off in the encoder")
	}
	who.Accepted()
	go func() { // ends with the session; Server.running waits for it
		defer place.release()
		err := v.run()
		s.leave(x)
		x.close()
		who.Ended(endText(err), v.stats())
	}()
	return x, nil
}

// viewer is a peer that a stream is played to.
type viewer struct {
	server  *Server
	who     *Viewing
	session *session
	lanes   []*lane

	begun       bool
	pace        pacer
	origin      time.Time     // the moment that the sender reports give to start
	start       time.Duration // on the stream's timeline
	reported    time.Time
	packets     atomic.Uint64
	bytes       atomic.Uint64
	skipped     atomic.Uint64
	keyRequests atomic.Uint64
}

// lane is one track on its way to the peer.
type lane struct {
	kind    media.Kind
	number  uint8
	codec   media.FourCC
	out     *webrtc.TrackLocalStaticRTP
	ssrc    uint32
	packets *packetizer

	count, bytes uint32 // for sender reports, which count so
	last         time.Duration
	sent         bool

	narrow  atomic.Bool // the path loses too much
	waiting bool        // for a key frame
}

func (v *viewer) begin(place *place, t target, o *offer, want *wanted) error {
	codecs, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	for _, c := range []*carried{want.video, want.audio} {
		if c != nil {
			if err := register(codecs, c.codec, c.as); err != nil {
				return err
			}
		}
	}
	responder, err := nack.NewResponderInterceptor(nack.ResponderSize(resendable))
	if err != nil {
		return err
	}
	registry.Add(responder)
	if v.session, err = v.server.newSession(place, t, o, codecs, registry); err != nil {
		return err
	}
	x := v.session
	x.viewer = v
	for _, c := range []*carried{want.video, want.audio} {
		if c != nil && err == nil {
			err = v.addLane(c)
		}
	}
	if err == nil {
		err = x.negotiate(o)
	}
	if err == nil && !v.server.enter(x) {
		err = refuse(http.StatusServiceUnavailable, "The server is shutting down.")
	}
	if err != nil {
		x.close()
		return err
	}
	return nil
}

// resendable is how many packets of a track are kept for a peer that has lost some.
const resendable = 1024

func (v *viewer) addLane(c *carried) error {
	out, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: c.codec.mime, ClockRate: c.codec.clock, SDPFmtpLine: c.as.fmtp, Channels: c.as.channels},
		c.track.Kind.String(), "leat")
	if err != nil {
		return err
	}
	transceiver, err := v.session.pc.AddTransceiverFromTrack(out, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	sender := transceiver.Sender()
	l := &lane{
		kind: c.track.Kind, number: c.track.Track, codec: c.codec.codec, out: out,
		ssrc: uint32(sender.GetParameters().Encodings[0].SSRC), packets: newPacketizer(c.codec),
	}
	v.lanes = append(v.lanes, l)
	v.session.loops.Go(func() { v.listen(l, sender) })
	return nil
}

// tooMuch is the share of lost packets, in 256ths, at which a path is too narrow for the video.
const tooMuch = 64

// listen hears how the peer fares: it counts its wishes for key frames, and takes note of a path that loses too much. What was lost
// the interceptors send again on the way.
func (v *viewer) listen(l *lane, sender *webrtc.RTPSender) {
	for {
		reports, _, err := sender.ReadRTCP()
		if err != nil {
			return // the connection has ended
		}
		for _, report := range reports {
			switch report := report.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				v.keyRequests.Add(1)
			case *rtcp.ReceiverReport:
				l.heard(report.Reports)
			case *rtcp.SenderReport:
				l.heard(report.Reports)
			}
		}
	}
}

func (l *lane) heard(reports []rtcp.ReceptionReport) {
	for _, r := range reports {
		if r.SSRC == l.ssrc && r.FractionLost >= tooMuch {
			l.narrow.Store(true)
		}
	}
}

// errOtherCodec ends a session whose stream has changed.
var errOtherCodec = errors.New("the publisher has changed codecs")

// run sends the stream until it is over or the peer has gone.
func (v *viewer) run() error {
	x := v.session
	if err := x.connect(); err != nil {
		return err
	}
	sub := v.server.cfg.Hub.Subscribe(v.who.Key, &live.SubscribeOptions{Name: "webrtc viewer"})
	defer sub.Close()
	for {
		item, err := sub.Next(x.over)
		if err != nil {
			return x.why(err)
		}
		if item.Event == live.EventSkipped {
			v.skipped.Add(uint64(item.Skipped))
		}
		if item.Packet == nil {
			continue
		}
		if err := v.send(item.Packet); err != nil {
			return x.why(err)
		}
	}
}

func (v *viewer) send(p *media.Packet) error {
	l := v.laneOf(p)
	switch {
	case l == nil:
		return nil
	case p.Codec != l.codec:
		return errOtherCodec
	case l.isPast(p):
		return nil
	}
	if l.skips(p) {
		v.skipped.Add(1)
		return nil
	}
	packets, err := l.packets.packets(p)
	if err != nil {
		v.who.Logger.Debug("a packet was left out", "kind", p.Kind.String(), "err", err)
		return nil
	}
	if len(packets) == 0 {
		return nil
	}
	for _, packet := range packets {
		if err := v.pace.wait(v.session.over); err != nil {
			return err
		}
		if err := l.out.WriteRTP(packet); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return fmt.Errorf("sending: %w", err)
		}
		v.packets.Add(1)
		v.bytes.Add(uint64(packet.MarshalSize()))
		l.count++
		l.bytes += uint32(len(packet.Payload))
	}
	l.last, l.sent = p.Timestamp+p.Offset, true
	if !v.begun {
		v.begun = true
		v.origin, v.start = time.Now(), l.last
		v.who.Begun()
	}
	return v.report()
}

// freshness is how old the sound may be that a viewer's stream begins with. The pictures since the key frame are needed; a browser
// shows them as fast as it can, and plays what it has of the sound at its own pace.
const freshness = 300 * time.Millisecond

// isPast reports whether a packet is sound from before the viewer came.
func (l *lane) isPast(p *media.Packet) bool {
	return l.kind == media.Audio && !l.sent && !p.Config && !p.Received.IsZero() && time.Since(p.Received) > freshness
}

// skips reports whether a packet is left out: video that a narrow path cannot take, up to the next key frame.
func (l *lane) skips(p *media.Packet) bool {
	if l.kind != media.Video || p.Config {
		return false
	}
	if l.narrow.Swap(false) {
		l.waiting = true
	}
	l.waiting = l.waiting && !p.Key
	return l.waiting
}

// laneOf returns where a packet goes; nil for tracks that are not sent and for what is no coded media.
func (v *viewer) laneOf(p *media.Packet) *lane {
	for _, l := range v.lanes {
		if l.kind == p.Kind && l.number == p.Track && len(p.Data) > 0 {
			return l
		}
	}
	return nil
}

// reportEvery is how often the peer is told what the clocks of the tracks have in common, besides at the beginning.
const reportEvery = time.Second

// report puts both tracks on one clock, that of the stream.
func (v *viewer) report() error {
	now := time.Now()
	if now.Sub(v.reported) < reportEvery {
		return nil
	}
	v.reported = now
	var reports []rtcp.Packet
	for _, l := range v.lanes {
		if !l.sent {
			v.reported = time.Time{} // the other track is to be told of as soon as it is there
			continue
		}
		reports = append(reports, &rtcp.SenderReport{
			SSRC: l.ssrc, NTPTime: ntp(v.origin.Add(l.last - v.start)), RTPTime: l.packets.timestamp(l.last),
			PacketCount: l.count, OctetCount: l.bytes,
		})
	}
	if err := v.session.pc.WriteRTCP(reports); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("reporting: %w", err)
	}
	return nil
}

// ntp returns a moment as sender reports have it: seconds since 1900 in 32.32 bits (RFC 3550 4).
func ntp(t time.Time) uint64 {
	const since1900 = 2208988800
	seconds := uint64(t.Unix() + since1900)
	return seconds<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

func (v *viewer) stats() Stats {
	return Stats{Packets: v.packets.Load(), Bytes: v.bytes.Load(), Skipped: v.skipped.Load(), KeyRequests: v.keyRequests.Load()}
}

// endText says why a session ended.
func endText(err error) string {
	switch {
	case errors.Is(err, live.ErrClosed), errors.Is(err, ErrClosed):
		return "the server is shutting down"
	case errors.Is(err, errDeleted):
		return "the client ended it"
	case errors.Is(err, io.EOF):
		return "the stream is over"
	case errors.Is(err, ErrLost):
		return "the client has gone, or never came"
	}
	return err.Error()
}
