package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/flv"
	"leat/internal/config"
	"leat/internal/record"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// earshot is a connection that remembers which codes the server has sent, in their order.
type earshot struct {
	net.Conn
	mu    sync.Mutex
	heard []byte
}

func (e *earshot) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, b[:n]...)
	return n, err
}

// codes returns the codes of NetStream.
func (e *earshot) codes() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var codes []string
	for part := range bytes.SplitSeq(e.heard, []byte("NetStream.")) {
		if i := bytes.IndexFunc(part, func(r rune) bool { return r != '.' && (r < 'A' || r > 'z') }); len(e.heard) > len(part) && i > 0 {
			codes = append(codes, string(part[:i]))
		}
	}
	return strings.Join(codes[min(1, len(codes)):], " ") // the first is what stands in front
}

// publishAs publishes with a type and returns what hears the answers.
func publishAs(t *testing.T, s *server, typ rtmp.PublishType) (*rtmp.Publisher, *earshot) {
	t.Helper()
	ear := &earshot{}
	c, err := rtmp.Dial(limit(t), s.url("/live/cam"), &rtmp.DialConfig{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			ear.Conn = conn
			return ear, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	p, err := c.Publish(limit(t), "", &rtmp.PublishOptions{Type: typ})
	if err != nil {
		t.Fatal(err)
	}
	return p, ear
}

// finish ends a publication, and waits until the server has done all about it.
func finish(t *testing.T, s *server, p *rtmp.Publisher) {
	t.Helper()
	before := strings.Count(s.lines.String(), "publish ended")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "the publication ends", func() bool {
		recording, _ := s.recordingStats()
		return recording == 0 && strings.Count(s.lines.String(), "publish ended") > before
	})
}

// inFolder lets the server write into a folder of the test.
func inFolder(t *testing.T, tweak func(*config.Config)) (data string, all func(*config.Config)) {
	data = t.TempDir()
	return data, func(c *config.Config) {
		c.Data, c.Recordings.MinFree = data, 0
		if tweak != nil {
			tweak(c)
		}
	}
}

// recorded returns the frames of all recordings in the folder, in the order of their names.
func recorded(t *testing.T, data string) [][]*media.Packet {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(data, "records", "live", "*", "*.flv"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	var all [][]*media.Packet
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var frames []*media.Packet
		r := flv.NewReader(bytes.NewReader(text))
		for {
			p, err := r.ReadPacket(t.Context())
			if err != nil {
				break
			}
			if !p.Config {
				frames = append(frames, p)
			}
		}
		all = append(all, frames)
	}
	return all
}

func framesOf(packets []*media.Packet) []*media.Packet {
	return slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool { return p.Config })
}

// With no configuration at all a publisher that asks for it is recorded.
func TestPublishRecord(t *testing.T) {
	data, tweak := inFolder(t, nil)
	s := start(t, tweak)
	packets := mediatest.AVC(time.Second)
	for range 3 {
		p, ear := publishAs(t, s, rtmp.PublishRecord)
		until(t, "the publisher hears of it", func() bool { return ear.codes() == "Publish.Start Record.Start" })
		send(t, p, packets...)
		finish(t, s, p)
	}
	all := recorded(t, data)
	if len(all) != 2 {
		t.Fatalf("%d recordings, want the last and one version", len(all))
	}
	for _, frames := range all {
		if diff := mediatest.DiffAll(frames, framesOf(packets)); diff != "" {
			t.Error(diff)
		}
	}
	p, _ := publishAs(t, s, rtmp.PublishAppend)
	send(t, p, packets...)
	finish(t, s, p)
	all = recorded(t, data)
	if len(all) != 2 || len(all[1]) != 2*len(framesOf(packets)) {
		t.Errorf("append made %d recordings", len(all))
	}
}

// A client that ends the stream with closeStream hears that its recording is complete.
func TestRecordStop(t *testing.T) {
	_, tweak := inFolder(t, nil)
	s := start(t, tweak)
	p, ear := publishAs(t, s, rtmp.PublishRecord)
	send(t, p, mediatest.AVC(time.Second)...)
	until(t, "the recorder has begun", func() bool { return strings.Contains(s.lines.String(), "msg=recording") })
	if err := s.StopRecording(key); err != nil {
		t.Fatal(err)
	}
	until(t, "the publisher hears of it", func() bool { return ear.codes() == "Publish.Start Record.Start Record.Stop" })
	if err := s.StopRecording(key); !errors.Is(err, record.ErrNotRecording) {
		t.Errorf("stopping again: %v", err)
	}
}

