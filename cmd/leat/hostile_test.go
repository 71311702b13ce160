package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/amf"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// redirect tells a client, after connect, to go elsewhere, as SRS does, and waits until it has gone.
func redirect(ctx context.Context, c *rtmp.Conn, to string) error {
	err := c.Notify("onStatus", amf.NewObject(
		"level", "error", "code", string(rtmp.CodeConnectRejected), "description", "moved",
		"ex", amf.NewObject("code", 302.0, "redirect", to),
	))
	<-ctx.Done()
	return err
}

func TestPlayIsRedirected(t *testing.T) {
	home := serveOn(t, listen(t), &peer{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		if s.Key() != (media.Key{App: "home", Name: "cam"}) {
			return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "not %v", s.Key())
		}
		return send(ctx, s, mediatest.AVC(time.Second))
	}})
	old := serveOn(t, listen(t), &peer{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		return redirect(ctx, s.Conn(), "rtmp://"+home+"/home")
	}})
	for _, verb := range []string{"play", "dump"} {
		out := filepath.Join(t.TempDir(), "out.flv")
		code, _, stderr := leat(t.Context(), "", verb, "-o", out, "rtmp://"+old+"/live/cam")
		if code != exitDone || len(readFrames(t, out)) < 70 {
			t.Errorf("%s: code %d: %s", verb, code, stderr)
		}
	}
}

// TestPlayIsMoved: a server that asks for a reconnect in the middle of the stream is obeyed, and the file stays one.
func TestPlayIsMoved(t *testing.T) {
	clip := mediatest.AVC(4 * time.Second)
	second := serveOn(t, listen(t), &peer{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		return send(ctx, s, clip)
	}})
	first := serveOn(t, listen(t), &peer{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		if err := send(ctx, s, clip[:len(clip)/2]); err != nil {
			return err
		}
		if !s.Conn().RequestReconnect("rtmp://"+second+"/other", "maintenance") {
			t.Error("leat play does not understand reconnect requests")
		}
		<-ctx.Done()
		return nil
	}})
	out := filepath.Join(t.TempDir(), "out.flv")
	code, _, stderr := leat(t.Context(), "", "play", "-o", out, "rtmp://"+first+"/live/cam")
	if code != exitDone || stderr != "leat: "+first+" asks us to go on at "+second+"\n" {
		t.Errorf("code %d: %s", code, stderr)
	}
	frames := func(packets []*media.Packet) []*media.Packet {
		return slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool { return p.Config })
	}
	if d := mediatest.DiffAll(frames(readFrames(t, out)), frames(clip)); d != "" {
		t.Error(d)
	}
}

// TestSeekTestIsRedirected: a recording may have gone elsewhere, too.
func TestSeekTestIsRedirected(t *testing.T) {
	dir := t.TempDir()
	if err := createFLV(filepath.Join(dir, "film.flv"), 3*time.Second); err != nil {
		t.Fatal(err)
	}
	home := serveFiles(t, dir)
	old := serveOn(t, listen(t), &peer{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		return redirect(ctx, s.Conn(), home+"/vod")
	}})
	code, stdout, stderr := leat(t.Context(), "", "play", "--seek-test", "rtmp://"+old+"/live/film")
	if code != exitDone || strings.Count(stdout, "plays from") != len(seekPoints) {
		t.Errorf("code %d: %s%s", code, stdout, stderr)
	}
}

// TestPublishIsRedirected: so are publish and probe.
func TestPublishIsRedirected(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cam.flv")
	if err := createFLV(file, time.Second); err != nil {
		t.Fatal(err)
	}
	got := newCollector()
	home := serveOn(t, listen(t), &peer{
		publish: got.publish,
		play:    func(ctx context.Context, s *rtmp.PlayStream) error { return send(ctx, s, mediatest.AVC(time.Second)) },
	})
	old := serveOn(t, listen(t), &peer{
		publish: func(ctx context.Context, s *rtmp.PublishStream) error {
			return redirect(ctx, s.Conn(), "rtmp://"+home+"/home")
		},
		play: func(ctx context.Context, s *rtmp.PlayStream) error {
			return redirect(ctx, s.Conn(), "rtmp://"+home+"/home")
		},
	})
	code, _, stderr := leat(t.Context(), "", "publish", "--speed", "0", file, "rtmp://"+old+"/live/cam")
	if code != exitDone || len(got.all(t)) < 70 {
		t.Errorf("publish: code %d, %d packets: %s", code, len(got.all(t)), stderr)
	}
	code, stdout, stderr := leat(t.Context(), "", "probe", "rtmp://"+old+"/live/cam")
	if code != exitDone || stdout == "" {
		t.Errorf("probe: code %d: %s", code, stderr)
	}
}

// TestHostileServer: whatever a server does, a player ends with a sentence and an exit code.
func TestHostileServer(t *testing.T) {
	tests := []struct {
		name       string
		play       func(ctx context.Context, s *rtmp.PlayStream) error
		code, dump int // exit codes of leat play and leat dump
		says       string
	}{
		{"sends us in a circle", func(ctx context.Context, s *rtmp.PlayStream) error {
			return redirect(ctx, s.Conn(), "/live")
		}, exitRefused, exitFailed, "not redirected more than 5 times"},
		{"sends us nowhere", func(ctx context.Context, s *rtmp.PlayStream) error {
			return redirect(ctx, s.Conn(), "gopher://hole/live")
		}, exitRefused, exitFailed, "the address of a redirect is not usable"},
		{"asks without end", func(ctx context.Context, s *rtmp.PlayStream) error {
			for ctx.Err() == nil {
				if err := s.Conn().Notify("_onbwcheck"); err != nil {
					<-ctx.Done()
				}
			}
			return nil
		}, exitFailed, exitFailed, "cannot play live/cam"},
		{"sends metadata of 17 MiB", func(ctx context.Context, s *rtmp.PlayStream) error {
			body := amf.AppendString(nil, media.NameMetadata)
			err := s.WritePacket(ctx, &media.Packet{Kind: media.Data, Name: media.NameMetadata, Body: append(body, make([]byte, 17<<20)...)})
			<-ctx.Done()
			return err
		}, exitFailed, exitFailed, "nothing was received of live/cam"},
	}
	for _, test := range tests {
		for verb, want := range map[string]int{"play": test.code, "dump": test.dump} {
			t.Run(test.name+" "+verb, func(t *testing.T) {
				t.Parallel()
				address := serveOn(t, listen(t), &peer{play: test.play})
				timeout := "--timeout=2s"
				if verb == "dump" {
					timeout = "--timeout=2"
				}
				out := filepath.Join(t.TempDir(), "out.flv")
				code, _, stderr := leat(t.Context(), "", verb, "-o", out, timeout, "rtmp://"+address+"/live/cam")
				if code != want || !strings.Contains(stderr, test.says) {
					t.Errorf("code %d, want %d; it said %s", code, want, masked(stderr, address))
				}
			})
		}
	}
}
