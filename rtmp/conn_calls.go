package rtmp

import (
	"context"
	"sync"

	"leat/amf"
	"leat/internal/wire/message"
)

// calls matches answers with the commands of ours that wait for them (RTMP 7.1.2).
type calls struct {
	mu      sync.Mutex
	limit   int
	lastID  float64
	pending map[float64]*pendingCall
	err     error
}

// pendingCall waits for one answer.
type pendingCall struct {
	name   string       // other than _result and _error that an answer may have
	answer chan answer  // has room for the one answer, so that the reader never waits
	then   func(answer) // takes the answer, on the reading goroutine, instead of the channel; nil: nobody does
}

// wait waits for the answer until ctx is done.
func (p *pendingCall) wait(ctx context.Context) (answer, error) {
	select {
	case a := <-p.answer:
		return a, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-p.answer: // it came in the same moment
		return a, a.err
	default:
		return answer{}, context.Cause(ctx)
	}
}

// answer is what came back: the response's two values, or why there will be none.
type answer struct {
	object any
	value  any
	err    error
}

// begin gives out the next transaction ID. name is what an answer may be called besides _result and _error; "" for nothing.
func (s *calls) begin(name string) (float64, *pendingCall, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, nil, s.err
	}
	if len(s.pending) >= s.limit {
		return 0, nil, ErrTooManyCalls
	}
	s.lastID++
	p := &pendingCall{name: name, answer: make(chan answer, 1)}
	if s.pending == nil {
		s.pending = map[float64]*pendingCall{}
	}
	s.pending[s.lastID] = p
	return s.lastID, p, nil
}

// next gives out a transaction ID whose answer nobody waits for.
func (s *calls) next() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	return s.lastID
}

func (s *calls) forget(id float64) {
	s.mu.Lock()
	delete(s.pending, id)
	s.mu.Unlock()
}

// answered takes cmd if it is an answer, waited for or not. An answer is known by its transaction ID; its name is
// _result, _error or, from some servers, the name of the method that was called.
func (s *calls) answered(cmd *message.Command) bool {
	s.mu.Lock()
	p := s.pending[cmd.TransactionID]
	isAnswer := cmd.Name == "_result" || cmd.Name == "_error"
	if p != nil && (isAnswer || p.name != "" && cmd.Name == p.name) {
		delete(s.pending, cmd.TransactionID)
	} else {
		p = nil
	}
	s.mu.Unlock()
	if p == nil {
		return isAnswer
	}
	a := answer{object: cmd.Object}
	if len(cmd.Args) > 0 {
		a.value = cmd.Args[0]
	}
	if cmd.Name == "_error" {
		a.err = remoteError(a)
	}
	if p.then != nil {
		p.then(a)
	} else {
		p.answer <- a
	}
	return true
}

// refuse ends one call with an error that came in another way than an answer.
func (s *calls) refuse(id float64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pending[id]; p != nil {
		delete(s.pending, id)
		p.answer <- answer{err: err}
	}
}

// remoteError makes an error of an _error's information, which some servers put in the place of the command object.
func remoteError(a answer) *StatusError {
	e := &StatusError{Remote: true}
	for _, v := range []any{a.value, a.object} {
		if s, ok := ParseStatus(v); ok {
			e.Status = s
			if ex, ok := v.(*amf.Object); ok {
				e.Redirect = ex.Object("ex").Text("redirect")
			}
			return e
		}
	}
	e.Status = Status{Level: LevelError, Code: string(CodeCallFailed), Description: "the peer answered with an error and no reason"}
	return e
}

// fail ends all calls.
func (s *calls) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	for id, p := range s.pending {
		p.answer <- answer{err: err}
		delete(s.pending, id)
	}
}

// Call invokes a method of the peer and waits for its answer, until ctx is done or the connection ends. An _error
// comes back as a *StatusError with Remote set. Values are those of package amf; what only AMF3 has, such as []byte, needs
// a connection that agreed to object encoding 3. More than Limits.PendingCalls at a time are ErrTooManyCalls. (RTMP 7.2.1.2)
func (c *Conn) Call(ctx context.Context, method string, args ...any) (any, error) {
	answerName := method
	if c.hasMethods() {
		answerName = "" // the peer may call a method of the same name itself, with the same transaction ID
	}
	a, err := c.await(ctx, 0, answerName, &message.Command{Name: method, Args: args})
	if err != nil {
		return nil, err
	}
	return a.value, nil
}

// hasMethods reports whether this end answers calls.
func (c *Conn) hasMethods() bool {
	switch s := c.side.(type) {
	case *clientSide:
		return s.cfg.Handler != nil
	case *serverSide:
		_, ok := s.srv.Handler.(CallHandler)
		return ok
	}
	return false
}

// Notify invokes a method of the peer without asking for an answer. It does not block.
func (c *Conn) Notify(method string, args ...any) error {
	return c.sendCommand(0, &message.Command{Name: method, Args: args})
}

// call invokes a command of RTMP itself, whose answer some servers give its own name.
func (c *Conn) call(ctx context.Context, streamID uint32, name string, object any, args ...any) (answer, error) {
	return c.await(ctx, streamID, name, &message.Command{Name: name, Object: object, Args: args})
}

// await sends a command with a transaction ID and waits for its answer.
func (c *Conn) await(ctx context.Context, streamID uint32, answerName string, cmd *message.Command) (answer, error) {
	id, p, err := c.calls.begin(answerName)
	if err != nil {
		return answer{}, err
	}
	defer c.calls.forget(id)
	cmd.TransactionID = id
	if err := c.sendCommand(streamID, cmd); err != nil {
		return answer{}, err
	}
	return p.wait(ctx)
}
