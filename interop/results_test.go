//go:build interop

package interop

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write docs/interop.md, with the versions of the programs that are installed")

const page = "../docs/interop.md"

// result is a row of the page: media that went from one program through another to a third, and what was proved of it.
type result struct {
	test    string // which proves it; with players, its subtests of their names do
	players []player
	by      string // the transport that the players use, if the subtests are named after it too
	from    string
	through string
	to      string // "" means the players
	checked string
}

const (
	server    = "leat serve"
	sameWhole = "every frame from the first to the last: bytes, order, timestamps; no other streams; all end with the publisher"
)

var results = append([]result{
	{test: "TestFFmpegPublish/" + videoAndAAC.name, players: players, from: "ffmpeg: " + videoAndAAC.name, through: server, checked: sameWhole},
	{test: "TestFFmpegPublish/" + videoAndMP3.name, players: players, from: "ffmpeg: " + videoAndMP3.name, through: server, checked: sameWhole},
	{test: "TestFFmpegPublish/" + audioOnly.name, players: players, from: "ffmpeg: " + audioOnly.name, through: server, checked: sameWhole},
	{test: "TestFFmpegPublish/" + videoOnly.name, players: players, from: "ffmpeg: " + videoOnly.name, through: server, checked: sameWhole},
	{
		test: "TestExtendedTimestamps", players: players, from: "ffmpeg, two seconds before 0xFFFFFF ms", through: server,
		checked: "the same, on both sides of the first extended timestamp",
	},
	{
		test: "TestLateJoin", players: players, from: "ffmpeg", through: server,
		checked: "joined in mid-stream: metadata and both headers first, then a key frame, then every frame to the end; no other streams",
	},
	{
		test: "TestPublisherReturns", players: stayingPlayers, from: "ffmpeg, killed and started again", through: server,
		checked: "one stream: a beginning of the first publication, all of the second, timestamps rising throughout",
	},
	{
		test: "TestGStreamerPublish", players: gstreamerPlayers, from: "GStreamer rtmp2sink", through: server,
		checked: "what the same pipeline writes to a file; all end with the publisher",
	},
	{
		test: "TestWebOutputs", from: "ffmpeg", through: server + ", .flv, .mp4 and .m3u8 over HTTP", to: "ffmpeg",
		checked: "joined in mid-stream: every frame to the end, on the stream's clock; the recording by the same addresses: every frame",
	},
	{
		test: "TestPlaylists/lowlatency", from: "ffmpeg", through: server + ", master and media playlists with parts", to: "ffprobe",
		checked: "each names what was published, live and recorded",
	},
	{
		test: "TestPlaylists/plain", from: "ffmpeg", through: server + ", playlists without parts", to: "ffprobe",
		checked: "the same",
	},
	{
		test: "TestFFmpegEchoesChunkSize", from: "ffmpeg", through: server, to: "leat play",
		checked: "ffmpeg echoes the server's chunk size, 65536, and uses it; every frame arrives",
	},
	{
		test: "TestRtmpdumpStops", from: "ffmpeg", through: server, to: "rtmpdump -B 2",
		checked: "two seconds of the stream, then the player ends by itself and the publisher goes on",
	},
	{test: "TestNginx", from: "leat publish", through: "nginx-rtmp", to: "leat play", checked: "every frame: bytes, order, timestamps"},
	{
		test: "TestRelayPush/nginx-rtmp", from: "ffmpeg", through: server + ", pushing to nginx-rtmp", to: "ffmpeg",
		checked: "every frame from the first key frame on",
	},
	{
		test: "TestRelayPush/leat", from: "ffmpeg", through: server + ", pushing to another by RTMPS, verified", to: "ffmpeg, leat play",
		checked: "every frame from the first key frame on",
	},
	{
		test: "TestRelayPull", from: "ffmpeg", through: "nginx-rtmp, pulled on demand by " + server, to: "ffmpeg, leat play",
		checked: "joined in mid-stream: from a key frame on every frame to the end; the pull ends after the players",
	},
	{test: "TestFFmpegListens", from: "leat publish", through: "-", to: "ffmpeg -listen 1", checked: "every frame: bytes, order, timestamps"},
	{test: "TestFFmpegServes", from: "ffmpeg -listen 1", through: "-", to: "leat play", checked: "every message: bytes, order, timestamps"},
	{
		test: "TestTimestamps/" + spans[0].name + " " + dialects[0].name, from: spans[0].name + ", " + dialects[0].name, through: server,
		to: "rtmpdump, rtmp.Player", checked: "450,000 messages, each with its 32-bit timestamp",
	},
	{
		test: "TestTimestamps/" + spans[0].name + " " + dialects[1].name, from: spans[0].name + ", " + dialects[1].name, through: server,
		to: "rtmpdump, rtmp.Player", checked: "the same",
	},
	{
		test: "TestTimestamps/" + spans[1].name + " " + dialects[0].name, from: spans[1].name + ", " + dialects[0].name, through: server,
		to: "rtmpdump, rtmp.Player", checked: "the same for 15,000 messages, over the end of the 32-bit clock",
	},
	{
		test: "TestTimestamps/" + spans[1].name + " " + dialects[1].name, from: spans[1].name + ", " + dialects[1].name, through: server,
		to: "rtmpdump, rtmp.Player", checked: "the same",
	},
	{
		test: "TestDumpRecorded", from: "a file", through: "nginx-rtmp", to: "rtmpdump, leat dump",
		checked: "the same file and exit code of both: whole, with --start and --stop, without a stream, an application, a server; wrong flags",
	},
	{
		test: "TestDumpLive/nginx-rtmp", from: "ffmpeg", through: "nginx-rtmp", to: "rtmpdump, leat dump",
		checked: "the same file and exit code of both",
	},
	{
		test: "TestDumpLive/leat serve", from: "ffmpeg", through: server, to: "rtmpdump, leat dump",
		checked: "the same file and exit code of both",
	},
	{
		test: "TestDumpFlags", from: "a recording", through: "rtmp.Server", to: "rtmpdump, leat dump",
		checked: "with the same flags both send the same messages, byte for byte, and end with the same file and exit code",
	},
	{
		test: "TestDumpProofs", from: "a recording", through: "rtmp.Server, which asks for SecureToken and SWF verification", to: "rtmpdump, leat dump",
		checked: "the answers of both are right; the same file and exit code",
	},
	{
		test: "TestDumpTransports", from: "a recording", through: "rtmp.Server by RTMP, RTMPT, RTMPE, RTMPTE, RTMPS, RTMPTS", to: "rtmpdump, leat dump",
		checked: "the same file and exit code of both",
	},
	{
		test: "TestDumpProxy", from: "a recording", through: "rtmp.Server, behind a SOCKS4 proxy", to: "rtmpdump, leat dump",
		checked: "both ask the proxy for the same; the same messages, file and exit code, also when it refuses",
	},
	{
		test: "TestDumpSWF", from: "a recording", through: "rtmp.Server, which asks for SWF verification; the SWF file from a web server", to: "rtmpdump, leat dump",
		checked: "both ask the web server for the same, when they have to, and read each other's .swfinfo",
	},
	{
		test: "TestDumpOutput", from: "a recording", through: "rtmp.Server", to: "rtmpdump, leat dump",
		checked: "the same bytes on standard output; nothing else with --quiet",
	},
	{
		test: "TestDumpWrongFlags", from: "-", through: "-", to: "rtmpdump, leat dump",
		checked: "flags that make no sense: the same exit code of both",
	},
	{
		test: "TestDumpScenes", from: "a recording", through: "a server of the tests, for each branch of librtmp", to: "rtmpdump, leat dump",
		checked: "both say the same to the server, byte for byte, and to the user, write the same file and end with the same code",
	},
	{
		test: "TestDumpDiffers", from: "a recording", through: "a server of the tests", to: "rtmpdump, leat dump",
		checked: "exit codes where they differ on purpose; both say the same to the server",
	},
	{
		test: "TestDumpResumeScenes", from: "a recording", through: "a server of the tests", to: "rtmpdump, leat dump",
		checked: "the same with --resume, whatever the server sends first",
	},
	{
		test: "TestDumpResumes", from: "a recording", through: "rtmp.Server, which counts from 0 where it begins", to: "rtmpdump, leat dump",
		checked: "with --resume and --skip both complete a file that was cut",
	},
	{
		test: "TestDumpFFmpeg", from: "ffmpeg -listen 1", through: "-", to: "rtmpdump, leat dump",
		checked: "the same file and exit code of both",
	},
	{
		test: "TestTrace", players: players, from: "ffmpeg", through: "`leat trace`, before " + server,
		checked: "every frame of every player, and no finding is a warning or an error",
	},
	{
		test: "TestGigabyte", from: "rtmp.Publisher, 1 GiB as fast as it goes", through: server, to: "rtmpdump",
		checked: "every byte, within a minute, over hundreds of acknowledgement windows",
	},
	{
		test: "TestRecorderKilled", from: "ffmpeg", through: "`leat serve`, killed 50 times while it records FLV and MP4", to: "ffprobe",
		checked: "every file opens as it was left, and has its duration after the repair",
	},
	{
		test: "TestDVR/rtmpdump", from: "ffmpeg", through: server + " with `dvr_window`", to: "rtmpdump --start",
		checked: "begins in the past of the live stream: every frame from the key frame before that to its end",
	},
	{
		test: "TestDVR/ffmpeg", from: "ffmpeg", through: server + " with `dvr_window`", to: "ffmpeg -rtmp_live recorded",
		checked: "begins at the start of the live stream: every frame",
	},
	{
		test: "TestDVR/ffmpeg, seeking", from: "ffmpeg", through: server + " with `dvr_window`", to: "ffmpeg, seeking",
		checked: "goes back in the live stream: every frame from the key frame before its target to the end",
	},
	{
		test: "TestBucketPlays/flv", from: "ffmpeg", through: "`leat serve`, which stores the recording (FLV) in versitygw", to: "ffmpeg, seeking",
		checked: "every frame and its times, as ffmpeg reads them in the object; every frame behind each of three seeks",
	},
	{
		test: "TestBucketPlays/mp4", from: "ffmpeg", through: "`leat serve`, which stores the recording (MP4) in versitygw", to: "ffmpeg, seeking",
		checked: "the same",
	},
	{
		test: "TestBucketResumes", from: "ffmpeg", through: "`leat serve` and versitygw, both killed during the upload", to: "ffmpeg, seeking",
		checked: "every frame and its times, as ffmpeg reads them in the source; parts that were stored are not sent again",
	},
	byTransport(0), byTransport(1), byTransport(2), byTransport(3), byTransport(4),
	leatPublishes(0), leatPublishes(1), leatPublishes(2), leatPublishes(3), leatPublishes(4),
	ffmpegTunnels("rtmpt"), ffmpegTunnels("rtmpts"),
}, append(filmResults(), convertResults()...)...)

