package rtmp

import (
	"context"
	"errors"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// command dispatches a client's command (RTMP 7.2). What a client can make the server do takes constant time
// here; handlers run on goroutines of their own.
func (s *serverSide) command(ctx context.Context, c *Conn, m *chunk.Message, cmd *message.Command) error {
	if s.req == nil {
		if cmd.Name == "connect" {
			return s.connect(ctx, c, cmd)
		}
		return &ProtocolError{Reason: "the first command was " + quoted(cmd.Name) + ", not connect"}
	}
	switch cmd.Name {
	case "publish", "play", "play2":
		if s.mustAnswer() {
			return s.unproved(c, cmd.Name+" came before the answer to secureToken")
		}
		return s.streamCommand(ctx, c, m, cmd)
	case "createStream":
		st := s.createStream(c)
		if st == nil {
			return s.fail(c, cmd, CodeCallFailed, "The limit on streams of one connection is reached.")
		}
		return s.result(c, cmd, float64(st.id))
	case "deleteStream":
		id := m.StreamID
		if n, ok := number(arg(cmd, 0)); ok && n >= 0 && n <= 1<<32-1 {
			id = uint32(n)
		}
		s.deleteStream(id)
		return nil
	case "closeStream", "pause", "pauseRaw", "seek", "set_playlist", "step", "receiveAudio", "receiveVideo":
		return s.streamCommand(ctx, c, m, cmd)
	case "connect":
		return s.fail(c, cmd, CodeCallFailed, "This connection is connected already.")
	}
	return s.housekeeping(ctx, c, m, cmd)
}

// housekeeping answers the calls that clients make around publishing and playing. All of them are answered,
// none is required: who calls them waits for the answer, or not at all.
func (s *serverSide) housekeeping(ctx context.Context, c *Conn, m *chunk.Message, cmd *message.Command) error {
	name, _ := arg(cmd, 0).(string)
	switch cmd.Name {
	case "_checkbw", "checkBandwidth":
		err := s.result(c, cmd, amf.Undefined{})
		s.measureBandwidth(ctx, c, bandwidthDialectOf(cmd.Name))
		return err
	case "releaseStream", "initStream", "FCUnsubscribe",
		"NetStream.Authenticate.UsherToken", "onFCPublish", "onFCUnpublish", "onStatus", "_onbwdone":
		return s.result(c, cmd, amf.Undefined{})
	case "secureTokenResponse":
		return s.tokenAnswered(c, cmd)
	case "getStreamLength":
		return s.streamLength(ctx, c, cmd)
	case "FCPublish":
		return s.announce(c, cmd, "onFCPublish", Status{Level: LevelStatus, Code: string(CodePublishStart), Description: name})
	case "FCUnpublish":
		err := s.announce(c, cmd, "onFCUnpublish", Status{Level: LevelStatus, Code: string(CodeUnpublishSuccess), Description: "Stop publishing stream."})
		s.unpublish(c, m.StreamID, name) // its status comes last
		return err
	case "FCSubscribe":
		return s.announce(c, cmd, "onFCSubscribe", Status{Level: LevelStatus, Code: string(CodePlayStart), Description: "Started playing " + name + "."})
	case "ping":
		return c.send(0, &message.Command{Name: "pong", TransactionID: cmd.TransactionID})
	case "close":
		c.closeGently(&CloseReason{Side: SidePeer, Text: "the client sent close"})
		s.eachStream(func(st *serverStream) { st.stop(errStreamClosed) })
		return nil
	}
	return s.call(ctx, c, cmd)
}

// unpublish ends what this connection publishes under the name, and nothing of anybody else's.
func (s *serverSide) unpublish(c *Conn, msid uint32, name string) {
	plain, _, err := SplitName(name)
	if err != nil {
		c.logger.Debug("FCUnpublish ignored", "err", err)
		return
	}
	s.eachStream(func(st *serverStream) {
		if msid == 0 || st.id == msid {
			st.unpublish(plain)
		}
	})
}

// call hands a remote call to the application.
func (s *serverSide) call(ctx context.Context, c *Conn, cmd *message.Command) error {
	h, ok := s.srv.Handler.(CallHandler)
	if !ok {
		h = nil
	}
	c.serveCall(ctx, h, cmd)
	return nil
}

// result answers a command; transaction ID 0 asked for no answer.
func (s *serverSide) result(c *Conn, cmd *message.Command, value any) error {
	if cmd.TransactionID == 0 {
		return nil
	}
	return c.send(0, &message.Command{AMF3: cmd.AMF3 && c.amf3.Load(), Name: "_result", TransactionID: cmd.TransactionID, Args: []any{value}})
}

func (s *serverSide) fail(c *Conn, cmd *message.Command, code Code, description string) error {
	return s.errorResponse(c, cmd, Refuse(code, "%s", description))
}

func (s *serverSide) errorResponse(c *Conn, cmd *message.Command, e *StatusError) error {
	if cmd.TransactionID == 0 {
		return nil
	}
	return c.send(0, &message.Command{AMF3: cmd.AMF3 && c.amf3.Load(), Name: "_error", TransactionID: cmd.TransactionID, Args: []any{e.Object()}})
}

// announce answers the FC calls, whose news travels in a call of its own.
func (s *serverSide) announce(c *Conn, cmd *message.Command, method string, st Status) error {
	return errors.Join(
		c.send(0, &message.Command{Name: method, Args: []any{st.Object()}}),
		s.result(c, cmd, amf.Undefined{}),
	)
}

// arg returns an argument of a command, nil when it is absent.
func arg(cmd *message.Command, i int) any {
	if i < len(cmd.Args) {
		return cmd.Args[i]
	}
	return nil
}

// number reads what clients send where a number belongs.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, n == n // NaN counts as absent
	case int:
		return float64(n), true
	}
	return 0, false
}

// truth reads what clients send where a Boolean belongs.
func truth(v any) (value, ok bool) {
	if b, ok := v.(bool); ok {
		return b, true
	}
	n, ok := number(v)
	return n != 0, ok
}
