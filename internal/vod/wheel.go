package vod

import (
	"sync"
	"time"
)

const (
	tick       = 10 * time.Millisecond
	wheelSlots = 1024
	// maxWait is the longest time that a wheel can wait; who wants more is woken early and asks again.
	maxWait = (wheelSlots - 2) * tick
)

// wheel is a timer for many: one goroutine wakes what is due, to the tick. While nothing is set it sleeps.
type wheel struct {
	start time.Time
	fire  func(*Session)
	stop  chan struct{}
	news  chan struct{} // holds a token when something was set on an empty wheel

	mu    sync.Mutex
	slots [wheelSlots]*alarm // heads of lists
	now   int64              // the tick up to which everything has fired
	count int
}

// alarm is a session's place in the wheel.
type alarm struct {
	session    *Session
	slot       int
	set        bool
	prev, next *alarm
}

func newWheel(fire func(*Session)) *wheel {
	return &wheel{start: time.Now(), fire: fire, stop: make(chan struct{}), news: make(chan struct{}, 1)}
}

// set makes a go off after d, and at no other time.
func (w *wheel) set(a *alarm, d time.Duration) {
	at := int64((time.Since(w.start)+min(d, maxWait))/tick) + 1
	w.mu.Lock()
	w.remove(a)
	if w.count == 0 {
		w.now = max(w.now, int64(time.Since(w.start)/tick))
	}
	at = max(at, w.now+1)
	a.slot, a.set = int(at%wheelSlots), true
	a.next = w.slots[a.slot]
	if a.next != nil {
		a.next.prev = a
	}
	w.slots[a.slot] = a
	w.count++
	first := w.count == 1
	w.mu.Unlock()
	if first {
		select {
		case w.news <- struct{}{}:
		default: // it is awake already
		}
	}
}

// clear sees to it that a does not go off; it may just have done so.
func (w *wheel) clear(a *alarm) {
	w.mu.Lock()
	w.remove(a)
	w.mu.Unlock()
}

// remove takes a out of its list. w is locked.
func (w *wheel) remove(a *alarm) {
	if !a.set {
		return
	}
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		w.slots[a.slot] = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	}
	a.prev, a.next, a.set = nil, nil, false
	w.count--
}

// run turns the wheel until stop is closed.
func (w *wheel) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if w.turn() == 0 {
			select {
			case <-w.news:
			case <-w.stop:
				return
			}
			continue
		}
		timer.Reset(tick)
		select {
		case <-timer.C:
		case <-w.stop:
			return
		}
	}
}

// turn fires what is due and returns how many alarms are left.
func (w *wheel) turn() int {
	until := int64(time.Since(w.start) / tick)
	var due []*Session
	w.mu.Lock()
	for ; w.now < until && w.count > 0; w.now++ {
		for a := w.slots[(w.now+1)%wheelSlots]; a != nil; a = w.slots[(w.now+1)%wheelSlots] {
			w.remove(a)
			due = append(due, a.session)
		}
	}
	left := w.count
	w.mu.Unlock()
	for _, s := range due {
		w.fire(s)
	}
	return left
}
