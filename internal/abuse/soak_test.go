//go:build soak

package abuse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/format/container"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// soakTime is how long TestSoak goes on: SOAK_SECONDS, 600 without it.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK_SECONDS")
	if text == "" {
		return 10 * time.Minute
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 {
		t.Fatalf("SOAK_SECONDS is %q, want a positive number", text)
	}
	return time.Duration(seconds) * time.Second
}

// soakSessions is how many mutated sessions there are at least.
const soakSessions = 3000

// soakWorker does one thing again and again.
type soakWorker struct {
	name string
	do   func(h *house, r *rand.Rand) error // an error is a failure of the server
	done atomic.Int64
}

func soakWorkers(sessions [][]byte) []*soakWorker {
	mutated := func(h *house, r *rand.Rand) error { return soakMutated(h, r, sessions[r.IntN(len(sessions))]) }
	return []*soakWorker{
		{name: "healthy", do: func(h *house, r *rand.Rand) error { return soakSession(h, r, rtmptest.FaultConfig{}) }},
		{name: "faulty", do: func(h *house, r *rand.Rand) error { return soakSession(h, r, faults(r)) }},
		{name: "mutated", do: mutated},
		{name: "mutated, too", do: mutated},
		{name: "stalled", do: soakStalled},
		{name: "dropped", do: soakDropped},
		{name: "rewinding", do: soakRewind},
		{name: "viewing", do: soakView},
		{name: "reloading", do: soakReload},
	}
}

// TestSoak mixes publishers and players that come, go, stall, break off, go back and are damaged, viewers over HTTP, recordings and
// changes of the configuration, beside a healthy stream. At the end the healthy players have had every message, what the others have
// used is free again, and every recording can be played.
func TestSoak(t *testing.T) {
	workers := soakWorkers(recordedSessions(t))
	var data string
	beside(t, offence{
		tweak: func(c *config.Config) {
			c.Limits.MaxLag = 2 * time.Second
			c.Limits.HandshakeTimeout = 2 * time.Second
			c.Limits.IdleTimeout = 4 * time.Second
			c.Limits.ConnectsPerSecond = 0 // the mutated sessions would use it up before the healthy ones
			c.HTTP = "127.0.0.1:0"
			c.Recordings.MinFree = 0
			data = c.Data
			app := c.Defaults
			app.DVRWindow = time.Minute
			app.Record.When, app.Record.Names = config.RecordAlways, config.NamePatterns{"soak-*"}
			app.Record.KeepSize = 256 << 20
			c.Apps = config.Apps{{Pattern: "live", App: app}}
		},
		do: func(t *testing.T, h *house) {
			h.lines.keepOnly("panic", "stream=live/newcomer") // minutes of all would be what the heap grows by
			stop := make(chan struct{})
			var crowd sync.WaitGroup
			for i, w := range workers {
				random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(i)))
				crowd.Go(func() { // ends with stop
					for {
						select {
						case <-stop:
							return
						default:
						}
						if err := w.do(h, random); err != nil {
							t.Errorf("%s: %v", w.name, err)
							return
						}
						w.done.Add(1)
					}
				})
			}
			<-time.After(soakTime(t))
			until(t, "enough mutated sessions had run", func() bool { return workers[2].done.Load()+workers[3].done.Load() >= soakSessions || t.Failed() })
			close(stop)
			crowd.Wait()
			http.DefaultClient.CloseIdleConnections()
			wantWhole(t, filepath.Join(data, "records"))
		},
		heap: 256 << 20,
		// The indexes of played recordings and the segments of HLS and of the DVR window, which are of the healthy stream.
		keeps: usage{goroutines: 4, descriptors: 100, heap: 32 << 20},
	})
	for _, w := range workers {
		t.Logf("%s: %d", w.name, w.done.Load())
	}
}

