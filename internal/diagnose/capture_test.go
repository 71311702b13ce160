package diagnose

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the transcripts in testdata anew")

// transcript prints a capture of one connection.
func transcript(r io.Reader, p *Printer) (string, error) {
	var b strings.Builder
	p.Output, p.Conn = NewOutput(&b), 1
	capture, err := NewCaptureReader(r)
	if err != nil {
		return "", err
	}
	p.Begin("of a capture")
	var at time.Duration
	for {
		rec, err := capture.Read()
		if errors.Is(err, io.EOF) {
			p.End(at, "it has ended")
			return b.String(), p.Output.Err()
		}
		if err != nil {
			return b.String(), err
		}
		at = rec.At
		switch rec.Type {
		case RecordClient:
			p.Feed(FromClient, at, rec.Data)
		case RecordServer:
			p.Feed(FromServer, at, rec.Data)
		}
	}
}

// TestTranscripts prints what real programs have said to leat; nothing is wrong with it.
func TestTranscripts(t *testing.T) {
	captures, err := filepath.Glob("testdata/*.cap")
	if err != nil || len(captures) < 3 {
		t.Fatalf("captures: %v, %v", captures, err)
	}
	for _, name := range captures {
		f, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := &Printer{}
		got, err := transcript(bytes.NewReader(f), p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden := strings.TrimSuffix(name, ".cap") + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s prints as\n%s\nand not as in %s; see -update", name, got, golden)
		}
		for _, f := range p.Summary().Findings {
			if f.Severity != Info {
				t.Errorf("%s: a false alarm: %s", name, f)
			}
		}
	}
}

// TestSecretsAreMasked looks for stream keys in all that is printed.
// TestOneByte: a chunk of format 3 has one byte of header, not "1 bytes".
func TestOneByte(t *testing.T) {
	f, err := os.ReadFile("testdata/ffmpeg-publish.cap")
	if err != nil {
		t.Fatal(err)
	}
	got, err := transcript(bytes.NewReader(f), &Printer{Chunks: true, Media: true})
	if err != nil || !strings.Contains(got, ", 1 byte of header and ") || strings.Contains(got, " 1 bytes") {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	f, err := os.ReadFile("testdata/ffmpeg-publish.cap")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Printer{{}, {Chunks: true, Media: true}} {
		got, err := transcript(bytes.NewReader(f), p)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got, "camera1") {
			t.Errorf("the stream key is printed:\n%s", got)
		}
	}
	got, err := transcript(bytes.NewReader(f), &Printer{ShowSecrets: true})
	if err != nil || !strings.Contains(got, "camera1") {
		t.Errorf("with ShowSecrets the key is not printed: %v\n%s", err, got)
	}
	p := &Printer{}
	p.hide("/a/?x=1")
	for text, want := range map[string]string{
		"a is now published.":      "••• is now published.",
		"NetStream.Play.Start":     "NetStream.Play.Start",
		"/a/":                      "•••",
		"rtmp://user:pw@host/live": "rtmp://•••@host/live",
		"live?token=x":             "live?•••",
		"What is this?":            "What is this?",
	} {
		if got := p.masked(text); got != want {
			t.Errorf("%q is masked as %q, want %q", text, got, want)
		}
	}
}

