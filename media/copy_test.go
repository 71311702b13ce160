package media

import (
	"context"
	"errors"
	"io"
	"testing"
)

var errTest = errors.New("test error")

// source delivers n packets and then err.
type source struct {
	n   int
	err error
}

func (s *source) ReadPacket(ctx context.Context) (*Packet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.n == 0 {
		return nil, s.err
	}
	s.n--
	return &Packet{Kind: Video}, nil
}

// sink takes room packets and then fails.
type sink struct{ taken, room int }

func (s *sink) WritePacket(context.Context, *Packet) error {
	if s.taken == s.room {
		return errTest
	}
	s.taken++
	return nil
}

type writerTo struct{ source }

func (w *writerTo) WriteTo(context.Context, Writer) (int64, error) { return 42, nil }

type readerFrom struct{ sink }

func (r *readerFrom) ReadFrom(context.Context, Reader) (int64, error) { return 43, errTest }

func TestCopy(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name  string
		ctx   context.Context
		dst   Writer
		src   Reader
		wantN int64
		err   error
	}{
		{"the end is no error", t.Context(), &sink{room: 9}, &source{n: 3, err: io.EOF}, 3, nil},
		{"reading fails", t.Context(), &sink{room: 9}, &source{n: 3, err: errTest}, 3, errTest},
		{"writing fails", t.Context(), &sink{room: 2}, &source{n: 3, err: io.EOF}, 2, errTest},
		{"cancelled", cancelled, &sink{room: 9}, &source{n: 3, err: io.EOF}, 0, context.Canceled},
		{"the source writes by itself", t.Context(), &readerFrom{}, &writerTo{}, 42, nil},
		{"the destination reads by itself", t.Context(), &readerFrom{}, &source{}, 43, errTest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, err := Copy(test.ctx, test.dst, test.src)
			if n != test.wantN || !errors.Is(err, test.err) {
				t.Errorf("Copy = %d, %v, want %d, %v", n, err, test.wantN, test.err)
			}
		})
	}
}

func TestKindString(t *testing.T) {
	for k, want := range map[Kind]string{Audio: "audio", Video: "video", Data: "data", 0: "unknown"} {
		if got := k.String(); got != want {
			t.Errorf("Kind(%d) = %q, want %q", k, got, want)
		}
	}
}
