//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"leat/flv"
	"leat/internal/wire/message"
)

// flow is a numbered sequence of video messages that is sent as fast as its receivers take it. Media does not wait for
// players in a live stream: those that fall behind lose frames. So here the sender waits, whenever the receivers together
// have ahead messages yet to come.
type flow struct {
	count     int
	ahead     int
	size      func(i int) int // bytes of a body, at least 13
	timestamp func(i int) uint32
	keys      int // a key frame every so many messages
}

// body makes the i-th message: an AVC frame with its number in front of bytes that differ from message to message.
func (f *flow) body(filler []byte, i int) []byte {
	head := []byte{0x27, 1, 0, 0, 0}
	if i%f.keys == 0 {
		head[0] = 0x17
	}
	head = binary.BigEndian.AppendUint64(head, uint64(i))
	at := i % (len(filler) / 2)
	return append(head, filler[at:at+f.size(i)-len(head)]...)
}

// filler returns twice the longest body of bytes without a short period.
func (f *flow) filler() []byte {
	longest := 0
	for i := range f.count {
		longest = max(longest, f.size(i))
	}
	b := make([]byte, 2*longest)
	state := uint32(1)
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = byte(state >> 24)
	}
	return b
}

// sequenceHeader opens the stream.
var sequenceHeader = []byte{0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 0, 1, 0, 0}

// receiver is one end of a flow.
type receiver struct {
	name string
	next func() (timestamp uint32, body []byte, err error) // the next video message
}

// sender is the other end.
type sender interface {
	send(timestamp uint32, body []byte) error // a video message
	finish() error                            // ends the stream, so that nobody holds back its end in a buffer
}

// run sends all of f and checks what the receivers get.
func (f *flow) run(t *testing.T, s sender, receivers ...receiver) {
	t.Helper()
	filler := f.filler()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	credits := make([]chan struct{}, len(receivers))
	results := make(chan error, len(receivers))
	for i, r := range receivers {
		credits[i] = make(chan struct{}, f.ahead)
		go func() { results <- f.receive(r, filler, credits[i], cancel) }() // waited for below, or ended with its process
	}
	within(t, "sending", func() error { return f.send(ctx, s, filler, credits) })
	for range receivers {
		within(t, "receiving", func() error { return <-results })
	}
}

func (f *flow) send(ctx context.Context, s sender, filler []byte, credits []chan struct{}) error {
	if err := s.send(f.timestamp(0), sequenceHeader); err != nil {
		return err
	}
	for i := range f.count {
		if i >= f.ahead {
			for _, c := range credits {
				select {
				case <-c:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		}
		if err := s.send(f.timestamp(i), f.body(filler, i)); err != nil {
			return fmt.Errorf("message %d: %w", i, errors.Join(err, context.Cause(ctx)))
		}
	}
	return s.finish()
}

// receive checks the messages of one receiver and gives a credit for each.
func (f *flow) receive(r receiver, filler []byte, credit chan struct{}, fail context.CancelCauseFunc) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", r.name, err)
			fail(err)
		}
	}()
	for i := 0; i < f.count; {
		timestamp, body, err := r.next()
		if err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		if bytes.Equal(body, sequenceHeader) {
			continue
		}
		if want := f.timestamp(i); timestamp != want {
			return fmt.Errorf("message %d has the timestamp %#x, want %#x", i, timestamp, want)
		}
		if !bytes.Equal(body, f.body(filler, i)) {
			return fmt.Errorf("message %d (%d bytes) is not the one that was sent", i, len(body))
		}
		i++
		select {
		case credit <- struct{}{}:
		default: // the sender has no need of it any more
		}
	}
	return nil
}

// rtmpdumpReceiver plays with rtmpdump, whose FLV comes through a pipe.
func rtmpdumpReceiver(t *testing.T, url string) receiver {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(t, r) })
	startTo(t, w, "rtmpdump", "-q", "-v", "-r", url, "-o", "-")
	closeAll(t, w)
	tags := flv.NewReader(r)
	return receiver{"rtmpdump", func() (uint32, []byte, error) {
		for {
			tag, err := tags.ReadTag()
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			if err != nil || tag.Type == flv.TagVideo {
				return tag.Timestamp, tag.Body, err
			}
		}
	}}
}

// leatReceiver plays with our client.
func leatReceiver(t *testing.T, url string) receiver {
	t.Helper()
	p := watch(t, url).player
	return receiver{"leat", func() (uint32, []byte, error) {
		for {
			pkt, err := p.ReadPacket(t.Context())
			if err != nil {
				return 0, nil, err
			}
			if flv.PacketTag(pkt) == flv.TagType(message.TypeVideo) {
				return uint32(pkt.Timestamp.Milliseconds()), pkt.Body, nil
			}
		}
	}}
}
