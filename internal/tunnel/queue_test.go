package tunnel

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestQueueOrder(t *testing.T) {
	q := queue{limit: 100}
	text := pattern(10_000)
	go func() {
		for rest := text; len(rest) > 0; {
			n, err := q.write(rest[:min(len(rest), 130)], nil)
			if err != nil {
				t.Error(err)
			}
			rest = rest[n:]
		}
		q.end(io.EOF, io.ErrClosedPipe, false)
	}()
	var got []byte
	piece := make([]byte, 77)
	for {
		n, err := q.read(piece, nil)
		got = append(got, piece[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		q.mu.Lock()
		held := cap(q.buf)
		q.mu.Unlock()
		if held > 1000 {
			t.Fatalf("a queue of 100 bytes holds %d", held)
		}
		got = q.appendTo(got, 5)
	}
	if !bytes.Equal(got, text) {
		t.Errorf("%d bytes came out, equal %v", len(got), bytes.Equal(got, text))
	}
}

func TestQueueEnd(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	q := queue{limit: 10}
	if _, err := q.write([]byte("abc"), nil); err != nil {
		t.Fatal(err)
	}
	q.end(first, first, false)
	q.end(second, second, false)
	if n, err := q.write([]byte("d"), nil); n != 0 || !errors.Is(err, first) {
		t.Errorf("write = %d, %v", n, err)
	}
	b := make([]byte, 2)
	if n, err := q.read(b, nil); n != 2 || err != nil {
		t.Errorf("read = %d, %v", n, err)
	}
	q.end(second, second, true)
	if n, err := q.read(b, nil); n != 0 || !errors.Is(err, first) {
		t.Errorf("read = %d, %v", n, err)
	}
}

func TestQueueGivesMemoryBack(t *testing.T) {
	q := queue{limit: 1 << 20}
	if _, err := q.write(make([]byte, 1<<20), nil); err != nil {
		t.Fatal(err)
	}
	q.appendTo(nil, 1<<20)
	if cap(q.buf) > keptCapacity {
		t.Errorf("an empty queue keeps %d bytes", cap(q.buf))
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d deadline
		q := queue{limit: 10}
		start := time.Now()
		wait := func() time.Duration {
			t.Helper()
			_, err := q.read(make([]byte, 1), d.passed())
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("read: %v", err)
			}
			return time.Since(start)
		}
		d.set(start.Add(time.Second))
		if took := wait(); took != time.Second {
			t.Errorf("the deadline passed after %v", took)
		}
		if took := wait(); took != time.Second {
			t.Errorf("a passed deadline does not stay passed: %v", took)
		}
		d.set(start.Add(2 * time.Second))
		time.AfterFunc(500*time.Millisecond, func() { d.set(start.Add(3 * time.Second)) })
		if took := wait(); took != 3*time.Second {
			t.Errorf("the moved deadline passed after %v", took)
		}
		d.set(time.Time{})
		time.AfterFunc(time.Hour, func() { d.set(time.Unix(0, 0)) })
		if took := wait(); took != time.Hour+3*time.Second {
			t.Errorf("no deadline passed after %v", took)
		}
	})
}
