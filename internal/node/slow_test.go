package node

import (
	"strings"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/config"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// heavy is a stream whose video no small socket buffer holds: a second of it is a megabyte, with two key frames.
type heavy struct {
	at     time.Duration
	frames int
	sent   []*media.Packet
}

const heavyInterval = 20 * time.Millisecond

// next returns 20 ms of stream: a frame of each kind.
func (h *heavy) next() []*media.Packet {
	video := make([]byte, 20<<10)
	video[0], video[1] = 0x27, 1
	isKey := h.frames%25 == 0
	if isKey {
		video[0] = 0x17
	}
	audio := []byte{0xaf, 1, byte(h.frames), byte(h.frames >> 8)}
	packets := []*media.Packet{
		{Kind: media.Video, Codec: media.CodecAVC, Key: isKey, Timestamp: h.at, Body: video, Data: video[5:]},
		{Kind: media.Audio, Codec: media.CodecAAC, Timestamp: h.at, Body: audio, Data: audio[2:]},
	}
	h.at += heavyInterval
	h.frames++
	h.sent = append(h.sent, packets...)
	return packets
}

// publishUntil publishes as time goes by until stop is closed.
func (h *heavy) publishUntil(t *testing.T, pub *rtmp.Publisher, stop <-chan struct{}) error {
	h.sent = mediatest.AVC(time.Second)[:3] // headers
	ctx := limit(t)
	for _, p := range h.sent {
		if err := pub.WritePacket(ctx, p); err != nil {
			return err
		}
	}
	tick := time.NewTicker(heavyInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return pub.Close()
		}
		for _, p := range h.next() {
			if err := pub.WritePacket(ctx, p); err != nil {
				return err
			}
		}
	}
}

// TestSlowPlayerCatchesUp: one who stalls and reads again has lost video and no audio; others have lost nothing.
func TestSlowPlayerCatchesUp(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	slow := s.view(t, "cam", true)
	quick := play(t, s.url("/live/cam"), nil)
	h, stop := &heavy{}, make(chan struct{})
	published := make(chan error, 1)
	pub := publish(t, s.url("/live/cam"))
	go func() { published <- h.publishUntil(t, pub, stop) }()
	got := make(chan []*media.Packet, 1)
	go func() {
		all, err := read(limit(t), quick, 1<<30)
		t.Logf("the quick player: %v after %d packets", err, len(all))
		got <- all
	}()

	until(t, "the slow player was behind", func() bool { return s.Streams()[0].Publisher.Packets > 320 })
	behind := slow.media(320) // reads again: so much audio alone has been sent by the time it has caught up
	close(stop)
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	if d := mediatest.DiffAll(<-got, h.sent); d != "" {
		t.Errorf("the quick player: %s", d)
	}
	all := append(behind, slow.status("NetStream.Play.UnpublishNotify")...)
	var audio, video, afterGap int
	lastVideo := int64(-1)
	for _, m := range all {
		switch message.Type(m.Type) {
		case message.TypeAudio:
			audio++
		case message.TypeVideo:
			video++
			if m.Body[1] == 1 {
				if lastVideo >= 0 && int64(m.Timestamp)-lastVideo > heavyInterval.Milliseconds() {
					afterGap++
					if m.Body[0] != 0x17 {
						t.Errorf("video goes on at %d ms with a frame that is no key frame", m.Timestamp)
					}
				}
				lastVideo = int64(m.Timestamp)
			}
		}
	}
	sent := len(h.sent) - 3
	if audio != 1+sent/2 || video >= 1+sent/2 || afterGap == 0 {
		t.Errorf("of %d frames of each kind the slow player got %d of audio and %d of video, with %d gaps", sent/2, audio-1, video-1, afterGap)
	}
	if n := s.snapshot().MessagesDropped; int(n) != 1+sent/2-video {
		t.Errorf("%d messages are counted as dropped, want %d", n, 1+sent/2-video)
	}
}

// TestSlowPlayerIsEnded: one who reads nothing for max_lag is told why, and closed.
func TestSlowPlayerIsEnded(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.Limits.MaxLag = 500 * time.Millisecond })
	slow := s.view(t, "cam", true)
	quick := play(t, s.url("/live/cam"), nil)
	h, stop := &heavy{}, make(chan struct{})
	published := make(chan error, 1)
	pub := publish(t, s.url("/live/cam"))
	go func() { published <- h.publishUntil(t, pub, stop) }()
	got := make(chan []*media.Packet, 1)
	go func() {
		all, err := read(limit(t), quick, 1<<30)
		t.Logf("the quick player: %v after %d packets", err, len(all))
		got <- all
	}()
	s.lines.wait(t, "play ended", "it was too slow for limits.max_lag")
	close(stop)
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	if d := mediatest.DiffAll(<-got, h.sent); d != "" {
		t.Errorf("the quick player: %s", d)
	}
	level := ""
	slow.until("the reason", func(m *chunk.Message) bool {
		cmd := slow.command(m, "onStatus")
		if cmd == nil {
			return false
		}
		status := cmd.Args[0].(*amf.Object)
		level = status.Text("level")
		return status.Text("code") == string(rtmp.CodePlayInsufficientBW)
	})
	if level != rtmp.LevelError {
		t.Errorf("it is told that it was too slow as %s", level)
	}
	if line := s.lines.wait(t, "msg=closed", "too slow"); !strings.Contains(line, "side=local") {
		t.Errorf("the line of the closed connection: %s", line)
	}
}
