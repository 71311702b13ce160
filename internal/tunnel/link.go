package tunnel

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	answerHeaderLimit = 16 << 10 // of one HTTP answer
	pieceSize         = 16 << 10 // of an answer's body at a time
)

// A link makes one HTTP exchange after the other on a connection, and a new connection when that is gone. It is not
// safe for concurrent use.
type link struct {
	cfg    DialConfig
	header http.Header
	conn   net.Conn // nil if there is none
	local  net.Addr // of the newest connection
	remote net.Addr
	reader *bufio.Reader
	room   *io.LimitedReader // below reader: how much may still be read
	piece  []byte
}

func newLink(cfg DialConfig) *link {
	return &link{
		cfg: cfg,
		header: http.Header{
			"Accept":        {"*/*"},
			"User-Agent":    {cfg.UserAgent},
			"Connection":    {"Keep-Alive"},
			"Cache-Control": {"no-cache"},
			"Content-Type":  {contentType},
		},
		piece: make([]byte, pieceSize),
	}
}

// post sends a request and hands the body of its answer to deliver, piece by piece and without its first byte, which it
// returns. If the connection breaks the request is repeated once on a new one; deliver does not see bytes twice. The
// context ends it at any time.
func (l *link) post(ctx context.Context, path string, body []byte, deliver func([]byte) error) (first byte, n int, err error) {
	for try := 0; ; try++ {
		first, n, err = l.try(ctx, path, body, n, deliver)
		if err == nil {
			return first, n, nil
		}
		l.close()
		if ctx.Err() != nil {
			return first, n, ctx.Err()
		}
		if _, broken := errors.AsType[*brokenError](err); !broken || try == 1 {
			return first, n, fmt.Errorf("tunnel: %s: %w", path, err)
		}
	}
}

// A brokenError is one that a new connection may mend.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// broken wraps an error of the connection. One that took the time of a request up is final.
func broken(err error) error {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return err
	}
	return &brokenError{err}
}

// try makes one attempt. The first seen bytes behind the first one are not delivered; it returns how many
// have been in all.
func (l *link) try(ctx context.Context, path string, body []byte, seen int, deliver func([]byte) error) (first byte, n int, err error) {
	if err := l.connect(ctx); err != nil {
		return 0, seen, err
	}
	conn := l.conn
	l.extend()
	stop := context.AfterFunc(ctx, func() {
		conn.Close() // what waits on it fails, and reports that
	})
	defer stop()
	response, err := l.exchange(path, body)
	if err != nil {
		return 0, seen, broken(err)
	}
	if response.StatusCode != http.StatusOK {
		return 0, seen, fmt.Errorf("the server answers %s", response.Status)
	}
	if _, err := io.ReadFull(response.Body, l.piece[:1]); err != nil {
		if errors.Is(err, io.EOF) && response.ContentLength == 0 {
			return 0, seen, errors.New("the server's answer is empty")
		}
		return 0, seen, broken(err)
	}
	first = l.piece[0]
	n, err = l.receive(response.Body, seen, deliver)
	if err != nil {
		return first, n, err
	}
	if response.Close {
		l.close()
	}
	return first, n, nil
}

func (l *link) connect(ctx context.Context) error {
	if l.conn != nil {
		return nil
	}
	conn, err := l.cfg.Dial(ctx)
	if err != nil {
		return err
	}
	l.conn, l.local, l.remote = conn, conn.LocalAddr(), conn.RemoteAddr()
	l.room = &io.LimitedReader{R: conn}
	l.reader = bufio.NewReader(l.room)
	return nil
}

// extend gives the connection the time of one request.
func (l *link) extend() {
	// A connection that has no deadlines still ends with the context.
	_ = l.conn.SetDeadline(time.Now().Add(l.cfg.RequestTimeout))
}

// exchange writes a request and reads the header of its answer.
func (l *link) exchange(path string, body []byte) (*http.Response, error) {
	request := &http.Request{
		Method:        http.MethodPost,
		URL:           &url.URL{Path: path},
		Host:          l.cfg.Host,
		Header:        l.header,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
	}
	w := bufio.NewWriter(l.conn)
	if err := request.Write(w); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	l.room.N = answerHeaderLimit
	response, err := http.ReadResponse(l.reader, request)
	l.room.N = math.MaxInt64
	return response, err
}

// receive reads the rest of an answer and delivers it, but for what has been seen.
func (l *link) receive(body io.Reader, seen int, deliver func([]byte) error) (n int, err error) {
	skip := seen
	for {
		m, err := body.Read(l.piece)
		repeated := min(skip, m)
		skip -= repeated
		if fresh := l.piece[repeated:m]; len(fresh) > 0 {
			if err := deliver(fresh); err != nil {
				return seen, err
			}
			seen += len(fresh)
			l.extend()
		}
		if errors.Is(err, io.EOF) {
			return seen, nil
		}
		if err != nil {
			return seen, broken(err)
		}
	}
}

func (l *link) close() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}
