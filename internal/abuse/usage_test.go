package abuse

import (
	"os"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// usage is what a process holds.
type usage struct {
	goroutines  int
	descriptors int // 0 where the system does not tell
	heap        int64
}

// takeUsage collects garbage first.
func takeUsage() usage {
	runtime.GC()
	runtime.GC() // empties the sync.Pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), countDescriptors(), int64(m.HeapAlloc)}
}

// with is both.
func (u usage) with(more usage) usage {
	return usage{u.goroutines + more.goroutines, u.descriptors + more.descriptors, u.heap + more.heap}
}

// countDescriptors counts the files and sockets of the process.
func countDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not Linux
	}
	return len(entries)
}

// backWithin is how soon what offenders have used must be free again.
const backWithin = time.Second

// moreHeap is what a healthy stream's ring and log may have grown by, bytes.
const moreHeap = 6 << 20

// wantBack wants goroutines, descriptors and heap to come back to what they were.
func (u usage) wantBack(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(backWithin * slowdown)
	for {
		goroutines, descriptors := runtime.NumGoroutine(), countDescriptors()
		if goroutines <= u.goroutines && descriptors <= u.descriptors {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("%d goroutines and %d descriptors are left of %d and %d", goroutines, descriptors, u.goroutines, u.descriptors)
			break
		}
		<-tick.C
	}
	var now usage
	for time.Now().Before(deadline) {
		if now = takeUsage(); now.heap <= u.heap+moreHeap {
			return
		}
		<-tick.C
	}
	if now = takeUsage(); now.heap > u.heap+moreHeap {
		t.Errorf("the heap has %d KiB, before it had %d", now.heap>>10, u.heap>>10)
	}
}

// heapWatch looks at the heap until end is called.
type heapWatch struct {
	stop chan struct{}
	peak chan int64
}

// watchHeap starts to look; what comes on top of before counts.
func watchHeap(before usage) *heapWatch {
	w := &heapWatch{stop: make(chan struct{}), peak: make(chan int64)}
	go func() { // ends with end
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var most int64
		for {
			metrics.Read(sample)
			most = max(most, int64(sample[0].Value.Uint64())-before.heap)
			select {
			case <-tick.C:
			case <-w.stop:
				w.peak <- most
				return
			}
		}
	}()
	return w
}

// end returns by how many bytes the heap had grown at most.
func (w *heapWatch) end() int64 {
	close(w.stop)
	return <-w.peak
}