// wantWhole plays every recording below a folder. Those that are still being written must play, too.
func wantWhole(t *testing.T, folder string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".flv", ".mp4":
			files++
			if err := playWhole(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // some are removed by keep_size
				t.Errorf("%s: %v", filepath.Base(path), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if files == 0 {
		t.Error("nothing was recorded")
	}
	t.Logf("%d recordings", files)
}

// playWhole reads a recording to its end.
func playWhole(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil || info.Size() < container.HeadSize {
		return err // it has just begun
	}
	file, err := container.Open(io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		return err
	}
	cursor, last := file.NewCursor(), time.Duration(0)
	for {
		p, err := cursor.ReadPacket(context.Background())
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case !p.Config && p.Timestamp < last:
			return fmt.Errorf("a packet at %v comes behind one at %v", p.Timestamp, last)
		}
		last = p.Timestamp
	}
}

// keepOnly throws lines away from now on that hold none of the parts.
func (b *logbook) keepOnly(parts ...string) {
	b.mu.Lock()
	b.only = parts
	b.mu.Unlock()
}

// soakName is one of a few names, so that sessions meet.
func soakName(r *rand.Rand) string { return "soak-" + strconv.Itoa(r.IntN(4)) }

// faults is one way in which a network misbehaves.
func faults(r *rand.Rand) rtmptest.FaultConfig {
	cfg := rtmptest.FaultConfig{ReadSize: 1 + r.IntN(4000), WriteSize: 1 + r.IntN(4000)}
	switch r.IntN(4) {
	case 0:
		cfg.CutWrite = int64(1 + r.IntN(20_000))
	case 1:
		cfg.CutRead = int64(1 + r.IntN(20_000))
	case 2:
		cfg.WriteDelay = time.Millisecond
	}
	return cfg
}

// soakSession publishes or plays for a moment over a connection with that fault. Without one, only a name in use may stop it.
func soakSession(h *house, r *rand.Rand, fault rtmptest.FaultConfig) error {
	ctx := h.t.Context()
	healthy := fault == rtmptest.FaultConfig{}
	cfg := &rtmp.DialConfig{Dial: func(_ context.Context, _, addr string) (net.Conn, error) {
		nc, err := net.Dial("tcp", addr)
		if err != nil || healthy {
			return nc, err
		}
		return rtmptest.NewFault(nc, fault), nil
	}}
	c, err := rtmp.Dial(ctx, h.url("/live/"+soakName(r)), cfg)
	if err == nil {
		if r.IntN(2) == 0 {
			err = soakPublish(ctx, c, r)
		} else {
			err = soakPlay(ctx, c, r)
		}
		err = errors.Join(err, c.Close())
	}
	if status, ok := errors.AsType[*rtmp.StatusError](err); !healthy || ok && status.Code == string(rtmp.CodePublishBadName) {
		return nil
	}
	return err
}

// soakDropped publishes or plays over a link that drops without a word at some byte. The server must find out by itself.
func soakDropped(h *house, r *rand.Rand) error {
	nc, err := net.Dial("tcp", h.node.Addr("rtmp").String())
	if err != nil {
		return err
	}
	defer nc.Close()
	link := rtmptest.NewFault(keptOpen{nc}, rtmptest.FaultConfig{Drop: int64(1 + r.IntN(20_000)), WriteSize: 1 + r.IntN(4000)})
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Second)
	defer cancel()
	c, err := rtmp.Dial(ctx, h.url("/live/"+soakName(r)), &rtmp.DialConfig{
		Dial: func(context.Context, string, string) (net.Conn, error) { return link, nil },
	})
	if err == nil {
		if r.IntN(2) == 0 {
			_ = soakPublish(ctx, c, r) // no error means anything here, and nor does the lack of one
		} else {
			_ = soakPlay(ctx, c, r)
		}
		_ = c.Close()
	}
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("a connection whose link had dropped was still open after %v", patience)
	}
	return nil
}

// keptOpen is a connection that Close does not close, as nobody tells the other end of a link that drops.
type keptOpen struct{ net.Conn }

// Close ends what is read and written at this end.
func (k keptOpen) Close() error { return k.SetDeadline(time.Unix(1, 0)) }

// soakPublish publishes for up to half a second, and leaves with or without a word.
func soakPublish(ctx context.Context, c *rtmp.Conn, r *rand.Rand) error {
	p, err := c.Publish(ctx, "", nil)
	if err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range r.IntN(50) {
		pkt := healthyPacket(media.Video, i, time.Duration(i)*2*healthyInterval)
		if err := p.WritePacket(ctx, pkt); err != nil {
			return ignoreTakeover(err)
		}
		<-tick.C
	}
	if r.IntN(2) == 0 {
		return nil
	}
	return ignoreTakeover(p.Close())
}

