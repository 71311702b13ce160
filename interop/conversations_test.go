//go:build interop

package interop

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/conversation"
	"leat/internal/wire/message"
	"leat/rtmp"
)

var record = flag.Bool("record", false, "write what the programs say to internal/conversation/testdata")

// TestConversations lets programs talk to `leat serve`, and our client to servers, and compares what they say with what
// internal/conversation holds of them: the same commands. With -record it is written there.
func TestConversations(t *testing.T) {
	t.Parallel()
	clip := tinyClip(t)
	for name, program := range clientPrograms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStudio(t, clip)
			program(t, s)
			compareConversation(t, conversation.ClientFolder, name, s.tap.all(t))
		})
	}
	for name, moves := range conversation.ServerMoves() {
		t.Run("server/"+name, func(t *testing.T) {
			t.Parallel()
			program, _, _ := strings.Cut(name, "-")
			heard := serverPrograms[program](t, name, clip, moves)
			compareConversation(t, conversation.ServerFolder, name, heard)
		})
	}
}

// tinyClip makes two seconds of a picture of a few pixels, and a low tone: what counts is how they are sent.
func tinyClip(t *testing.T) string {
	t.Helper()
	clip := filepath.Join(t.TempDir(), conversation.Film+".flv")
	output(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=8000",
		"-t", "2", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-crf", "45", "-g", "5", "-bf", "1",
		"-bsf:v", "filter_units=remove_types=6", "-c:a", "aac", "-b:a", "8k", clip)
	return clip
}

// studio is a server that plays a clip as a film, and a tap before it for the program that is recorded.
type studio struct {
	clip       string
	server     *liveServer
	tap        *tap
	live, film string // the addresses behind the tap
}

func newStudio(t *testing.T, clip string) *studio {
	t.Helper()
	server := serveWith(t, fmt.Sprintf("defaults: {play_dir: %q}", filepath.Dir(clip)))
	tapped := newTap(t, server.url)
	app := tapped.url + "/" + conversation.App + "/"
	return &studio{clip: clip, server: server, tap: tapped, live: app + conversation.Stream, film: app + conversation.Film}
}

// onAir has the clip published, again and again, until the test ends.
func (s *studio) onAir(t *testing.T) {
	t.Helper()
	publishForever(t, s.clip, s.server.stream(conversation.Stream))
	s.server.event(t, "stream carries", conversation.Stream)
}

