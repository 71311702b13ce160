package rtc

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// session is one peer.
type session struct {
	place  *place
	target target
	id     string // whoever knows it may end the session
	ufrag  string // of the peer

	pc        *webrtc.PeerConnection
	connected chan struct{} // closed when media can flow
	over      context.Context
	end       context.CancelCauseFunc
	loops     sync.WaitGroup // that read RTP and RTCP; they end with pc

	viewer  *viewer // nil for one that publishes
	answer  string
	leftOut []string
	warning string
}

// newSession makes a connection with the codecs that were chosen for it.
func (s *Server) newSession(p *place, t target, o *offer, codecs *webrtc.MediaEngine, interceptors *interceptor.Registry) (*session, error) {
	api := webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithInterceptorRegistry(interceptors), webrtc.WithSettingEngine(s.setting))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	x := &session{place: p, id: rand.Text(), ufrag: o.ufrag, pc: pc, connected: make(chan struct{})}
	x.target = t
	x.target.id = x.id
	x.over, x.end = context.WithCancelCause(context.Background())
	var once sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			once.Do(func() { close(x.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			x.end(ErrLost)
		}
	})
	return x, nil
}

// negotiate answers the offer. The error is a *Refusal when it is the offer's fault.
func (x *session) negotiate(o *offer) error {
	if err := x.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.text}); err != nil {
		return refuse(http.StatusBadRequest, "The offer cannot be used: %s.", short(err))
	}
	answer, err := x.pc.CreateAnswer(nil)
	if err != nil {
		return refuse(http.StatusBadRequest, "The offer cannot be answered: %s.", short(err))
	}
	gathered := webrtc.GatheringCompletePromise(x.pc)
	if err := x.pc.SetLocalDescription(answer); err != nil {
		return refuse(http.StatusBadRequest, "The offer cannot be answered: %s.", short(err))
	}
	select {
	case <-gathered: // there are only this machine's own addresses to gather
	case <-time.After(connectTime):
		return errors.New("the machine's addresses did not become known")
	}
	x.answer = x.pc.LocalDescription().SDP
	return nil
}

// short keeps what a library says of an offer to one line.
func short(err error) string {
	const most = 200
	text := []rune(err.Error())
	for i, r := range text {
		if r < ' ' {
			text[i] = ' '
		}
	}
	return string(text[:min(len(text), most)])
}

// connect waits until media can flow.
func (x *session) connect() error {
	ctx, cancel := context.WithTimeout(x.over, x.place.server.connectTime)
	defer cancel()
	select {
	case <-x.connected:
		x.place.connected()
		return nil
	case <-ctx.Done():
		if cause := context.Cause(x.over); cause != nil {
			return cause
		}
		return ErrLost
	}
}

// close ends the connection and waits for all that belongs to it.
func (x *session) close() {
	x.end(ErrClosed)
	// What it could not send any more is nobody's loss.
	_ = x.pc.GracefulClose()
	x.loops.Wait()
}

// why is the reason of a session's end: the cause of the context's if err is only that.
func (x *session) why(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Cause(x.over)
	}
	return err
}
