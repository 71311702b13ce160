//go:build unix

package fanout

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"leat/media"
)

// benchEncoder stands for a chunk writer: a header and the body.
type benchEncoder struct{}

func (benchEncoder) Append(dst []byte, p *media.Packet) []byte {
	dst = append(dst, byte(p.Kind), 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.Timestamp/time.Millisecond))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Body)))
	return append(dst, p.Body...)
}

// benchStream is 1.13 Mbit/s in 73 packets a second: 30 fps with a key frame every 2 s, and 43 audio frames.
func benchStream() []*media.Packet {
	var packets []*media.Packet
	audio := time.Duration(0)
	for i := range 60 {
		ts := time.Duration(i) * time.Second / 30
		for ; audio < ts; audio += time.Second / 43 {
			packets = append(packets, &media.Packet{Kind: media.Audio, Timestamp: audio, Body: make([]byte, 372)})
		}
		p := &media.Packet{Kind: media.Video, Timestamp: ts, Body: make([]byte, 3600)}
		if i == 0 {
			p.Key, p.Body = true, make([]byte, 36_000)
		}
		packets = append(packets, p)
	}
	return packets
}

// drain reads what has come on all connections.
type drain struct {
	raws  []syscall.RawConn
	buf   []byte
	read  func(fd uintptr) bool
	bytes int64
}

func newDrain() *drain {
	d := &drain{buf: make([]byte, 256<<10)}
	d.read = func(fd uintptr) bool {
		for {
			n, err := syscall.Read(int(fd), d.buf)
			if n <= 0 || err != nil {
				return true
			}
			d.bytes += int64(n)
			if n < len(d.buf) {
				return true
			}
		}
	}
	return d
}

func (d *drain) all(b *testing.B) {
	for _, r := range d.raws {
		if err := r.Read(d.read); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFanOut sends a stream to loopback sockets, one packet per op. The sweeps are
// run as often as the merge mode has them at the stream's own pace, but without waiting in between. ns/write and s/Gbit
// are of the sweeps alone; emptying the sockets is in ns/op too.
func BenchmarkFanOut(b *testing.B) {
	for _, players := range []int{100, 1000} {
		for _, mode := range []struct {
			name  string
			every time.Duration // of the stream's time; 0: each packet; -1: each video frame
		}{{"none", 0}, {"frame", -1}, {"50ms", 50 * time.Millisecond}, {"350ms", 350 * time.Millisecond}} {
			b.Run(fmt.Sprintf("players=%d/merge=%s", players, mode.name), func(b *testing.B) {
				benchFanOut(b, players, mode.every)
			})
		}
	}
}

func benchFanOut(b *testing.B, players int, every time.Duration) {
	sw := NewSweeper(1)
	defer sw.Close()
	l := sw.NewLog(LogConfig{Encoder: benchEncoder{}, Merge: Merge(time.Hour), CloseWait: time.Millisecond})
	defer l.Close()
	ln, d := listen(b), newDrain()
	var all []*Player
	for range players {
		server, client := tcpPair(b, ln)
		raw, err := client.SyscallConn()
		if err != nil {
			b.Fatal(err)
		}
		d.raws = append(d.raws, raw)
		all = append(all, l.Join(newTCPOutlet(b, server), both))
	}
	packets := benchStream()
	var v view
	var busy, sweeps int64
	flushed := time.Duration(0)
	round := time.Duration(0)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		p := packets[i%len(packets)]
		if i > 0 && i%len(packets) == 0 {
			round += 2 * time.Second
		}
		l.WritePacket(p)
		switch at := round + p.Timestamp; {
		case every < 0 && p.Kind != media.Video, every > 0 && at-flushed < every:
			continue
		default:
			flushed = at
		}
		start, end := v.sweep(l.groups[0], true, false)
		busy += end - start
		sweeps++
		d.all(b)
	}
	b.StopTimer()
	sent := int64(0)
	for _, p := range all {
		sent += p.Stats().Bytes
	}
	if sweeps > 0 && sent > 0 {
		b.ReportMetric(float64(busy)/float64(sweeps)/float64(players), "ns/write")
		b.ReportMetric(float64(busy)/float64(sent*8), "s/Gbit")
	}
}

// sink is an Outlet that takes everything.
type sink struct{ bytes atomic.Int64 }

func (s *sink) TryWrite(b []byte) (int, error) {
	s.bytes.Add(int64(len(b)))
	return len(b), nil
}

func (s *sink) NotifyWritable(fn func()) { fn() }

// BenchmarkManyStreams is the fan-out's own share of 200 streams with one player each, by shards; one packet of
// one stream per op.
func BenchmarkManyStreams(b *testing.B) {
	for _, mode := range []struct {
		name  string
		merge Merge
	}{{"none", MergeNone}, {"frame", MergeFrame}} {
		b.Run("merge="+mode.name, func(b *testing.B) {
			sw := NewSweeper(0)
			defer sw.Close()
			var logs []*Log
			for range 200 {
				l := sw.NewLog(LogConfig{Encoder: benchEncoder{}, Merge: mode.merge})
				defer l.Close()
				l.Join(new(sink), both)
				logs = append(logs, l)
			}
			packets := benchStream()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				logs[i%len(logs)].WritePacket(packets[i/len(logs)%len(packets)])
			}
		})
	}
}

// BenchmarkSweep is what a player costs beside its write.
func BenchmarkSweep(b *testing.B) {
	const players = 1000
	sw := NewSweeper(1)
	defer sw.Close()
	l := sw.NewLog(LogConfig{Encoder: benchEncoder{}, Merge: Merge(time.Hour)})
	defer l.Close()
	for range players {
		l.Join(new(sink), both)
	}
	packets := benchStream()
	var v view
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		l.WritePacket(packets[i%len(packets)])
		v.sweep(l.groups[0], true, false)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/players, "ns/player")
}