func TestCaptureRoundTrip(t *testing.T) {
	var b bytes.Buffer
	w, err := NewCaptureWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	records := []Record{
		{RecordOpened, 1, 0, []byte("from somewhere")},
		{RecordClient, 1, 5 * time.Microsecond, []byte{3}},
		{RecordServer, 300, time.Hour, bytes.Repeat([]byte{7}, 70000)},
		{RecordClosed, 1, time.Hour, nil},
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	r, err := NewCaptureReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range records {
		got, err := r.Read()
		if err != nil || got.Type != want.Type || got.Conn != want.Conn || got.At != want.At || !bytes.Equal(got.Data, want.Data) {
			t.Fatalf("read %+v, %v; want %+v", got, err, want)
		}
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last: %v", err)
	}
}

// TestCaptureTruncation cuts a capture at each byte: it ends cleanly between records only.
func TestCaptureTruncation(t *testing.T) {
	var b bytes.Buffer
	w, err := NewCaptureWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	ends := map[int]bool{b.Len(): true}
	for i := range 3 {
		if err := w.Write(Record{Type: RecordClient, Conn: 200, At: time.Duration(i) * time.Second, Data: []byte("bytes")}); err != nil {
			t.Fatal(err)
		}
		ends[b.Len()] = true
	}
	for n := range b.Len() {
		err := drain(b.Bytes()[:n])
		if ends[n] && err != nil || !ends[n] && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d of %d bytes: %v", n, b.Len(), err)
		}
	}
	for name, bad := range map[string][]byte{
		"magic": []byte("FLV\x01\x05\x00\x00\x00"),
		"type":  append([]byte(CaptureMagic), 9),
		"size":  append([]byte(CaptureMagic), 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f),
		"time":  append([]byte(CaptureMagic), 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0),
	} {
		if _, ok := errors.AsType[*CaptureError](drain(bad)); !ok {
			t.Errorf("%s: it is no error", name)
		}
	}
}

// drain reads a capture to its end.
func drain(b []byte) error {
	r, err := NewCaptureReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	for {
		if _, err := r.Read(); err != nil {
			if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
	}
}

// TestHostileBytes changes bytes of a good capture: the thread is lost at most.
func TestHostileBytes(t *testing.T) {
	f, err := os.ReadFile("testdata/ffmpeg-publish.cap")
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		b := bytes.Clone(f)
		for range 1 + rnd.IntN(20) {
			b[6200+rnd.IntN(len(b)-6200)] = byte(rnd.Uint32())
		}
		if _, err := transcript(bytes.NewReader(b), &Printer{Chunks: true, Media: true}); err != nil {
			if _, ok := errors.AsType[*CaptureError](err); !ok {
				t.Fatal(err)
			}
		}
	}
}

// TestLostThread says at which byte.
func TestLostThread(t *testing.T) {
	var b strings.Builder
	p := &Printer{Output: NewOutput(&b), Conn: 1}
	p.Begin("of a test")
	p.Feed(FromClient, 0, append([]byte{3}, make([]byte, 2*1536)...))
	p.Feed(FromClient, 0, []byte{0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 16, 0}) // Set Chunk Size 4096
	p.Feed(FromClient, 0, []byte{0x03, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0})    // a command of 16 MiB
	p.Feed(FromClient, 0, []byte("more"))
	p.End(time.Second, "it has ended")
	if got := b.String(); strings.Count(got, "the thread is lost at byte 3089 of the client") != 1 {
		t.Errorf("printed:\n%s", got)
	}
	if _, found := p.session.Findings()[0], p.session.Findings()[0].Code == ChunkGarbage; !found {
		t.Errorf("found %v", p.session.Findings())
	}
}

// TestOtherProtocols names what comes instead of RTMP, from either side.
func TestOtherProtocols(t *testing.T) {
	for _, c := range []struct {
		from Direction
		b    string
		want string
	}{
		{FromClient, "\x16\x03\x01\x00\xa5\x01\x00\x00", "looks like TLS"},
		{FromClient, "GET / HTTP/1.1\r\n", "looks like HTTP"},
		{FromServer, "HTTP/1.1 400 Bad Request\r\n", "does not speak RTMP"},
	} {
		var b strings.Builder
		p := &Printer{Output: NewOutput(&b), Conn: 1}
		p.Begin("of a test")
		p.Feed(c.from, 0, []byte(c.b))
		p.End(0, "it has ended")
		if !strings.Contains(b.String(), c.want) {
			t.Errorf("%q prints as\n%s", c.b, b.String())
		}
	}
}

func FuzzCapture(f *testing.F) {
	small, err := os.ReadFile("testdata/ffmpeg-publish.cap")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small[:8000])
	f.Add([]byte(CaptureMagic + "\x02\x01\x00\x02hi\x00\x01\x05\x01\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := transcript(bytes.NewReader(b), &Printer{Media: true})
		if _, ok := errors.AsType[*CaptureError](err); err != nil && !ok {
			t.Fatalf("%v", err)
		}
		if len(got) > 1<<20+200*len(b) {
			t.Fatalf("%d bytes print as %d", len(b), len(got))
		}
	})
}
