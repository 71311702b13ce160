//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dumped is what rtmpdump, or leat dump, has made of a command line.
type dumped struct {
	code int
	file []byte // nil: none, or an empty one
}

// dumpPrograms are the two that must do the same.
func dumpPrograms() map[string][]string {
	return map[string][]string{"rtmpdump": {"rtmpdump"}, "leat dump": {leat, "dump"}}
}

// startDump starts a program with flags and the file to write.
func startDump(t *testing.T, program []string, flags string, out string) *process {
	t.Helper()
	args := concat(program[1:], strings.Fields(flags), []string{"-o", out})
	return start(t, program[0], args...)
}

func finishDump(t *testing.T, p *process, out string) dumped {
	t.Helper()
	d := dumped{code: p.end(t)}
	file, err := os.ReadFile(out)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if len(file) > 0 {
		d.file = file
	}
	return d
}

// compareDumps runs both programs, at the same time, and compares exit codes and files. prepare makes the file that they find.
func compareDumps(t *testing.T, flags string, prepare func(out string), during func()) dumped {
	t.Helper()
	var all []dumped
	var running []*process
	var outs []string
	for name, program := range dumpPrograms() {
		out := filepath.Join(t.TempDir(), strings.ReplaceAll(name, " ", "_")+".flv")
		if prepare != nil {
			prepare(out)
		}
		running = append(running, startDump(t, program, flags, out))
		outs = append(outs, out)
	}
	during()
	for i, p := range running {
		all = append(all, finishDump(t, p, outs[i]))
	}
	if all[0].code != all[1].code {
		t.Errorf("%s: exit codes %d and %d", flags, all[0].code, all[1].code)
	}
	// With --start rtmpdump leaves the flags in the header empty; nothing else may differ.
	const headerFlags = 4
	for i := range all {
		if len(all[i].file) > headerFlags && strings.Contains(flags, "-A ") {
			all[i].file[headerFlags] = 0
		}
	}
	if !bytes.Equal(all[0].file, all[1].file) {
		t.Errorf("%s: %d and %d bytes, which differ", flags, len(all[0].file), len(all[1].file))
	}
	return all[0]
}

func nothing() {}

// TestDumpRecorded: recordings of nginx-rtmp, byte for byte, and what goes wrong.
func TestDumpRecorded(t *testing.T) {
	t.Parallel()
	proves(t)
	c := videoAndAAC.make(t, "6")
	process, live := nginx(t)
	server := strings.TrimSuffix(live, "/live")
	film, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(recordings(t, process), "film.flv"), film, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, flags := range []string{
		"-r " + server + "/vod/film.flv",
		"-r " + server + "/vod/film -A 2",
		"-r " + server + "/vod/film -B 3 -b 1000 -R",
		"-i " + server + "/vod/film -m 5",
		"-r " + server + "/vod/none -m 2",
		"-r " + server + "/none/film -m 2",
	} {
		compareDumps(t, flags, nil, nothing)
	}
	closed := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	compareDumps(t, "-r rtmp://"+closed+"/vod/film", nil, nothing)
	compareDumps(t, "-g", nil, nothing)
	compareDumps(t, "-r "+server+"/vod/film -l 9", nil, nothing)
	compareDumps(t, "-e -r "+server+"/vod/film", func(out string) {
		if err := os.WriteFile(out, []byte("This is a text, not a film."), 0o644); err != nil {
			t.Fatal(err)
		}
	}, nothing)
}

// recordings makes the folder that nginx plays from.
func recordings(t *testing.T, nginx *process) string {
	t.Helper()
	folder := filepath.Join(nginx.cmd.Args[2], "vod") // of -p
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestDumpLive: a live stream through nginx-rtmp and through leat, byte for byte.
func TestDumpLive(t *testing.T) {
	t.Parallel()
	clip := videoAndAAC.make(t, "4")
	t.Run("nginx-rtmp", func(t *testing.T) {
		t.Parallel()
		proves(t)
		server, url := nginx(t)
		got := compareDumps(t, "-v -m 20 -r "+url+"/a", nil, func() {
			server.awaitLines(t, len(dumpPrograms()), "play: name='a'")
			ffmpegPublish(t, clip, url+"/a").succeed(t)
		})
		checkDumped(t, got)
	})
	t.Run("leat serve", func(t *testing.T) {
		t.Parallel()
		proves(t)
		s := serve(t)
		got := compareDumps(t, "-v -m 20 -r "+s.stream("a"), nil, func() {
			s.events(t, len(dumpPrograms()), "playing", "a")
			ffmpegPublish(t, clip, s.stream("a")).succeed(t)
		})
		checkDumped(t, got)
	})
}

func checkDumped(t *testing.T, d dumped) {
	t.Helper()
	if d.code != 0 || len(d.file) < 10_000 {
		t.Errorf("code %d, %d bytes", d.code, len(d.file))
	}
}

// awaitLines waits until so many lines hold a text.
func (p *process) awaitLines(t *testing.T, n int, text string) {
	t.Helper()
	p.await(t, fmt.Sprintf("line %d with %q", n, text), func(line string) bool {
		if strings.Contains(line, text) {
			n--
		}
		return n == 0
	})
}

// TestDumpFFmpeg: the same stream from ffmpeg, which is the server, twice.
func TestDumpFFmpeg(t *testing.T) {
	t.Parallel()
	proves(t)
	c := videoAndAAC.make(t, "4")
	files := map[string][]byte{}
	for name, program := range dumpPrograms() {
		out := filepath.Join(t.TempDir(), "out.flv")
		withListener(t,
			func(url string) []string {
				return []string{"-re", "-i", c.path, "-c", "copy", "-f", "flv", "-listen", "1", url}
			},
			func(url string) []string { return concat(program, []string{"-v", "-m", "20", "-r", url, "-o", out}) })
		file, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
	}
	if want := files["rtmpdump"]; len(want) < 10_000 || !bytes.Equal(files["leat dump"], want) {
		t.Errorf("leat dump writes %d bytes, rtmpdump %d, and they differ or are few", len(files["leat dump"]), len(want))
	}
}
