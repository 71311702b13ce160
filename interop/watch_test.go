//go:build interop

package interop

import (
	"context"
	"testing"
	"time"

	"leat/media"
	"leat/rtmp"
)

// watcher is a player inside of the test, which tells how far a stream is.
type watcher struct {
	player *rtmp.Player
}

// watch plays a stream, which need not have begun.
func watch(t *testing.T, url string) *watcher {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return &watcher{player: play(t, ctx, url)}
}

// play plays a stream with our client. The connection is closed when the test ends.
func play(t *testing.T, ctx context.Context, url string) *rtmp.Player {
	t.Helper()
	conn := dial(t, ctx, url)
	p, err := conn.Play(ctx, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func dial(t *testing.T, ctx context.Context, url string) *rtmp.Conn {
	t.Helper()
	conn, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// until reads up to the first video frame that is not before a time.
func (w *watcher) until(t *testing.T, at time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		p, err := w.player.ReadPacket(ctx)
		if err != nil {
			t.Fatalf("waiting for %v of the stream: %v", at, err)
		}
		if p.Kind == media.Video && !p.Config && p.Timestamp >= at {
			break
		}
	}
	if err := w.player.Close(); err != nil {
		t.Fatal(err)
	}
}