func publishForever(t *testing.T, clip, url string) {
	t.Helper()
	start(t, "ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "flv", url)
}

// clientPrograms are what programs do at the studio's server.
func clientPrograms() map[string]func(t *testing.T, s *studio) {
	ffmpeg := []string{"ffmpeg", "-nostdin", "-v", "error"}
	dump := []string{"rtmpdump", "-q"}
	gstreamer := []string{"gst-launch-1.0", "-q"}
	null := []string{"-c", "copy", "-f", "null", "-"}
	live := func(program []string, args ...string) func(*testing.T, *studio) {
		return func(t *testing.T, s *studio) {
			s.onAir(t)
			s.run(t, concat(program, args))
		}
	}
	other := func(program []string, args ...string) func(*testing.T, *studio) {
		return func(t *testing.T, s *studio) { s.run(t, concat(program, args)) }
	}
	gstPublish := func(sink ...string) func(*testing.T, *studio) {
		return func(t *testing.T, s *studio) {
			requireElements(t, "flvdemux", "h264parse", "aacparse", "flvmux", sink[0])
			s.run(t, concat([]string{"gst-launch-1.0"}, remux(s.clip, sink...)))
		}
	}
	ours := func(do func(context.Context, *rtmp.Conn) (int, error)) func(*testing.T, *studio) {
		return func(t *testing.T, s *studio) {
			converse(t, s.tap.url+"/"+conversation.App, nil, conversation.Moves{Do: do})
		}
	}
	return map[string]func(t *testing.T, s *studio){
		"ffmpeg-publish":        other(ffmpeg, "-i", "CLIP", "-c", "copy", "-f", "flv", "LIVE"),
		"ffmpeg-play":           live(ffmpeg, concat([]string{"-i", "LIVE", "-t", "1"}, null)...),
		"ffmpeg-recorded":       other(ffmpeg, concat([]string{"-rtmp_live", "recorded", "-i", "FILM"}, null)...),
		"ffmpeg-seek":           other(ffmpeg, concat([]string{"-ss", "1", "-i", "FILM"}, null)...),
		"rtmpdump-play":         live(dump, "-v", "-r", "LIVE", "-B", "1", "-o", "OUT"),
		"rtmpdump-recorded":     other(dump, "-r", "FILM", "-o", "OUT"),
		"rtmpdump-start":        other(dump, "-r", "FILM", "-A", "1", "-o", "OUT"),
		"rtmpdump-resume":       resumeFilm,
		"gstreamer-rtmp2sink":   gstPublish("rtmp2sink", "location=LIVE"),
		"gstreamer-rtmpsink":    gstPublish("rtmpsink", "location=LIVE"),
		"gstreamer-rtmp2src":    live(gstreamer, "rtmp2src", "location=LIVE", "num-buffers=8", "!", "fakesink"),
		"gstreamer-rtmpsrc":     live(gstreamer, "rtmpsrc", "location=LIVE live=1", "num-buffers=4", "!", "fakesink"),
		"nginx-push":            nginxPushes,
		"nginx-pull":            nginxPulls,
		"leat-play":             onAirBefore(ours(playAWhile)),
		"leat-recorded":         ours(conversation.PlayRecorded),
		"leat-publish":          ours(conversation.Publish),
		"leat-publish-enhanced": ours(conversation.PublishEnhanced),
		"leat-shared-object":    ours(conversation.Share),
	}
}

// run runs a program to its end, with addresses and files in the places of their names.
func (s *studio) run(t *testing.T, program []string) {
	t.Helper()
	names := strings.NewReplacer("LIVE", s.live, "FILM", s.film, "CLIP", s.clip, "OUT", filepath.Join(t.TempDir(), "out.flv"))
	args := make([]string, len(program))
	for i, arg := range program {
		args[i] = names.Replace(arg)
	}
	start(t, args[0], args[1:]...).end(t)
}

func onAirBefore(do func(*testing.T, *studio)) func(*testing.T, *studio) {
	return func(t *testing.T, s *studio) {
		s.onAir(t)
		do(t, s)
	}
}

// playAWhile plays live, and says all that a player of a live stream can say.
func playAWhile(ctx context.Context, c *rtmp.Conn) (int, error) {
	p, err := c.Play(ctx, conversation.Stream, nil)
	if err != nil {
		return 0, err
	}
	for i, say := range []func() error{
		func() error { return p.ReceiveVideo(false) }, func() error { return p.ReceiveVideo(true) },
		func() error { return p.Pause(true, 0) }, func() error { return p.Pause(false, 0) },
		func() error { return p.ReceiveAudio(false) }, func() error { return p.SetBufferLength(time.Second) },
	} {
		if _, err := p.ReadPacket(ctx); err != nil {
			return i, err
		}
		if err := say(); err != nil {
			return i, err
		}
	}
	return 6, p.Close()
}

// resumeFilm has rtmpdump complete a file that was cut.
func resumeFilm(t *testing.T, s *studio) {
	out := filepath.Join(t.TempDir(), "resumed.flv")
	start(t, "rtmpdump", "-q", "-r", s.server.url+"/"+conversation.App+"/"+conversation.Film, "-B", "1", "-o", out).end(t)
	start(t, "rtmpdump", "-q", "-r", s.film, "--resume", "-o", out).end(t)
}

// nginxPushes has nginx-rtmp push what is published to it.
func nginxPushes(t *testing.T, s *studio) {
	_, url := nginxWith(t, fmt.Sprintf("application push { live on; push %s; }", s.live))
	output(t, "ffmpeg", "-v", "error", "-re", "-i", s.clip, "-c", "copy", "-f", "flv", strings.Replace(url, "/live", "/push/cam", 1))
	s.server.event(t, "publish ended", conversation.Stream)
}

// nginxPulls has nginx-rtmp pull what is played from it.
func nginxPulls(t *testing.T, s *studio) {
	s.onAir(t)
	p, url := nginxWith(t, fmt.Sprintf("application pull { live on; pull %s name=cam; }", s.live))
	output(t, "ffmpeg", "-v", "error", "-i", strings.Replace(url, "/live", "/pull/cam", 1), "-t", "1", "-c", "copy", "-f", "null", "-")
	p.kill()
}

// serverPrograms are servers by their name; each returns all that it said during the moves of our client.
var serverPrograms = map[string]func(t *testing.T, name, clip string, moves conversation.Moves) []byte{
	"leat": func(t *testing.T, name, clip string, moves conversation.Moves) []byte {
		s := serveWith(t, fmt.Sprintf("defaults: {play_dir: %q}", filepath.Dir(clip)))
		switch name {
		case "leat-play":
			return duringPublication(t, s.url+"/"+conversation.App, moves, []string{"ffmpeg", "-nostdin", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv", s.stream(conversation.Stream)})
		case "leat-play-enhanced":
			return duringPublication(t, s.url+"/"+conversation.App, moves, []string{leat, "publish", enhancedClip(t), s.stream(conversation.Stream)})
		}
		return converse(t, s.url+"/"+conversation.App, nil, moves)
	},
	"nginx": func(t *testing.T, name, clip string, moves conversation.Moves) []byte {
		p, url := nginx(t)
		switch name {
		case "nginx-publish":
			return converse(t, url, nil, moves)
		case "nginx-play":
			return duringPublication(t, url, moves, []string{"ffmpeg", "-nostdin", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv", url + "/cam"})
		}
		film, err := os.ReadFile(clip)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(recordings(t, p), conversation.Film+".flv"), film, 0o600); err != nil {
			t.Fatal(err)
		}
		return converse(t, strings.Replace(url, "/live", "/vod", 1), nil, moves)
	},
	"ffmpeg": func(t *testing.T, name, clip string, moves conversation.Moves) []byte {
		url := fmt.Sprintf("rtmp://127.0.0.1:%d", freePort(t))
		address := url + "/" + conversation.App + "/" + conversation.Stream
		args := []string{"-nostdin", "-v", "error", "-listen", "1", "-i", address, "-f", "null", "-"}
		if name == "ffmpeg-play" {
			args = []string{"-nostdin", "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv", "-listen", "1", address}
		}
		start(t, "ffmpeg", args...)
		return converse(t, url+"/"+conversation.App, nil, moves)
	},
}

// enhancedClip makes half a second of H.265.
func enhancedClip(t *testing.T) string {
	t.Helper()
	clip := filepath.Join(t.TempDir(), "enhanced.mp4")
	output(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10", "-t", "2", "-c:v", "libx265", "-crf", "45",
		"-x265-params", "log-level=none:keyint=10:info=0", "-tag:v", "hvc1", clip)
	return clip
}

// duringPublication does moves while a program publishes, which begins when the player has connected.
func duringPublication(t *testing.T, app string, moves conversation.Moves, program []string) []byte {
	t.Helper()
	return converse(t, app, func() { start(t, program[0], program[1:]...) }, moves)
}

// converse connects our client to an application, tries until its server listens, does the moves and returns what the server said. before, if not nil,
// is called when the client has connected.
func converse(t *testing.T, app string, before func(), moves conversation.Moves) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ear := &hearing{}
	cfg := &rtmp.DialConfig{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		return &heardConn{nc, ear}, err
	}}
	var c *rtmp.Conn
	for tick := time.Tick(50 * time.Millisecond); c == nil; {
		conn, err := rtmp.Dial(ctx, app, cfg)
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		if err == nil {
			c = conn
			break
		}
		<-tick
	}
	if before != nil {
		before()
	}
	got, err := moves.Do(ctx, c)
	if err != nil || got < moves.Least {
		t.Errorf("the moves came to %d, want %d: %v", got, moves.Least, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	return ear.heard()
}

// hearing keeps what a server says.
type hearing struct {
	mu sync.Mutex
	b  []byte
}

func (l *hearing) heard() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.b)
}

// heardConn is a connection that is listened to.
type heardConn struct {
	net.Conn
	ear *hearing
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.ear.mu.Lock()
	defer c.ear.mu.Unlock()
	c.ear.b = append(c.ear.b, b[:n]...)
	return n, err
}

// compareConversation compares a recording with what the program says now, or writes it.
func compareConversation(t *testing.T, folder, name string, b []byte) {
	t.Helper()
	if t.Failed() {
		return
	}
	file := filepath.Join("..", "internal", "conversation", filepath.FromSlash(conversation.File(folder, name)))
	if *record {
		said, err := conversation.Parse(name, b)
		if err != nil {
			t.Fatal(err)
		}
		whole := slices.Concat(said.Handshake, slices.Concat(said.Edit(nil, nil)...)) // without a message that was cut off at the end
		if err := os.WriteFile(file, whole, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outline(t, name, b), outline(t, name, kept); !slices.Equal(got, want) {
		t.Errorf("it says %q, and said %q when %s was recorded (-record does so again)", got, want, file)
	}
}

// hurried are commands that a program says or not, as time allows: those of the measurement of bandwidth, pauses of a player whose buffer is
// full, farewells.
var hurried = []string{"_checkbw", "_onbwcheck", "_onbwdone", "_result", "deleteStream", "pause"}

// outline is which commands one side says, but for hurried ones, each once, in the order of the alphabet.
func outline(t *testing.T, name string, b []byte) []string {
	t.Helper()
	c, err := conversation.Parse(name, b)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, m := range c.Messages {
		parsed, err := message.Parse(message.Type(m.Type), m.Body, amf.Limits{})
		if err != nil {
			t.Fatalf("%s says what cannot be understood: %v", name, err)
		}
		if command, ok := parsed.(*message.Command); ok && !slices.Contains(hurried, command.Name) {
			said[command.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(said))
}