// ignoreTakeover passes over what happens to a publisher that another one has replaced.
func ignoreTakeover(err error) error {
	if errors.Is(err, rtmp.ErrClosed) {
		return nil
	}
	return err
}

// soakPlay plays for a moment.
func soakPlay(ctx context.Context, c *rtmp.Conn, r *rand.Rand) error {
	p, err := c.Play(ctx, "", nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(300))*time.Millisecond)
	defer cancel()
	for {
		if _, err := p.ReadPacket(ctx); err != nil {
			break // the moment is over, or the stream is
		}
	}
	if r.IntN(2) == 0 {
		return nil
	}
	return p.Close()
}

// soakMutated sends damaged bytes.
func soakMutated(h *house, r *rand.Rand, session []byte) error {
	nc, err := net.Dial("tcp", h.node.Addr("rtmp").String())
	if err != nil {
		return err
	}
	mutated(r, nc, session)
	return nil
}

// soakStalled plays the healthy stream without reading, or does not even finish its handshake, and then breaks off.
func soakStalled(h *house, r *rand.Rand) error {
	wait := time.NewTimer(time.Duration(r.IntN(3000)) * time.Millisecond)
	defer wait.Stop()
	if r.IntN(2) == 0 {
		nc, err := net.Dial("tcp", h.node.Addr("rtmp").String())
		if err != nil {
			return err
		}
		defer nc.Close()
		if _, err := nc.Write(firstBytes()[:r.IntN(1537)]); err != nil {
			return err
		}
		<-wait.C
		return nc.(*net.TCPConn).SetLinger(0)
	}
	c, err := rtmp.Dial(h.t.Context(), h.url("/live/healthy"), nil)
	if err != nil {
		return err
	}
	_, err = c.Play(h.t.Context(), "", nil)
	<-wait.C
	return errors.Join(err, c.Close())
}

// soakRewind plays the healthy stream, stops it, goes back and plays on.
func soakRewind(h *house, r *rand.Rand) error {
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	c, err := rtmp.Dial(ctx, h.url("/live/healthy"), nil)
	if err != nil {
		return err
	}
	p, err := c.Play(ctx, "", nil)
	for i := 0; i < 20 && err == nil; i++ {
		if _, err = p.ReadPacket(ctx); err != nil {
			break
		}
		switch r.IntN(6) {
		case 0:
			err = p.Pause(true, 0)
			if err == nil {
				err = p.Pause(false, 0)
			}
		case 1:
			err = p.Seek(time.Duration(r.IntN(60)) * time.Second)
		}
	}
	return errors.Join(err, c.Close())
}

// soakView watches the healthy stream over HTTP for a moment, and may not read.
func soakView(h *house, r *rand.Rand) error {
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Duration(r.IntN(1000))*time.Millisecond)
	defer cancel()
	ending := []string{".flv", ".mp4", ".m3u8", "/video0.m3u8"}[r.IntN(4)]
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.node.Addr("http").String()+"/live/healthy"+ending, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil //nolint:nilerr // the moment was over before the answer
	}
	defer func() { _ = answer.Body.Close() }() // what was read is all that counts
	if r.IntN(4) == 0 {
		<-ctx.Done()
	}
	_, _ = io.Copy(io.Discard, answer.Body) // until the moment is over
	return nil
}

// soakReload changes what may be changed in a running server, and what new recordings are like.
func soakReload(h *house, r *rand.Rand) error {
	next := *h.node.Config()
	next.Limits.WriteStall = time.Duration(5+r.IntN(10)) * time.Second
	next.Limits.MediaPerSecond = []int{0, 10_000, 20_000}[r.IntN(3)]
	next.Limits.Memory = []config.Size{0, 4 << 30}[r.IntN(2)]
	app := next.Apps[0]
	app.Record.Format = []config.RecordFormat{config.RecordFLV, config.RecordMP4}[r.IntN(2)]
	app.Record.SegmentTime = []time.Duration{0, time.Second}[r.IntN(2)]
	next.Apps = config.Apps{app}
	h.node.Reload(&next)
	<-time.After(time.Duration(r.IntN(500)) * time.Millisecond)
	return nil
}
