package rtmp

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"leat/media"
)

// slowWriter blocks in WritePacket until it is let go on.
type slowWriter struct {
	entered chan struct{}
	leave   chan struct{}
	done    int
}

func (w *slowWriter) WritePacket(context.Context, *media.Packet) error {
	w.entered <- struct{}{}
	<-w.leave
	w.done++
	return nil
}

// TestDrainToLeavesWriterAlone: drainTo returns only when the writer has returned, whoever ended the queue.
func TestDrainToLeavesWriterAlone(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(q *packetQueue, cancel context.CancelFunc)
		want error
	}{
		{"clean end", func(q *packetQueue, _ context.CancelFunc) { q.end(errStreamDeleted) }, nil},
		{"failure", func(q *packetQueue, _ context.CancelFunc) { q.end(ErrClosed) }, ErrClosed},
		{"cancelled", func(_ *packetQueue, cancel context.CancelFunc) { cancel() }, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var q packetQueue
				q.init()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w := &slowWriter{entered: make(chan struct{}), leave: make(chan struct{})}
				result := make(chan error, 1)
				go func() { // ends with the queue
					n, err := q.drainTo(ctx, w)
					if n != 1 || w.done != 1 {
						t.Errorf("drainTo counted %d packets, the writer %d, want 1", n, w.done)
					}
					result <- err
				}()
				synctest.Wait()
				go q.put(t.Context(), &media.Packet{}) // ends when the writer goes on
				<-w.entered
				tt.end(&q, cancel)
				synctest.Wait()
				select {
				case err := <-result:
					t.Errorf("drainTo returned %v while the writer was busy", err)
				default:
				}
				close(w.leave)
				if err := <-result; !errors.Is(err, tt.want) {
					t.Errorf("drainTo returned %v, want %v", err, tt.want)
				}
				q.put(t.Context(), &media.Packet{}) // thrown away: nobody would let the writer go on
			})
		})
	}
}

// TestDrainToWriterPanics: the panic belongs to who reads the connection; drainTo still returns.
func TestDrainToWriterPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q packetQueue
		q.init()
		result := make(chan error, 1)
		go func() { // ends with the panic
			_, err := q.drainTo(t.Context(), panicWriter{})
			result <- err
		}()
		synctest.Wait()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			q.put(t.Context(), &media.Packet{})
		}()
		if err := <-result; !errors.Is(err, errSinkPanicked) {
			t.Errorf("drainTo returned %v", err)
		}
	})
}

type panicWriter struct{}

func (panicWriter) WritePacket(context.Context, *media.Packet) error { panic(io.ErrNoProgress) }

// TestDeafQueue: a packet that was on its way when the reader sought does not come before the answer to the seek.
func TestDeafQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q packetQueue
		q.init()
		for range maxQueuedPackets {
			q.put(t.Context(), &media.Packet{})
		}
		go q.put(t.Context(), &media.Packet{}) // ends when the queue is deaf
		synctest.Wait()
		q.deafen()
		synctest.Wait()
		q.put(t.Context(), &media.Packet{})
		if len(q.items) != 0 {
			t.Errorf("%d packets wait in a deaf queue", len(q.items))
		}
		if !q.hear() || q.hear() {
			t.Error("deafness does not end once")
		}
		want := &media.Packet{Name: "first"}
		q.put(t.Context(), want)
		if got, err := q.get(t.Context()); got != want || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// ending is the context of a reader whose connection ends just when he begins to wait.
type ending struct {
	context.Context
	end func()
}

func (e ending) Done() <-chan struct{} {
	e.end()
	return e.Context.Done()
}

// TestQueueOutlivesContext: the end of a connection cancels the context of who reads, and takes nothing from him that came before.
func TestQueueOutlivesContext(t *testing.T) {
	for range 50 {
		var q packetQueue
		q.init()
		canceled, cancel := context.WithCancel(t.Context())
		ctx := ending{canceled, func() {
			q.put(t.Context(), &media.Packet{})
			q.end(errStreamDeleted)
			cancel()
		}}
		if _, err := q.get(ctx); err != nil {
			t.Fatalf("instead of a packet: %v", err)
		}
		if _, err := q.get(canceled); !errors.Is(err, io.EOF) {
			t.Fatalf("at the end: %v", err)
		}
	}
}
