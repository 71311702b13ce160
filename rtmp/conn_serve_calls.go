package rtmp

import (
	"context"
	"errors"

	"leat/amf"
	"leat/internal/wire/message"
)

// serveCall lets a handler answer a call of the peer, on a goroutine that the connection waits for at its end. A nil
// handler has no methods.
func (c *Conn) serveCall(ctx context.Context, h CallHandler, cmd *message.Command) {
	if h == nil {
		c.answer(cmd, nil, Refuse(CodeCallFailed, "Method not found (%s).", printable(cmd.Name)))
		return
	}
	if c.serving.Add(1) > int64(c.limits.PendingCalls) {
		c.serving.Add(-1)
		c.answer(cmd, nil, Refuse(CodeCallFailed, "Too many calls of this connection are under way."))
		return
	}
	c.life.use()
	c.wg.Go(func() {
		defer c.life.release()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer c.recovered("serving a call")
		call := &Call{Name: cmd.Name, Object: cmd.Object, Args: cmd.Args, NoReply: cmd.TransactionID == 0}
		result, err := h.ServeCall(ctx, c, call)
		c.serving.Add(-1) // before the answer, after which the peer may call again
		if err != nil {
			c.answer(cmd, nil, asStatus(c, err, CodeCallFailed))
			return
		}
		c.answer(cmd, result, nil)
	})
}

// answer sends _result or _error; transaction ID 0 asked for neither (RTMP 7.2.1.2). A result that has no AMF form is the
// handler's mistake, of which the caller must hear too: it waits.
func (c *Conn) answer(cmd *message.Command, result any, e *StatusError) {
	if cmd.TransactionID == 0 {
		return
	}
	reply := &message.Command{AMF3: cmd.AMF3 && c.amf3.Load(), Name: "_result", TransactionID: cmd.TransactionID, Args: []any{result}}
	if e != nil {
		reply.Name, reply.Args = "_error", []any{e.Object()}
	}
	err := c.sendCommand(0, reply)
	if _, ok := errors.AsType[*amf.EncodeError](err); ok {
		c.logger.Error("the result of a call cannot be sent", "method", printable(cmd.Name), "err", err)
		reply.Name, reply.Args = "_error", []any{Refuse(CodeCallFailed, "The result has no form that could be sent.").Object()}
		err = c.send(0, reply)
	}
	if err != nil {
		c.logger.Debug("answer to a call not sent", "method", printable(cmd.Name), "err", err)
	}
}

// sendCommand is send for a command whose arguments somebody else chose. What only AMF3 has is sent as AMF3, in message
// type 17, if object encoding 3 was agreed; otherwise the error is an *amf.EncodeError.
func (c *Conn) sendCommand(streamID uint32, cmd *message.Command) error {
	err := c.send(streamID, cmd)
	if _, ok := errors.AsType[*amf.EncodeError](err); !ok || !c.amf3.Load() || errors.Is(err, amf.ErrLimit) {
		return err
	}
	wrapped := *cmd
	wrapped.AMF3 = true
	wrapped.Args = make([]any, len(cmd.Args))
	for i, v := range cmd.Args {
		wrapped.Args[i] = v
		if _, err := amf.Append(nil, v); err != nil {
			wrapped.Args[i] = amf.AVMPlus{Value: v}
		}
	}
	return c.send(streamID, &wrapped)
}
