package stream

import (
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	maxSaid     = 4 << 10 // bytes of a message that a client sends
	saidAtOnce  = 100     // messages and pings that it may send in saidIn
	saidIn      = 10 * time.Second
	maxFragment = 64 << 20 // of a message to a client
	pingEvery   = 20 * time.Second
)

// IsWebSocket reports whether r asks for a WebSocket.
func IsWebSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// serveWebSocket sends the stream in messages. Pages of every site may ask for it: it says no more than a plain request does,
// and nothing is asked of the browser that is not in the address.
func (v *viewer) serveWebSocket(w http.ResponseWriter, r *http.Request) (Stats, error) {
	said := &talk{}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived: func(context.Context, []byte) bool {
			ok := said.allowed(time.Now())
			if !ok {
				cancel()
			}
			return ok
		},
	})
	if err != nil {
		return Stats{Reason: "it did not get its WebSocket"}, nil //nolint:nilerr // the library has answered
	}
	var wg sync.WaitGroup
	deaf := make(chan struct{}) // closed when nothing more is heard of the client
	wg.Go(func() {
		defer cancel()
		defer close(deaf)
		listen(ctx, conn, said)
	})
	wg.Go(func() { // a client that has vanished is noticed
		defer cancel()
		keepAlive(ctx, conn, v.server.cfg.WriteStall())
	})
	send := v.binary(ctx, conn)
	if v.feed.key.format == MP4 {
		send = (&framer{viewer: v, ctx: ctx, conn: conn}).write
	}
	stats, err := v.run(ctx, send)
	select {
	case <-deaf: // it has gone, or has broken the rules: there is nothing to wait for
		_ = conn.CloseNow()
	default:
		_ = conn.Close(websocket.StatusNormalClosure, stats.Reason) // it has some seconds to answer
	}
	cancel()
	wg.Wait()
	return stats, err
}

// binary sends bytes as they come.
func (v *viewer) binary(ctx context.Context, conn *websocket.Conn) func([]byte) error {
	return func(b []byte) error { return v.message(ctx, conn, websocket.MessageBinary, b) }
}

func (v *viewer) message(ctx context.Context, conn *websocket.Conn, kind websocket.MessageType, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, v.server.cfg.WriteStall())
	defer cancel()
	return conn.Write(ctx, kind, b)
}

// listen throws away what a client says, up to a limit. It returns when the client has gone or has said too much.
func listen(ctx context.Context, conn *websocket.Conn, said *talk) {
	conn.SetReadLimit(maxSaid)
	for {
		_, r, err := conn.Reader(ctx)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return
		}
		if !said.allowed(time.Now()) {
			return
		}
	}
}

// keepAlive asks a client now and then whether it is there.
func keepAlive(ctx context.Context, conn *websocket.Conn, patience time.Duration) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if !answers(ctx, conn, patience) {
			return
		}
	}
}

func answers(ctx context.Context, conn *websocket.Conn, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return conn.Ping(ctx) == nil
}

// talk counts what a client says.
type talk struct {
	mu    sync.Mutex
	since time.Time
	count int
}

func (t *talk) allowed(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.since) > saidIn {
		t.since, t.count = now, 0
	}
	t.count++
	return t.count <= saidAtOnce
}

// framer sends each initialization segment and each fragment as a message.
type framer struct {
	viewer *viewer
	ctx    context.Context //nolint:containedctx // of the one call that the framer is made for
	conn   *websocket.Conn
	buf    []byte
}

func (f *framer) write(b []byte) error {
	f.buf = append(f.buf, b...)
	for {
		n := pieceSize(f.buf)
		if n > maxFragment {
			return io.ErrShortBuffer
		}
		if n == 0 || n > len(f.buf) {
			return nil
		}
		piece := f.buf[:n]
		if string(piece[4:8]) == "ftyp" {
			if err := f.viewer.message(f.ctx, f.conn, websocket.MessageText, []byte(f.viewer.feed.mp4.mimeOf(piece))); err != nil {
				return err
			}
		}
		if err := f.viewer.message(f.ctx, f.conn, websocket.MessageBinary, piece); err != nil {
			return err
		}
		f.buf = append(f.buf[:0], f.buf[n:]...)
	}
}

// pieceSize returns how long the two boxes are that b begins with, ftyp and moov or moof and mdat; 0 if that is not known yet.
func pieceSize(b []byte) int {
	at := 0
	for range 2 {
		if len(b)-at < 8 {
			return 0
		}
		at += int(binary.BigEndian.Uint32(b[at:]))
		if at > maxFragment {
			return at
		}
	}
	return at
}
