package rtmp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/wire/handshake"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

var noLimits amf.Limits

// clientSession is a server written by hand before a client. Its actions are the calls of the package:
//
//	dial URL [amf3]       call METHOD AMF…
//	publish NAME [bare]   audio MS HEX, video MS HEX, metadata MS AMF…
//	play NAME [START DURATION append]
//	play NAME librtmp [live] [playlist] [unstall] [subscribe=NAME] [usher=TOKEN]
//	toggle                Toggle of what is played so
//	pause true|false MS   seek MS   receiveAudio, receiveVideo true|false
//	end                   Close of what is published or played
//	close                 Close of the connection
//
// An action that blocks goes on while the script does.
type clientSession struct {
	wirePeer
	local net.Conn // the client's end
	wg    sync.WaitGroup

	mu        sync.Mutex
	conn      *rtmp.Conn
	publisher *rtmp.Publisher
	player    *rtmp.Player
}

func newClientSession() *clientSession {
	return &clientSession{wirePeer: newWirePeer()}
}

func (s *clientSession) open(t *testing.T) {
	t.Helper()
	s.local, s.nc = rtmptest.Pipe()
	hs := handshake.NewServer(handshake.ServerConfig{Time: func() uint32 { return 0 }})
	go s.read(hs) // ends when the client or close has closed the pipe
}

func (s *clientSession) action(t *testing.T, text string) {
	t.Helper()
	name, rest, _ := strings.Cut(text, " ")
	args := strings.Fields(rest)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	s.wg.Go(func() {
		defer cancel()
		if err := s.do(ctx, name, args, rest); err != nil {
			s.returned("%s: %s", name, firstLine(err))
		} else {
			s.returned("%s: done", name)
		}
	})
}

func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

var (
	errAction   = errors.New("there is no such action")
	errTooEarly = errors.New("there is nothing to do it with")
)

func (s *clientSession) do(ctx context.Context, name string, args []string, rest string) error {
	s.mu.Lock()
	conn, publisher, player := s.conn, s.publisher, s.player
	s.mu.Unlock()
	switch {
	case name == "dial":
		return s.dial(ctx, args)
	case conn == nil, player == nil && strings.Contains("pause toggle seek receiveAudio receiveVideo", name),
		publisher == nil && strings.Contains("audio video metadata", name):
		return errTooEarly
	}
	switch name {
	case "call":
		body, err := parseAMF(strings.Join(args[1:], " "))
		if err != nil {
			return err
		}
		values, err := amf.Decode(body, noLimits)
		if err != nil {
			return err
		}
		v, err := conn.Call(ctx, args[0], values...)
		if err == nil {
			s.saw("%s returned %v", args[0], v)
		}
		return err
	case "publish":
		p, err := conn.Publish(ctx, args[0], &rtmp.PublishOptions{Bare: len(args) > 1})
		s.set(func() { s.publisher = p })
		return err
	case "audio", "video", "metadata":
		return s.writePacket(ctx, publisher, name, args)
	case "play":
		return s.play(ctx, conn, args)
	case "toggle":
		done, err := player.Toggle(ctx)
		s.saw("toggled: %v, stalled at %v", done, player.StalledAt())
		return err
	case "pause":
		return player.Pause(args[0] == "true", milliseconds(args[1]))
	case "seek":
		return player.Seek(milliseconds(args[0]))
	case "receiveAudio":
		return player.ReceiveAudio(args[0] == "true")
	case "receiveVideo":
		return player.ReceiveVideo(args[0] == "true")
	case "end":
		if publisher != nil {
			return publisher.Close()
		}
		return player.Close()
	case "close":
		return conn.Close()
	}
	return fmt.Errorf("%w: %s %s", errAction, name, rest)
}

func (s *clientSession) set(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
}

func milliseconds(text string) time.Duration {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err) // in a file of ours
	}
	return time.Duration(n) * time.Millisecond
}

func (s *clientSession) dial(ctx context.Context, args []string) error {
	cfg := &rtmp.DialConfig{
		Dial:    func(context.Context, string, string) (net.Conn, error) { return s.local, nil },
		Timeout: 5 * time.Second,
		Limits:  rtmp.Limits{HandshakeTimeout: 10 * time.Second}, // another time: one of the two comes first
	}
	if len(args) > 1 {
		cfg.ObjectEncoding = 3
	}
	conn, err := rtmp.Dial(ctx, args[0], cfg)
	if err != nil {
		return err
	}
	s.set(func() { s.conn = conn })
	s.wg.Go(func() {
		<-conn.Done()
		r := conn.CloseReason()
		s.closed("%s: %s", r.Side, r.Text)
	})
	return nil
}

func (s *clientSession) play(ctx context.Context, conn *rtmp.Conn, args []string) error {
	o := &rtmp.PlayOptions{}
	switch {
	case len(args) > 1 && args[1] == "librtmp":
		librtmpOptions(o, args[2:])
	case len(args) > 1:
		o.Start, o.Duration, o.Append = milliseconds(args[1]), milliseconds(args[2]), len(args) > 3
	}
	p, err := conn.Play(ctx, args[0], o)
	if err != nil {
		return err
	}
	s.set(func() { s.player = p })
	s.wg.Go(func() {
		for {
			pkt, err := p.ReadPacket(context.WithoutCancel(ctx))
			if err != nil {
				s.saw("play ended: %v", err)
				return
			}
			s.saw("%s", describePacket(pkt))
		}
	})
	return nil
}

// librtmpOptions reads what stands behind librtmp in a play action.
func librtmpOptions(o *rtmp.PlayOptions, words []string) {
	o.LibRTMP, o.Recorded = &rtmp.LibRTMPPlay{}, true
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "live":
			o.Start = rtmp.StartLive
		case "playlist":
			o.LibRTMP.Playlist = true
		case "unstall":
			o.LibRTMP.Unstall = true
		case "subscribe":
			o.LibRTMP.Subscribe = value
		case "usher":
			o.LibRTMP.UsherToken = value
		}
	}
}

func (s *clientSession) writePacket(ctx context.Context, p *rtmp.Publisher, name string, args []string) error {
	pkt := &media.Packet{Timestamp: milliseconds(args[0])}
	text := strings.Join(args[1:], " ")
	m, err := parseMessage(name + " " + text)
	if name == "metadata" {
		m, err = parseMessage(`data "onMetaData" ` + text)
		pkt.Config, pkt.Name = true, "onMetaData"
	}
	if err != nil {
		return err
	}
	pkt.Body = m.Body
	pkt.Kind = map[string]media.Kind{"audio": media.Audio, "video": media.Video, "metadata": media.Data}[name]
	return p.WritePacket(ctx, pkt)
}

func (s *clientSession) close(t *testing.T) {
	t.Helper()
	s.nc.Close()
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	s.wg.Wait()
	<-s.ended
}
