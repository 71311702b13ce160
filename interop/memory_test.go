//go:build interop

package interop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/media"
	"leat/rtmp"
)

const (
	memoryLimit      = 200 << 20
	memoryPublishers = 30
	memoryStalled    = 20
	memoryFrame      = 1 << 20 // of most publishers
	memoryHuge       = 6 << 20 // of some; no message may be more than a 32nd of the limit
	memoryTime       = 20 * time.Second
)

// TestMemoryLimit: publishers of what would fill the memory many times over, players that do not read, recordings and players over HTTP. The
// process never takes more than limits.memory, refuses new work in words, and a modest stream beside it loses nothing.
func TestMemoryLimit(t *testing.T) {
	s, web := serveTight(t)
	watch := watchMemory(t, s.cmd.Process.Pid)
	healthy := newModest(t, s.stream("modest"))
	ctx, cancel := context.WithTimeout(t.Context(), memoryTime)
	defer cancel()
	var crowd sync.WaitGroup
	for i := range memoryPublishers {
		crowd.Go(func() { press(ctx, s, i) })
	}
	for i := range memoryStalled {
		crowd.Go(func() { stall(ctx, s.stream(pressName(i))) })
		crowd.Go(func() { follow(ctx, fmt.Sprintf("%s/live/%s.m3u8", web, pressName(i))) })
		crowd.Go(func() { stallHTTP(ctx, fmt.Sprintf("%s/live/%s.flv", web, pressName(i))) })
	}
	s.event(t, "memory is nearly used up: new connections are refused, and streams keep less than a group of pictures; raise limits.memory, or give the machine less to do", "")
	s.event(t, "refused: the server is out of memory; raise limits.memory, or give the machine less to do", "")
	crowd.Wait()
	s.event(t, "there is room in memory again", "")
	newcomer := dial(t, t.Context(), s.stream("newcomer"))
	if _, err := newcomer.Publish(t.Context(), "", nil); err != nil {
		t.Errorf("with room again: %v", err)
	}
	healthy.finish(t)
	if most := watch.end(t); most > memoryLimit {
		t.Errorf("the process took %d MiB, more than limits.memory, which is %d", most>>20, memoryLimit>>20)
	} else {
		t.Logf("the process took %d MiB of %d", most>>20, memoryLimit>>20)
	}
}

// serveTight starts a server with little memory, and returns it and the address of its public door.
func serveTight(t *testing.T) (*liveServer, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "leat.yaml")
	text := fmt.Sprintf("http: 127.0.0.1:0\nrtmp: 127.0.0.1:0\nadmin: ''\nlog: {format: json}\ndata: %s\nrecordings: {min_free: 0}\n"+
		"limits: {memory: %d}\ndefaults: {record: {when: always, names: [modest, press-0, press-1]}}\n", filepath.Join(dir, "data"), memoryLimit)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &liveServer{process: start(t, leat, "serve", "--config", file)}
	ready := s.event(t, "ready", "")
	s.url = ready["rtmp"].(string)
	return s, ready["http"].(string)
}

func pressName(i int) string { return "press-" + strconv.Itoa(i%memoryPublishers) }

// press publishes frames of a megabyte 25 times a second, or huge ones, again and again until ctx is done. It may be refused.
func press(ctx context.Context, s *liveServer, i int) {
	frame := make([]byte, memoryFrame)
	if i%5 == 4 {
		frame = make([]byte, memoryHuge)
	}
	for ctx.Err() == nil {
		_ = pressOnce(ctx, s.stream(pressName(i)), frame) // refusals are what this is about
		wait(ctx, 200*time.Millisecond)
	}
}