// convertResults are the rows of leat convert.
func convertResults() []result {
	var rows []result
	for _, m := range converted {
		rows = append(rows, result{
			test: "TestConvert/" + m.name, from: "a file: " + m.name, through: "`leat convert` to FLV, and on to MP4", to: "ffmpeg, ffprobe",
			checked: "every frame, and when it is shown, as ffmpeg reads them in the source",
		})
	}
	return rows
}

// filmResults are the rows of the files that a server plays.
func filmResults() []result {
	var rows []result
	for _, film := range films {
		rows = append(rows,
			result{test: "TestFilmWhole/" + film.name, from: "a file: " + film.name, through: server, to: "ffmpeg", checked: "every frame and its times, as ffmpeg reads them in the file"},
			result{test: "TestFilmSeek/" + film.name, from: "a file: " + film.name, through: server, to: "ffmpeg, seeking", checked: "every frame behind each of ten seeks"},
			result{test: "TestFilmPause/" + film.name, from: "a file: " + film.name, through: server, to: "rtmp.Player", checked: "every frame, over many pauses"},
		)
	}
	for _, m := range []movie{hevcAndAAC, av1AndOpus} {
		rows = append(rows, result{
			test: "TestFilmEnhanced/" + m.name, from: "a file: " + m.name, through: server, to: "rtmp.Player, then ffmpeg",
			checked: "every frame, whole and from nine places on: ffmpeg 5.1 does not take these codecs by RTMP itself",
		})
	}
	return append(rows,
		result{test: "TestFilmDump", from: "a file: FLV", through: server, to: "rtmpdump", checked: "every frame: whole, with --start, --stop, --resume, and with a short buffer, for which it pauses"},
	)
}

