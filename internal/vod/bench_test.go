package vod

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/wire/chunk"
	"leat/media"
	"leat/rtmp"
)

// sink is an outlet that takes everything and counts it.
type sink struct {
	bytes   atomic.Int64
	command func(rtmp.Command)
	over    chan struct{} // closed when the recording has ended, if not nil
}

func (s *sink) TryWrite(b []byte) (int, error) {
	s.bytes.Add(int64(len(b)))
	return len(b), nil
}
func (s *sink) NotifyWritable(fn func())             { fn() }
func (s *sink) Encoder() rtmp.Encoder                { return rtmp.Encoder{StreamID: 1, ChunkSize: chunkSize} }
func (s *sink) OnCommand(command func(rtmp.Command)) { s.command = command }
func (s *sink) Close()                               {}

func (s *sink) Next(time.Duration) bool {
	if s.over != nil {
		close(s.over)
	}
	return false
}

// TestManyPlayers plays one file to 2,000 clients in real time: with one index, and everybody gets every byte.
func TestManyPlayers(t *testing.T) {
	const clients = 2000
	synctest.Test(t, func(t *testing.T) {
		e, catalog := NewEngine(4), &Catalog{}
		files := library{"film.flv": fileOf(t, film(5*time.Second, 1, false))}
		title := files.title(t, catalog, "film")
		sinks := make([]sink, clients)
		for i := range sinks {
			again, _, err := catalog.enter(title.parts)
			if err != nil || again != title {
				t.Fatal("the file was opened twice", err)
			}
			if _, err := e.Play(SessionConfig{Outlet: &sinks[i], Title: again, Name: "film", Request: all, BufferLength: time.Second}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		early := sinks[0].bytes.Load()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		whole := sinks[0].bytes.Load()
		if early == 0 || early >= whole*9/10 {
			t.Errorf("after 2 of 5 s %d of %d bytes were sent", early, whole)
		}
		for i := range sinks {
			if n := sinks[i].bytes.Load(); n != whole {
				t.Fatalf("client %d got %d bytes, the first %d", i, n, whole)
			}
		}
		if n := e.Sessions(); n != clients {
			t.Errorf("%d sessions, want %d", n, clients)
		}
		e.Close()
		title.Release()
		if title.users != 0 {
			t.Errorf("%d users of the title are left", title.users)
		}
		catalog.Close()
	})
}

// BenchmarkPlay plays ten seconds of 2 Mbit/s as fast as it goes: what a session costs beside the socket.
func BenchmarkPlay(b *testing.B) {
	e, catalog := NewEngine(0), &Catalog{}
	defer catalog.Close()
	defer e.Close()
	file := fileOf(b, film(10*time.Second, 1, true))
	title := library{"film.flv": file}.title(b, catalog, "film")
	defer title.Release()
	request := all
	request.AtOnce = true
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		again, _, err := catalog.enter(title.parts)
		if err != nil {
			b.Fatal(err)
		}
		s := &sink{over: make(chan struct{})}
		if _, err := e.Play(SessionConfig{Outlet: s, Title: again, Name: "film", Request: request}); err != nil {
			b.Fatal(err)
		}
		<-s.over
		s.command(rtmp.CloseCommand{})
	}
}

// BenchmarkSeek is a seek and the second behind it.
func BenchmarkSeek(b *testing.B) {
	catalog := &Catalog{}
	defer catalog.Close()
	title := library{"film.flv": fileOf(b, film(60*time.Second, 1, true))}.title(b, catalog, "film")
	defer title.Release()
	c := title.file.NewCursor()
	enc := rtmp.Encoder{StreamID: 1, ChunkSize: chunk.MaxChunkSize}
	var buf []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at, err := c.Seek(time.Duration(i%60) * time.Second)
		if err != nil {
			b.Fatal(err)
		}
		buf = buf[:0]
		for {
			var p *media.Packet
			if p, err = c.ReadPacket(b.Context()); err != nil || p.Timestamp >= at+time.Second {
				break
			}
			buf = enc.Append(buf, p)
		}
	}
}

// BenchmarkWheel sets and clears alarms of 2,000 sessions.
func BenchmarkWheel(b *testing.B) {
	w := newWheel(func(*Session) {})
	alarms := make([]alarm, 2000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.set(&alarms[i%len(alarms)], time.Duration(i%1000)*time.Millisecond)
	}
}