func pressOnce(ctx context.Context, url string, frame []byte) error {
	conn, err := rtmp.Dial(ctx, url, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	publisher, err := conn.Publish(ctx, "", nil)
	if err != nil {
		return err
	}
	for n := range 1 << 30 {
		p := &media.Packet{Kind: media.Video, Codec: media.CodecAVC, Timestamp: time.Duration(n) * 40 * time.Millisecond, Key: n%25 == 0}
		p.Body = append([]byte{0x27, 1, 0, 0, 0}, frame...)
		switch {
		case n == 0:
			p.Body, p.Key, p.Config = avcHeader, false, true
		case p.Key:
			p.Body[0] = 0x17
		}
		if err := publisher.WritePacket(ctx, p); err != nil {
			return err
		}
		wait(ctx, 40*time.Millisecond)
	}
	return nil
}

// avcHeader is a sequence header that every output understands.
var avcHeader = []byte{
	0x17, 0, 0, 0, 0, 1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 0x0b, 0x67, 0x42, 0xc0, 0x1e, 0xda, 0x01, 0x40, 0x16, 0xe8, 0x40, 0x00, 1, 0, 4,
	0x68, 0xce, 0x3c, 0x80,
}

// wait lets time pass, until ctx is done at most.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// stall plays without reading.
func stall(ctx context.Context, url string) {
	for ctx.Err() == nil {
		if conn, err := rtmp.Dial(ctx, url, nil); err == nil {
			if player, err := conn.Play(ctx, "", nil); err == nil {
				_, _ = player.ReadPacket(ctx) // the queue of the client is bounded: then the socket is full
				<-ctx.Done()
			}
			conn.Close()
		}
		wait(ctx, 200*time.Millisecond)
	}
}

// stallHTTP plays over HTTP without reading.
func stallHTTP(ctx context.Context, url string) {
	for ctx.Err() == nil {
		if response, err := get(ctx, url); err == nil {
			if response.StatusCode == http.StatusOK {
				<-ctx.Done()
			}
			response.Body.Close()
		}
		wait(ctx, 200*time.Millisecond)
	}
}

// follow asks for HLS playlists.
func follow(ctx context.Context, url string) {
	for ctx.Err() == nil {
		for _, address := range []string{url, strings.TrimSuffix(url, ".m3u8") + "/video0.m3u8"} {
			if response, err := get(ctx, address); err == nil {
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
		}
		wait(ctx, 500*time.Millisecond)
	}
}

func get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(request)
}

// modest is a stream of 1 Mbit/s and its player, who must not notice anything.
type modest struct {
	stop chan struct{}
	sent chan int
	got  chan error
}

func newModest(t *testing.T, url string) *modest {
	t.Helper()
	player, err := dial(t, t.Context(), url).Play(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	publisher, err := dial(t, t.Context(), url).Publish(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &modest{stop: make(chan struct{}), sent: make(chan int, 1), got: make(chan error, 1)}
	go func() { // ends with stop
		n := 0
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for {
			p := &media.Packet{Kind: media.Video, Codec: media.CodecAVC, Timestamp: time.Duration(n) * 40 * time.Millisecond, Key: n%25 == 0}
			p.Body = binary.BigEndian.AppendUint64([]byte{0x27, 1, 0, 0, 0}, uint64(n))
			if p.Key {
				p.Body[0] = 0x17
			}
			p.Body = append(p.Body, make([]byte, 5000)...)
			if err := publisher.WritePacket(t.Context(), p); err != nil {
				t.Error(err)
				break
			}
			n++
			select {
			case <-tick.C:
				continue
			case <-m.stop:
			}
			break
		}
		m.sent <- n
		if err := publisher.Close(); err != nil {
			t.Error(err)
		}
	}()
	go func() { m.got <- m.watch(player) }() // ends with the stream
	return m
}

// watch returns an error if a frame is missing.
func (m *modest) watch(player *rtmp.Player) error {
	next := -1
	for {
		p, err := player.ReadPacket(context.Background())
		if errors.Is(err, io.EOF) {
			if sent := <-m.sent; next != sent {
				return fmt.Errorf("%d frames came of %d", next, sent)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if p.Kind != media.Video || len(p.Body) < 13 {
			continue
		}
		n := int(binary.BigEndian.Uint64(p.Body[5:]))
		if next >= 0 && n != next {
			return fmt.Errorf("frame %d came where %d was due", n, next)
		}
		next = n + 1
	}
}

func (m *modest) finish(t *testing.T) {
	t.Helper()
	close(m.stop)
	select {
	case err := <-m.got:
		if err != nil {
			t.Errorf("the modest stream's player: %v", err)
		}
	case <-time.After(patience):
		t.Error("the modest stream's player did not get all")
	}
}

// memoryWatch looks at how much memory a process has.
type memoryWatch struct {
	stop chan struct{}
	most chan int64
	err  error
}

func watchMemory(t *testing.T, pid int) *memoryWatch {
	t.Helper()
	w := &memoryWatch{stop: make(chan struct{}), most: make(chan int64, 1)}
	go func() { // ends with stop
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		most := int64(0)
		for {
			n, err := residentMemory(pid)
			w.err = errors.Join(w.err, err)
			most = max(most, n)
			select {
			case <-tick.C:
			case <-w.stop:
				w.most <- most
				return
			}
		}
	}()
	return w
}

// end returns the most that there was, bytes.
func (w *memoryWatch) end(t *testing.T) int64 {
	t.Helper()
	close(w.stop)
	most := <-w.most
	if w.err != nil {
		t.Error(w.err)
	}
	return most
}

// residentMemory is what a process has in memory besides the program itself, which is a file's.
func residentMemory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "RssAnon:" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status says nothing of memory", pid)
}
