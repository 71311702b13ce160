package vod

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWheel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		fired := map[*Session]time.Duration{}
		start := time.Now()
		w := newWheel(func(s *Session) {
			mu.Lock()
			defer mu.Unlock()
			if _, twice := fired[s]; twice {
				t.Error("an alarm goes off twice")
			}
			fired[s] = time.Since(start)
		})
		var running sync.WaitGroup
		running.Go(w.run)
		waits := []time.Duration{0, 1, 9 * time.Millisecond, 10 * time.Millisecond, 11 * time.Millisecond, time.Second, 5 * time.Second, maxWait, time.Hour}
		alarms := make([]alarm, len(waits)+2)
		for i := range alarms {
			alarms[i].session = &Session{}
		}
		for round := range 3 {
			start = time.Now()
			for i, d := range waits {
				w.set(&alarms[i], d)
			}
			moved, cleared := &alarms[len(waits)], &alarms[len(waits)+1]
			w.set(moved, time.Second)
			w.set(moved, 3*time.Second)
			w.set(cleared, time.Second)
			w.clear(cleared)
			time.Sleep(maxWait + time.Second)
			synctest.Wait()
			mu.Lock()
			for i, d := range append(slices.Clip(waits), 3*time.Second) {
				at, ok := fired[alarms[i].session]
				if d = min(d, maxWait); !ok || at < d || at > d+2*tick {
					t.Errorf("round %d: an alarm after %v goes off after %v, %v", round, d, at, ok)
				}
			}
			if _, ok := fired[cleared.session]; ok {
				t.Error("an alarm that was cleared goes off")
			}
			clear(fired)
			mu.Unlock()
			time.Sleep(1234567 * time.Microsecond) // with nothing set
		}
		close(w.stop)
		running.Wait()
	})
}
