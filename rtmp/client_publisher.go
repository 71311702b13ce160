package rtmp

import (
	"context"
	"errors"

	"leat/amf"
	"leat/flv"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

// Publisher is a stream that this client publishes: a media.Writer. One goroutine at a time may write; the other methods may be
// called from any.
type Publisher struct {
	st     *clientStream
	name   string
	fitter *Fitter
	fitted []*media.Packet // reused by WritePacket
}

var _ media.Writer = (*Publisher)(nil)

// PublishOptions says how to publish; nil and the zero value publish live.
type PublishOptions struct {
	Type PublishType // "" means PublishLive
	// Bare leaves out releaseStream and FCPublish, which old servers want and none requires.
	Bare bool
}

// Publish begins to publish under name; "" is the name in the URL that was dialled. It waits for the server's consent
// (NetStream.Publish.Start) until ctx is done. A refusal is a *StatusError.
func (c *Conn) Publish(ctx context.Context, name string, o *PublishOptions) (*Publisher, error) {
	side, ok := c.side.(*clientSide)
	if !ok {
		return nil, errors.New("rtmp: Publish on a server's connection")
	}
	if o == nil {
		o = &PublishOptions{}
	}
	if name == "" {
		name = side.url.Name
	}
	kind := o.Type
	if kind == "" {
		kind = PublishLive
	}
	if !o.Bare {
		err := c.sendAll(
			outgoing{0, &message.Command{Name: "releaseStream", TransactionID: c.calls.next(), Args: []any{name}}},
			outgoing{0, &message.Command{Name: "FCPublish", TransactionID: c.calls.next(), Args: []any{name}}},
		)
		if err != nil {
			return nil, err
		}
	}
	st, err := side.createStream(ctx, c, nil, true)
	if err != nil {
		return nil, err
	}
	c.publishes.Store(true)
	id, err := st.ask()
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	defer c.calls.forget(id)
	if err := c.send(st.id, &message.Command{Name: "publish", TransactionID: id, Args: []any{name, string(kind)}}); err != nil {
		return nil, err
	}
	if err := st.await(ctx, publishStarted); err != nil {
		return nil, errors.Join(err, st.close())
	}
	form := publisherForm(&side.capabilities, side.cfg.LegacyCodecs)
	return &Publisher{st: st, name: name, fitter: NewFitter(form, name)}, nil
}

func publishStarted(s Status) (bool, error) {
	switch {
	case Code(s.Code) == CodePublishStart:
		return true, nil
	case s.Level == LevelError:
		return false, &StatusError{Status: s, Remote: true}
	}
	return false, nil
}

// WritePacket sends p in the form that the server has said it takes: tracks and codecs that it does not take are left out,
// with a line in the log. It blocks while the server reads too slowly, until ctx is done, and then returns the cause of that. When
// the server has ended the stream it returns its *StatusError, when the connection has ended its *CloseReason or the error of
// the write that has met the end, and after Close ErrClosed.
func (p *Publisher) WritePacket(ctx context.Context, pkt *media.Packet) error {
	if err := p.st.failure(); err != nil {
		return err
	}
	fitted, notice := p.fitter.Fit(p.fitted[:0], pkt)
	p.fitted = fitted
	if notice != nil {
		p.st.c.logger.Warn("the server does not take a track, it is left out", "stream", p.name,
			"kind", pkt.Kind.String(), "track", pkt.Track, "codec", pkt.Codec.String())
	}
	for _, pkt := range fitted {
		m := p.message(pkt)
		err := p.st.c.out.writeMedia(ctx, func(dst []byte, chunkSize uint32) []byte {
			w := p.st.side.chunks
			w.SetChunkSize(chunkSize)
			return w.AppendMessage(dst, m)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// message makes the RTMP message of a packet. Metadata is marked to be kept for those who join later (RTMP 7.1.2).
func (p *Publisher) message(pkt *media.Packet) *chunk.Message {
	m := &chunk.Message{StreamID: p.st.id, Timestamp: media.WireTime(pkt.Timestamp), Body: pkt.Body}
	switch pkt.Kind {
	case media.Audio:
		m.Type, m.ChunkStreamID = uint8(message.TypeAudio), csidAudio
	case media.Video:
		m.Type, m.ChunkStreamID = uint8(message.TypeVideo), csidVideo
	default:
		m.Type, m.ChunkStreamID = uint8(message.TypeDataAMF0), csidData
		switch {
		case pkt.Config && len(pkt.Body) == 0:
			m.Body = amf.AppendString(amf.AppendString(nil, "@clearDataFrame"), pkt.Name)
		case pkt.Config:
			m.Body = append(amf.AppendString(nil, "@setDataFrame"), flv.AMF0Body(pkt)...)
		case pkt.Kind == media.Data:
			m.Body = flv.AMF0Body(pkt)
		}
	}
	return m
}

// Done is closed when the stream has ended: by Close, by the server or with the connection.
func (p *Publisher) Done() <-chan struct{} { return p.st.over }

// Err says why the stream has ended; nil while it lives.
func (p *Publisher) Err() error { return p.st.failure() }

// Close ends the publication as the server's players should see it: with FCUnpublish and deleteStream. It does not block
// and does not close the connection. Call Conn.Flush before that is closed, or the last frames may be lost. Later calls, and
// those after the end of the connection, do nothing and return nil.
func (p *Publisher) Close() error {
	return p.st.close(outgoing{0, &message.Command{Name: "FCUnpublish", TransactionID: p.st.c.calls.next(), Args: []any{p.name}}})
}
