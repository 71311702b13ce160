package sharedobject

import (
	"context"

	"leat/internal/store"
	"leat/rtmp"
)

// unsaved is what an object has that the store has not. The object's mutex guards it.
type unsaved struct {
	stored  state           // what the store holds
	names   map[string]bool // slots that differ from what is stored or being saved
	queued  bool            // in Objects.unsaved
	saving  bool
	waiting []delivery    // messages that tell of what is not stored yet, and all behind them
	settled chan struct{} // closed when the saver has been here; nil when nobody waits
}

// delivery is a message for some users.
type delivery struct {
	to      []*session
	version uint32
	events  []rtmp.SharedObjectEvent
	asked   *session   // who is told when the change cannot be saved; nil: nobody
	done    chan error // has room for the outcome; nil: nobody waits
}

// maxWaiting is how many messages of one object may wait for the disk before those who ask for changes wait too.
const maxWaiting = 1024

// deliver sends a message as soon as what it tells of is stored. Called with mu held.
func (o *object) deliver(d delivery) {
	switch {
	case len(d.to) == 0 && d.done == nil || len(d.events) == 0:
	case o.queued || o.saving:
		o.waiting = append(o.waiting, d)
	default:
		o.send(&d)
	}
}

// lockForChange locks mu when there is room for a change, or returns why ctx ended before.
func (o *object) lockForChange(ctx context.Context) error {
	for {
		o.mu.Lock()
		if len(o.waiting) < maxWaiting {
			return nil
		}
		if o.settled == nil {
			o.settled = make(chan struct{})
		}
		settled := o.settled
		o.mu.Unlock()
		select {
		case <-settled:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// mark takes note of changed slots and calls the saver. Called with mu held.
func (o *object) mark(changed map[string]rtmp.EncodedValue) {
	if o.names == nil {
		o.names = make(map[string]bool, len(changed))
	}
	for name := range changed {
		o.names[name] = true
	}
	if o.queued {
		return
	}
	o.queued = true
	s := o.all
	s.mu.Lock()
	o.refs++
	s.unsaved = append(s.unsaved, o)
	if !s.saving {
		s.saving = true
		go s.save() // Close waits for it
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

// save is the goroutine that writes to the store. It ends with Close, when nothing is unsaved.
func (s *Objects) save() {
	defer close(s.done)
	for {
		select {
		case <-s.wake:
			s.saveAll()
		case <-s.quit:
			s.saveAll()
			return
		}
	}
}

func (s *Objects) saveAll() {
	for {
		s.mu.Lock()
		objects := s.unsaved
		s.unsaved = nil
		s.mu.Unlock()
		if len(objects) == 0 {
			return
		}
		s.commit(objects)
		for _, o := range objects {
			s.release(o)
		}
	}
}

// job is an object that is being saved.
type job struct {
	o       *object
	change  store.SharedObjectChange
	state   state
	waiting []delivery
}

// commit saves objects in one transaction. When that fails each gets one of its own, so that one that is too large does not
// harm the others.
func (s *Objects) commit(objects []*object) {
	var jobs []*job
	var changes []store.SharedObjectChange
	for _, o := range objects {
		if j := o.beginSave(); j != nil {
			jobs = append(jobs, j)
			changes = append(changes, j.change)
		}
	}
	if len(jobs) == 0 {
		return
	}
	err := s.store.SaveSharedObjects(changes)
	for i, j := range jobs {
		if err != nil && len(jobs) > 1 {
			j.end(s.store.SaveSharedObjects(changes[i : i+1]))
		} else {
			j.end(err)
		}
	}
}

// beginSave takes what is unsaved.
func (o *object) beginSave() *job {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queued = false
	if len(o.names) == 0 {
		o.flush()
		return nil
	}
	j := &job{o: o, state: o.clone(), waiting: o.waiting}
	j.change = store.SharedObjectChange{Key: store.SharedObjectKey(o.key), Version: o.version, Set: map[string][]byte{}}
	for name := range o.names {
		if value, ok := o.slots[name]; ok {
			j.change.Set[name] = value
		} else {
			j.change.Remove = append(j.change.Remove, name)
		}
	}
	o.names, o.waiting, o.saving = nil, nil, true
	return j
}

// end tells the users what was stored, or goes back to what is.
func (j *job) end(err error) {
	o := j.o
	o.mu.Lock()
	defer o.mu.Unlock()
	o.saving = false
	if err != nil {
		o.all.log.Error("a shared object could not be saved; it goes back to what is stored", "object", o.key.String(), "err", err)
		o.goBack(append(j.waiting, o.waiting...), err)
	} else {
		o.stored = j.state
		for i := range j.waiting {
			o.send(&j.waiting[i])
		}
		if !o.queued {
			o.flush()
		}
	}
	if o.settled != nil {
		close(o.settled)
		o.settled = nil
	}
}

// flush sends what waits. Called with mu held, when nothing is unsaved.
func (o *object) flush() {
	for i := range o.waiting {
		o.send(&o.waiting[i])
	}
	o.waiting = nil
}

// goBack makes of the object what is stored. Nobody has heard of anything newer.
func (o *object) goBack(waiting []delivery, err error) {
	o.state = o.stored.clone()
	if o.slots == nil { // it was never stored
		o.slots = map[string]rtmp.EncodedValue{}
	}
	before := o.bytes
	o.bytes = 0
	for name, value := range o.slots {
		o.bytes += len(name) + len(value)
	}
	o.all.reserve(o, o.bytes-before, true)
	o.names, o.waiting = nil, nil
	for _, d := range waiting {
		if d.done != nil {
			d.done <- err
		}
		if d.asked != nil {
			o.send(&delivery{to: []*session{d.asked}, version: o.version, events: []rtmp.SharedObjectEvent{statusEvent(rtmp.CodeSharedObjectFlushFailed)}})
		}
	}
	for _, events := range o.stateEvents() {
		o.send(&delivery{to: o.sessions, version: o.version, events: events})
	}
}