func TestRecordRules(t *testing.T) {
	tests := []struct {
		name  string
		rule  config.Record
		typ   rtmp.PublishType
		codes string
		files int
	}{
		{"asked", config.Record{When: config.RecordAsked}, rtmp.PublishLive, "Publish.Start", 0},
		{"never", config.Record{When: config.RecordNever}, rtmp.PublishRecord, "Publish.Start Record.NoAccess", 0},
		{"always", config.Record{When: config.RecordAlways, Names: config.NamePatterns{"c*"}}, rtmp.PublishLive, "Publish.Start", 1},
		{"other names", config.Record{When: config.RecordAlways, Names: config.NamePatterns{"x*"}}, rtmp.PublishLive, "Publish.Start", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.rule.Format, test.rule.Template = config.RecordFLV, record.DefaultTemplate
			data, tweak := inFolder(t, func(c *config.Config) { c.Apps[0].Record = test.rule })
			s := start(t, tweak)
			p, ear := publishAs(t, s, test.typ)
			packets := mediatest.AVC(time.Second)
			send(t, p, packets...)
			until(t, "the publisher has heard it", func() bool { return ear.codes() == test.codes })
			finish(t, s, p)
			all := recorded(t, data)
			if len(all) != test.files {
				t.Fatalf("%d files, want %d", len(all), test.files)
			}
			for _, frames := range all {
				if diff := mediatest.DiffAll(frames, framesOf(packets)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// What cannot be recorded is published all the same.
func TestRecordFails(t *testing.T) {
	data, tweak := inFolder(t, nil)
	if err := os.WriteFile(filepath.Join(data, "records"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, tweak)
	p, ear := publishAs(t, s, rtmp.PublishRecord)
	until(t, "the publisher hears of it", func() bool { return ear.codes() == "Publish.Start Record.Failed" })
	v := play(t, s.url("/live/cam"), nil)
	until(t, "the player was in the log", func() bool { return s.inLog() == 1 })
	packets := mediatest.AVC(time.Second)
	send(t, p, packets...)
	take(t, v, len(packets))
	ear.mu.Lock()
	defer ear.mu.Unlock()
	if bytes.Contains(ear.heard, []byte(data)) {
		t.Error("the publisher was told a path of the server")
	}
}

func TestStartRecording(t *testing.T) {
	data, tweak := inFolder(t, func(c *config.Config) {
		c.Apps = append(config.Apps{{Pattern: "closed", App: config.App{Record: config.Record{When: config.RecordNever}}}}, c.Apps...)
	})
	s := start(t, tweak)
	if err := s.StartRecording(key); !errors.Is(err, errNotLive) {
		t.Errorf("a stream that is not there: %v", err)
	}
	if err := s.StartRecording(media.Key{App: "closed", Name: "cam"}); !errors.Is(err, errRecordsNever) {
		t.Errorf("an application that records nothing: %v", err)
	}
	p, ear := publishAs(t, s, rtmp.PublishLive)
	packets := mediatest.AVC(2 * time.Second)
	send(t, p, packets[:20]...)
	until(t, "the stream is there", func() bool { return s.onAir(key) })
	if err := s.StartRecording(key); err != nil {
		t.Fatal(err)
	}
	if err := s.StartRecording(key); !errors.Is(err, record.ErrRecording) {
		t.Errorf("starting again: %v", err)
	}
	send(t, p, packets[20:]...)
	finish(t, s, p)
	if all := recorded(t, data); len(all) != 1 || len(all[0]) < len(packets)/2 {
		t.Errorf("%d recordings", len(all))
	}
	if codes := ear.codes(); strings.Contains(codes, "Record") {
		t.Errorf("a publisher that did not ask heard %s", codes)
	}
}

// A server that ends completes its recordings, and the next one goes on with them.
func TestRecordAcrossRestart(t *testing.T) {
	data, tweak := inFolder(t, nil)
	packets := mediatest.AVC(time.Second)
	for n := range 2 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := start(t, tweak)
			p, _ := publishAs(t, s, rtmp.PublishAppend)
			send(t, p, packets...)
			until(t, "all has come", func() bool {
				info, _ := s.hub.Stream(key)
				return info.Publisher != nil && info.Publisher.Packets == uint64(len(packets))
			})
		})
	}
	if all := recorded(t, data); len(all) != 1 || len(all[0]) != 2*len(framesOf(packets)) {
		t.Errorf("%d recordings", len(all))
	}
}