// byTransport is the row of the players that speak a transport.
func byTransport(i int) result {
	return result{
		test: "TestTransports", players: speakers[i].players, by: speakers[i].scheme, from: "ffmpeg by rtmps", through: server + ", one port for all",
		checked: sameWhole,
	}
}

func leatPublishes(i int) result {
	scheme := speakers[i].scheme
	return result{
		test: "TestLeatPublishTransports/" + scheme, from: "leat publish by " + scheme, through: server, to: "ffmpeg, leat play", checked: sameWhole,
	}
}

func ffmpegTunnels(scheme string) result {
	return result{
		test: "TestFFmpegPublishesByTunnel/" + scheme, from: "ffmpeg by " + scheme, through: server, to: "-",
		checked: "the stream arrives, but for its end, which ffmpeg throws away when it closes a tunnel",
	}
}

// tests returns the names of the tests that prove a row.
func (r *result) tests() []string {
	name := strings.ReplaceAll(r.test, " ", "_")
	if r.players == nil {
		return []string{name}
	}
	var names []string
	for _, p := range r.players {
		sub := p.name
		if r.by != "" {
			sub += " by " + r.by
		}
		names = append(names, name+"/"+strings.ReplaceAll(sub, " ", "_"))
	}
	return names
}

// proved is what the tests have proved so far.
var proved = struct {
	sync.Mutex
	tests map[string]bool
}{tests: map[string]bool{}}

