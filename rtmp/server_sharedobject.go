package rtmp

import (
	"context"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// SharedObjectHandler is implemented by a Handler that keeps shared objects (RTMP 7.1.3): named sets of slots that clients
// of an application instance have in common. Without it, every Use is answered with SharedObject.NoReadAccess.
type SharedObjectHandler interface {
	// ServeSharedObject lets a client begin to use an object (event Use). Before it returns, the handler sends the client
	// the object's state: UseSuccess, Clear, and a Change for each slot, in one message.
	//
	// A *StatusError refuses it, as a Status event with its code and level; any other error is logged and refuses it with
	// SharedObject.ObjectCreationFailed. Without an error the session must not be nil: what it has to be told comes through its methods.
	//
	// It is called on the connection's reading goroutine: what it waits for holds up all of the client's messages. ctx
	// ends with the connection.
	ServeSharedObject(ctx context.Context, u *SharedObjectUser) (SharedObjectSession, error)
}

// SharedObjectSession is one client's use of one object. Its methods are called on the connection's reading goroutine,
// one at a time, as ServeSharedObject is.
type SharedObjectSession interface {
	// Request takes what the client asks for in one message: RequestChange, RequestRemove and SendMessage, in its
	// order. version is the client's version of the object. Answers go out by SharedObjectUser.Send.
	Request(ctx context.Context, version uint32, events []SharedObjectEvent)
	// Release ends the use: the client said so or its connection has ended. It is called once, and nothing after it.
	Release()
}

// SharedObjectUser is a client that uses a shared object. All methods may be called from any goroutine.
type SharedObjectUser struct {
	conn       *Conn
	req        *ConnectRequest
	name       string
	version    uint32
	persistent bool
	amf3       bool
}

// Conn returns the client's connection.
func (u *SharedObjectUser) Conn() *Conn { return u.conn }

// Request returns the client's connect, which names the application and its instance. It must not be changed.
func (u *SharedObjectUser) Request() *ConnectRequest { return u.req }

// Name returns the object's name, which is unique in an application instance and may be anything that a peer sends,
// also empty; "/" has no meaning in it.
func (u *SharedObjectUser) Name() string { return u.name }

// Persistent reports whether the client asked for an object that outlives its users.
func (u *SharedObjectUser) Persistent() bool { return u.persistent }

// Version returns the version that the client's copy has; 0 when it has none.
func (u *SharedObjectUser) Version() uint32 { return u.version }

// Send sends one message with these events. It does not block. The error says that an event cannot be encoded; that the
// connection has failed is told by Release.
func (u *SharedObjectUser) Send(version uint32, events ...SharedObjectEvent) error {
	return SendSharedObject([]*SharedObjectUser{u}, version, events)
}

// SendSharedObject sends one message to users of one object, encoded once for all of them. It does not block. Users
// whose connection has failed are left out; the error says only that an event cannot be encoded.
func SendSharedObject(to []*SharedObjectUser, version uint32, events []SharedObjectEvent) error {
	if len(to) == 0 {
		return nil
	}
	body, err := sharedObjectBody(to[0].name, version, to[0].persistent, events)
	if err != nil {
		return err
	}
	for _, u := range to {
		if err := u.conn.send(0, sharedObjectMessage(body, u.amf3)); err != nil {
			u.conn.logger.Debug("shared object message not sent", "object", printable(u.name), "err", err)
		}
	}
	return nil
}

// sharedObject takes a message of type 16 or 19. One that cannot be decoded is ignored: nothing in it can be answered.
func (s *serverSide) sharedObject(ctx context.Context, c *Conn, m *chunk.Message) error {
	if s.req == nil {
		return &ProtocolError{Reason: "a shared object message came before connect"}
	}
	parsed, err := message.Parse(message.Type(m.Type), m.Body, c.limits.AMF)
	if err != nil {
		c.logger.Debug("shared object message ignored", "err", err)
		return nil
	}
	msg := parsed.(*message.SharedObject)
	var requests []SharedObjectEvent
	for i := range msg.Events {
		e := &msg.Events[i]
		switch e.Type {
		case message.SharedObjectRequestChange, message.SharedObjectRequestRemove, message.SharedObjectSendMessage:
			requests = append(requests, eventOf(e))
			continue
		}
		s.requestObject(ctx, c, msg, requests)
		requests = nil
		switch e.Type {
		case message.SharedObjectUse:
			if err := c.countCommand(); err != nil { // each is answered with all that the object holds
				return err
			}
			s.useObject(ctx, c, msg)
		case message.SharedObjectRelease:
			s.releaseObject(msg.Name)
		default:
			c.logger.Debug("shared object event ignored", "event", e.Type, "object", printable(msg.Name))
		}
	}
	s.requestObject(ctx, c, msg, requests)
	return nil
}

// useObject begins to use an object. A client that uses it already, as after a reconnect that only it noticed, gets its
// state anew; the first use is released after that, so that a temporary object survives.
func (s *serverSide) useObject(ctx context.Context, c *Conn, m *message.SharedObject) {
	u := &SharedObjectUser{conn: c, req: s.req, name: m.Name, version: m.Version, persistent: m.Persistent, amf3: m.AMF3 && c.amf3.Load()}
	h, ok := s.srv.Handler.(SharedObjectHandler)
	old := s.objects[m.Name]
	var session SharedObjectSession
	var err error
	switch {
	case !ok:
		err = Refuse(CodeSharedObjectNoReadAccess, "this server keeps no shared objects")
	case old == nil && len(s.objects) >= c.limits.SharedObjects:
		err = Refuse(CodeSharedObjectObjectCreationFailed, "the limit on shared objects of one connection is reached")
	default:
		session, err = h.ServeSharedObject(ctx, u)
	}
	if err != nil {
		e := asStatus(c, err, CodeSharedObjectObjectCreationFailed)
		c.logger.Debug("shared object refused", "object", printable(m.Name), "err", e)
		if err := u.Send(m.Version, SharedObjectEvent{Type: SharedObjectStatus, Code: e.Code, Level: e.Level}); err != nil {
			c.logger.Error("refusal of a shared object not sent", "err", err)
		}
		return
	}
	if old != nil {
		old.Release()
	}
	if s.objects == nil {
		s.objects = map[string]SharedObjectSession{}
		c.life.use() // its sessions may keep the context
	}
	s.objects[m.Name] = session
}

func (s *serverSide) requestObject(ctx context.Context, c *Conn, m *message.SharedObject, events []SharedObjectEvent) {
	if len(events) == 0 {
		return
	}
	session := s.objects[m.Name]
	if session == nil {
		c.logger.Debug("request to a shared object that the client does not use", "object", printable(m.Name))
		return
	}
	session.Request(ctx, m.Version, events)
}

func (s *serverSide) releaseObject(name string) {
	if session := s.objects[name]; session != nil {
		delete(s.objects, name)
		session.Release()
	}
}

func (s *serverSide) releaseObjects() {
	for name := range s.objects {
		s.releaseObject(name)
	}
}
