package rtmp

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

// PublishType says what becomes of what a client publishes (RTMP 7.2.2.6).
type PublishType string

// The types of publish.
const (
	PublishLive          PublishType = "live"          // not recorded; what is absent or unknown counts as this
	PublishRecord        PublishType = "record"        // recorded, replacing an earlier recording
	PublishAppend        PublishType = "append"        // recorded behind an earlier recording
	PublishAppendWithGap PublishType = "appendWithGap" // the same, keeping the pause between the two
)

func parsePublishType(s string) PublishType {
	for _, t := range []PublishType{PublishRecord, PublishAppend, PublishAppendWithGap} {
		if strings.EqualFold(s, string(t)) {
			return t
		}
	}
	return PublishLive
}

// PublishStream is what a client publishes, as its Handler sees it. It is a media.Reader and a media.WriterTo, so
// that media.Copy moves packets from the connection's reader straight to a writer, without a goroutine or queue
// in between.
//
// The client is told that it publishes (NetStream.Publish.Start) when the handler first reads, or calls Accept. One goroutine at a
// time may read; the other methods may be called from any.
type PublishStream struct {
	st       *serverStream
	heard    atomic.Int64 // Unix nanoseconds of the last media; 0: the client was told that it is silent
	patient  atomic.Bool  // SetPatient
	receiver receiver
	queue    packetQueue

	key      media.Key
	query    string
	typ      PublishType
	accepted atomic.Bool
}

var (
	_ media.Reader   = (*PublishStream)(nil)
	_ media.WriterTo = (*PublishStream)(nil)
)

func newPublishStream(st *serverStream, name, query string, typ PublishType) *PublishStream {
	p := &PublishStream{st: st, key: st.key(name), query: query, typ: typ}
	p.queue.init()
	return p
}

// Conn returns the connection that publishes.
func (p *PublishStream) Conn() *Conn { return p.st.c }

// Request returns the connect command of the connection. It must not be changed.
func (p *PublishStream) Request() *ConnectRequest { return p.st.side.req }

// Key returns application, instance and stream name.
func (p *PublishStream) Key() media.Key { return p.key }

// Query returns what followed "?" in the stream name, as written; read values with QueryValue.
func (p *PublishStream) Query() string { return p.query }

// Type returns what the client wants to become of the stream.
func (p *PublishStream) Type() PublishType { return p.typ }

// StreamID returns the message stream ID.
func (p *PublishStream) StreamID() uint32 { return p.st.id }

// Accept tells the client that it publishes. Calls after the first do nothing. It does not block.
func (p *PublishStream) Accept() error {
	if p.accepted.Swap(true) {
		return nil
	}
	p.heard.Store(time.Now().UnixNano())
	return p.st.c.sendAll(
		outgoing{0, &message.UserControl{Event: message.EventStreamBegin, Value: p.st.id}},
		outgoing{p.st.id, &message.Command{Name: "onStatus", Args: []any{(&Status{
			Code: string(CodePublishStart), Description: p.key.Name + " is now published.", Details: p.key.Name,
		}).Object()}}},
	)
}

// Status sends onStatus to the publisher, for news such as NetStream.Record.Start. It does not block. The error is ErrClosed
// when the client has deleted the stream, whose ID may be another's by now.
func (p *PublishStream) Status(s Status) error {
	if errors.Is(p.queue.cause(), errStreamDeleted) {
		return ErrClosed
	}
	return p.st.status(s)
}

// SetPatient says whether the stream's packets may come up to 50 ms late, because nobody waits for them: the server then reads several at
// once, which takes less of it. It is a wish, which is not granted to connections of more than 4 Mbit/s, inside TLS or HTTP, from
// Server.ServeConn, and on systems other than Linux. Without it packets come as they are received. It may be called from any goroutine, and does not block.
func (p *PublishStream) SetPatient(is bool) {
	if p.patient.Swap(is) && !is {
		p.st.c.hurryReading()
	}
}

// ReadPacket returns the next packet. It blocks until there is one, and returns io.EOF when the client has ended the
// stream, the connection's *CloseReason when the connection has ended without that, ErrServerClosed when the server shuts down, or the
// cause of ctx. Packets that came before the end are returned first.
func (p *PublishStream) ReadPacket(ctx context.Context) (*media.Packet, error) {
	if err := p.Accept(); err != nil {
		return nil, err
	}
	return p.queue.get(ctx)
}

// WriteTo hands every packet to w on the connection's own goroutine, and blocks until the stream has ended. A w that
// blocks holds up the client and nobody else. The error is nil when the client has ended the stream; else it is
// what ReadPacket would have returned, or w's.
func (p *PublishStream) WriteTo(ctx context.Context, w media.Writer) (int64, error) {
	if err := p.Accept(); err != nil {
		return 0, err
	}
	return p.queue.drainTo(ctx, w)
}

func (p *PublishStream) receive(ctx context.Context, m *chunk.Message) error {
	now := p.st.c.in.now
	p.heard.Store(now.UnixNano())
	if p.patient.Load() {
		p.st.c.in.media.wait()
	} else {
		p.st.c.in.media.hurry()
	}
	p.receiver.receive(p.st.c, m, now, func(pkt *media.Packet) { p.queue.put(ctx, pkt) })
	return nil
}

// finish ends the stream; the first reason counts.
func (p *PublishStream) finish(err error) { p.queue.end(err) }