// proves says that the test is the proof of a row, or of one player in it.
func proves(t *testing.T) {
	t.Cleanup(func() {
		proved.Lock()
		defer proved.Unlock()
		proved.tests[t.Name()] = !t.Failed()
	})
}

// TestPage: docs/interop.md says what the tests prove. The versions at its end are of the machine that wrote it.
func TestPage(t *testing.T) {
	if *update {
		return // settle writes it
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got, _, _ := strings.Cut(string(text), versionsHeading)
	if want := render(func(*result) bool { return true }); got != want {
		t.Errorf("%s is not what the tests prove; write it with: go test -tags interop ./interop -update\ngot\n%s\nwant\n%s", page, got, want)
	}
}

// settle compares the rows with what was proved, if all tests were run, and writes the page if that is wanted.
func settle() error {
	if run := flag.Lookup("test.run").Value.String(); run != "" {
		if *update {
			return errors.New("-update needs all tests to run")
		}
		return nil
	}
	holds := func(r *result) bool {
		return !slices.ContainsFunc(r.tests(), func(name string) bool { return !proved.tests[name] })
	}
	if *update {
		return os.WriteFile(page, []byte(render(holds)+versionsHeading+versions()), 0o644)
	}
	var errs []error
	unknown := maps.Clone(proved.tests)
	for _, r := range results {
		if !holds(&r) {
			errs = append(errs, fmt.Errorf("the row of %s in results_test.go was not proved", r.test))
		}
		for _, name := range r.tests() {
			delete(unknown, name)
		}
	}
	for name := range unknown {
		errs = append(errs, fmt.Errorf("%s has no row in results_test.go", name))
	}
	return errors.Join(errs...)
}

const pageHead = `# Interoperability

Real clients and servers, as judges of this one. ` + "`make interop`" + ` runs these tests and ` + "`go test -tags interop ./interop -update`" + ` writes this page.

Media is made by ffmpeg: five seconds or so of a test picture, with a key frame every second and two B-frames between others,
and a tone. Frames are compared by their MD5, as ffmpeg, ffprobe or our FLV reader give it, and by decode and presentation time up to
one constant; programs that keep the messages as they came are compared message by message, in their order over all tracks.

| from | through | to | what is checked | result |
|---|---|---|---|---|
`

const pageTail = `
## What the programs do by themselves

- rtmpdump and GStreamer leave out video messages of five bytes and less. ffmpeg ends an H.264 stream with one (AVC end of sequence).
- GStreamer's rtmp2src throws away the message that it holds when Stream EOF comes, so its last frame may be missing.
- ffmpeg, serving with ` + "`-listen 1`" + `, ends a stream with FCUnpublish and deleteStream, without onStatus or Stream EOF.
- nginx-rtmp sends sequence headers of its own making to players, in its own order. It tells them of the publisher's end only with ` + "`publish_notify on`" + `.
- rtmpdump may warn that "client signature does not match": it compares all of S2 with C1, and RTMP 5.2.4 puts another time there.
- In a pipe, rtmpdump holds back up to 4 kB until it ends.
`

const versionsHeading = "\n## Programs that this page was last written with\n\n"

// render writes the page without versions.
func render(holds func(*result) bool) string {
	var b strings.Builder
	b.WriteString(pageHead)
	for _, r := range results {
		to := r.to
		if r.players != nil {
			var names []string
			for _, p := range r.players {
				names = append(names, p.name)
			}
			if to = strings.Join(names, ", "); r.by != "" {
				to += " by " + r.by
			}
		}
		verdict := "passes"
		if !holds(&r) {
			verdict = "**fails**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.from, r.through, to, r.checked, verdict)
	}
	b.WriteString(pageTail)
	return b.String()
}

// versions asks each program for its version: the first line of what it says that has a number in it.
func versions() string {
	var b strings.Builder
	for _, command := range [][]string{
		{"ffmpeg", "-version"}, {"rtmpdump", "-h"}, {"gst-launch-1.0", "--version"}, {"nginx", "-v"},
	} {
		out, _ := exec.Command(command[0], command[1:]...).CombinedOutput() // rtmpdump -h says 1
		lines := strings.Split(string(out), "\n")
		i := slices.IndexFunc(lines, func(line string) bool { return strings.ContainsAny(line, "0123456789") })
		if i < 0 {
			continue
		}
		line, _, _ := strings.Cut(lines[i], " Copyright")
		fmt.Fprintf(&b, "- %s\n", strings.TrimSpace(line))
	}
	return b.String()
}
