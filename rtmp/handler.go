package rtmp

import (
	"context"
	"time"

	"leat/amf"
)

// Handler serves the streams that clients publish and play, as http.Handler serves requests. Its methods may
// block: the handler's life is the stream's life. Each stream has a goroutine and a context of its own; the context ends
// when the client closes the stream, the connection ends, or the server shuts down.
//
// Returning nil, or io.EOF, ends the stream normally. A *StatusError is sent to the client as it is; any other error is logged and
// answered with a generic code. Whatever is returned before the stream was accepted (PublishStream.Accept) or started
// (PlayStream.Start) refuses it. A panic is logged and ends the connection.
type Handler interface {
	// ServePublish reads what a client publishes (RTMP 7.2.2.6). What refuses or ends the stream with an error closes the connection,
	// too, once the client has had a moment to read why: some clients would wait for ever.
	ServePublish(ctx context.Context, s *PublishStream) error
	// ServePlay writes to a client that plays (RTMP 7.2.2.1). The connection goes on, whatever it returns.
	ServePlay(ctx context.Context, s *PlayStream) error
}

// ConnectHandler is implemented by a Handler that wants to see connect, to refuse it or to add to its answer.
type ConnectHandler interface {
	// ServeConnect runs before anything else of a connection; ctx ends at Limits.HandshakeTimeout. nil accepts. A
	// *StatusError is sent as _error (with its Redirect, if any) and the connection is closed.
	ServeConnect(ctx context.Context, r *ConnectRequest) error
}

// CallHandler is implemented by a Handler that answers remote calls: commands that RTMP itself does not define.
type CallHandler interface {
	// ServeCall returns the value to send in _result; a *StatusError is sent in _error, any other error as
	// NetConnection.Call.Failed. Each call has a goroutine of its own, at most Limits.PendingCalls at a time; ctx ends with it, or with
	// the connection.
	ServeCall(ctx context.Context, c *Conn, call *Call) (result any, err error)
}

// LengthHandler is implemented by a Handler that has recordings.
type LengthHandler interface {
	// StreamLength returns how long the recording of that name is: 0 for a live stream, and when there is none or the
	// client may not know. query is what followed "?" in the name. It may block, as ServeCall may.
	StreamLength(ctx context.Context, r *ConnectRequest, name, query string) time.Duration
}

// DisconnectHandler is implemented by a Handler that wants to know when an accepted connection has ended, after
// the last of its handlers has returned.
type DisconnectHandler interface {
	// ServeDisconnect is told who left and why. It is called once, on the connection's own goroutine, and may block:
	// Server.Shutdown and Server.Close wait for it. Nothing can be sent any more.
	ServeDisconnect(c *Conn, r *ConnectRequest, reason *CloseReason)
}

// Call is a remote call (RTMP 7.2.1.2).
type Call struct {
	Name   string
	Object any   // the command object; nil (AMF null) from most callers
	Args   []any // values of package amf
	// NoReply says that the caller wants no answer (transaction ID 0).
	NoReply bool
}

// ConnectRequest is a client's connect command (RTMP 7.2.1.1).
type ConnectRequest struct {
	Conn *Conn

	App      string // application name, without instance and query
	Instance string // application instance; "" is the default one
	Query    string // what followed "?" in the application, as written

	TCURL          string
	FlashVer       string // what the client calls itself
	SWFURL         string
	PageURL        string
	ObjectEncoding int // 0 or 3
	Capabilities   Capabilities

	// Object is the whole command object, with properties that are not listed above.
	Object *amf.Object
	// Args are the optional user arguments behind it.
	Args []any

	// User is who the client is. A ConnectHandler that has found out, as by Authmod, sets it; it is "" until then.
	User string
	// Proof is what the client must prove when it has been let in. A ConnectHandler may set it.
	Proof Proof
	// Reply is the information object of the answer. A ConnectHandler may add properties to it. Later it is nil.
	Reply *amf.Object
}
