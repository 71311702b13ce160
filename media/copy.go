package media

import (
	"context"
	"errors"
	"io"
)

// Reader delivers the packets of a stream in the order in which they were sent.
//
// ReadPacket blocks until a packet is there, the stream ends (io.EOF), it fails, or ctx is done, when the error is that of ctx or
// its cause. The packet is shared: the caller must not change it. Unless its documentation says otherwise, one goroutine at a time
// may read.
type Reader interface {
	ReadPacket(ctx context.Context) (*Packet, error)
}

// Writer takes the packets of a stream in decoding order.
//
// WritePacket keeps or forwards p; the caller must not change it afterwards. It says in its own
// documentation whether it blocks, and whether more than one goroutine may write at a time.
type Writer interface {
	WritePacket(ctx context.Context, p *Packet) error
}

// WriterTo is a Reader that can hand its packets to a Writer by itself, without a goroutine or
// queue in between. It returns how many packets w took; the end of the stream is not an error.
type WriterTo interface {
	WriteTo(ctx context.Context, w Writer) (n int64, err error)
}

// ReaderFrom is a Writer that can fetch packets from a Reader by itself. It returns how many packets
// it took; the end of the stream is not an error.
type ReaderFrom interface {
	ReadFrom(ctx context.Context, r Reader) (n int64, err error)
}

// Copy moves packets from src to dst until src ends, either fails, or ctx is done, and returns how many
// were moved. The end of src is not an error. As io.Copy does, it prefers src's WriterTo, then dst's ReaderFrom.
func Copy(ctx context.Context, dst Writer, src Reader) (n int64, err error) {
	if wt, ok := src.(WriterTo); ok {
		return wt.WriteTo(ctx, dst)
	}
	if rf, ok := dst.(ReaderFrom); ok {
		return rf.ReadFrom(ctx, src)
	}
	for {
		p, err := src.ReadPacket(ctx)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if err := dst.WritePacket(ctx, p); err != nil {
			return n, err
		}
		n++
	}
}
