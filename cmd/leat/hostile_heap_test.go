package main

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/hostile"
)

// TestHostileServersHeap: what a server declares costs a client nothing, and what it sends no more than the limits say. The server is
// in the same heap.
func TestHostileServersHeap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // so that the peak is not made of garbage
	most := map[string]uint64{                       // MiB, of which up to half is garbage when the collector does not get a core
		"declares 16 MiB on 1,000 chunk streams":  8,
		"sends metadata of 16 MiB":                8,
		"sends 16 MiB before connect is answered": 8,
		"answers connect with a bomb":             8,
		"sends bombs in commands":                 8,
		"sends bombs in metadata":                 8,
		"sends shared objects that nobody uses":   8,
		"sends 16 MiB on ten chunk streams":       80, // 32 are held; messages grow by halves
	}
	out := filepath.Join(t.TempDir(), "out.flv")
	for _, c := range hostile.Cases() {
		limit, ok := most[c.Name]
		if !ok {
			continue
		}
		delete(most, c.Name)
		for _, args := range [][]string{
			{"play", "-o", out, "rtmp://server/live/cam"},
			{"dump", "-q", "-r", "rtmp://server/live/cam", "-o", out},
			{"probe", "rtmp://server/live/cam"},
		} {
			grown := peak(func() { synctest.Test(t, func(t *testing.T) { against(t, c, args) }) })
			if grown > limit<<20 {
				t.Errorf("a server that %s: the heap of %s grows by %d KiB, more than %d MiB", c.Name, args[0], grown>>10, limit)
			}
		}
	}
	for name := range most {
		t.Errorf("there is no server that %s", name)
	}
}

// peak returns by how many bytes the heap grows at most while f runs.
func peak(f func()) uint64 {
	over, highest := make(chan struct{}), make(chan uint64)
	runtime.GC()
	base := heap()
	go func() { // ends with f
		top := base
		look := time.NewTicker(100 * time.Microsecond)
		defer look.Stop()
		for {
			top = max(top, heap())
			select {
			case <-look.C:
			case <-over:
				highest <- top
				return
			}
		}
	}()
	f()
	close(over)
	return <-highest - base
}

// heap returns how many bytes the objects of the heap have, garbage included.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
