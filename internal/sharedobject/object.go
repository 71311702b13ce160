package sharedobject

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"leat/internal/store"
	"leat/rtmp"
)

// object is one shared object in memory.
type object struct {
	all *Objects
	key Key

	refs     int   // guarded by all.mu: sessions, handles and the saver
	reserved int64 // guarded by all.mu: what it counts for in all.bytes

	mu         sync.Mutex // held while users are sent to, which does not block
	loaded     bool       // the store was asked
	exists     bool       // somebody was allowed to create it, or the store has it
	persistent bool
	state
	bytes    int
	sessions []*session

	unsaved // what is on its way to the store
}

// state is what an object holds.
type state struct {
	version uint32
	slots   map[string]rtmp.EncodedValue
}

// session is one client's use of an object.
type session struct {
	o        *object
	u        *rtmp.SharedObjectUser
	write    bool
	attached bool // guarded by o.mu
}

// use lets a client in, or says why not, in the order of the checks that clients know.
func (o *object) use(u *rtmp.SharedObjectUser, access Access) (*session, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.begin(u.Persistent(), access.Create); err != nil {
		return nil, err
	}
	if len(o.sessions) >= o.all.limits.Load().Users {
		return nil, rtmp.Refuse(rtmp.CodeSharedObjectNoReadAccess, "the limit on users of a shared object is reached")
	}
	s := &session{o: o, u: u, write: access.Write, attached: true}
	o.sessions = append(o.sessions, s)
	if o.persistent && o.version != 0 && u.Version() == o.version {
		o.deliver(delivery{to: []*session{s}, version: o.version, events: []rtmp.SharedObjectEvent{{Type: rtmp.SharedObjectUseSuccess}}})
		return s, nil
	}
	for _, events := range o.stateEvents() {
		o.deliver(delivery{to: []*session{s}, version: o.version, events: events})
	}
	return s, nil
}

// begin makes sure that the object exists and is of the kind that is asked for.
func (o *object) begin(persistent, create bool) error {
	if err := o.load(); err != nil {
		return fmt.Errorf("sharedobject: %s: %w", o.key, err)
	}
	switch {
	case o.exists && o.persistent != persistent:
		return rtmp.Refuse(rtmp.CodeSharedObjectBadPersistence, "the object exists and is of the other kind")
	case o.exists:
		return nil
	case !create:
		return rtmp.Refuse(rtmp.CodeSharedObjectObjectCreationFailed, "creating is not allowed")
	case persistent && o.all.store == nil:
		return rtmp.Refuse(rtmp.CodeSharedObjectObjectCreationFailed, "nothing is stored here")
	}
	o.exists, o.persistent = true, persistent
	return nil
}

// load asks the store once. Also who wants a temporary object must know whether there is a persistent one.
func (o *object) load() error {
	if o.loaded || o.all.store == nil {
		return nil
	}
	stored, err := o.all.store.LoadSharedObject(store.SharedObjectKey(o.key))
	if err != nil {
		return err
	}
	o.loaded = true
	if stored == nil {
		return nil
	}
	o.exists, o.persistent, o.version = true, true, stored.Version
	for name, value := range stored.Slots {
		o.slots[name] = value
		o.bytes += len(name) + len(value)
	}
	o.all.reserve(o, o.bytes, true)
	o.stored = o.clone()
	return nil
}

func (s state) clone() state { return state{version: s.version, slots: maps.Clone(s.slots)} }

// messageBytes is about how much of an object's state goes into one message. Small objects fit; large ones take several,
// so that no client's limits on a message are met.
const messageBytes = 64 << 10

// stateEvents returns the messages that tell a client everything: UseSuccess, Clear, and the slots in the order of
// their names.
func (o *object) stateEvents() [][]rtmp.SharedObjectEvent {
	events := []rtmp.SharedObjectEvent{{Type: rtmp.SharedObjectUseSuccess}, {Type: rtmp.SharedObjectClear}}
	var messages [][]rtmp.SharedObjectEvent
	size := 0
	for _, name := range slices.Sorted(maps.Keys(o.slots)) {
		if size > 0 && size+len(o.slots[name]) > messageBytes {
			messages = append(messages, events)
			events, size = nil, 0
		}
		events = append(events, o.current(name))
		size += len(name) + len(o.slots[name])
	}
	return append(messages, events)
}

// current is the event that tells what a slot holds.
func (o *object) current(name string) rtmp.SharedObjectEvent {
	if value, ok := o.slots[name]; ok {
		return rtmp.SharedObjectEvent{Type: rtmp.SharedObjectChange, Slots: []rtmp.Slot{{Name: name, Value: value}}}
	}
	return removeEvent(name)
}

func removeEvent(name string) rtmp.SharedObjectEvent {
	return rtmp.SharedObjectEvent{Type: rtmp.SharedObjectRemove, Slots: []rtmp.Slot{{Name: name}}}
}

// Release ends a client's use of the object.
func (s *session) Release() {
	o := s.o
	o.mu.Lock()
	s.attached = false
	o.sessions = slices.DeleteFunc(o.sessions, func(other *session) bool { return other == s })
	o.mu.Unlock()
	o.all.release(o)
}

// send sends a message to the sessions that are still there.
func (o *object) send(d *delivery) {
	users := make([]*rtmp.SharedObjectUser, 0, len(d.to))
	for _, s := range d.to {
		if s.attached {
			users = append(users, s.u)
		}
	}
	if err := rtmp.SendSharedObject(users, d.version, d.events); err != nil {
		o.all.log.Error("a shared object's users were not told", "object", o.key.String(), "err", err)
	}
	if d.done != nil {
		d.done <- nil
	}
}

func (o *object) info() (Info, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := Info{Key: o.key, Persistent: o.persistent, Version: o.version, Slots: len(o.slots), Bytes: o.bytes, Users: len(o.sessions)}
	return i, o.exists
}

// String returns "app/instance/name", without the default instance, for logs.
func (k Key) String() string {
	if k.Instance == "" {
		return k.App + "/" + k.Name
	}
	return k.App + "/" + k.Instance + "/" + k.Name
}

func (k Key) compare(other Key) int {
	return cmp.Or(strings.Compare(k.App, other.App), strings.Compare(k.Instance, other.Instance), strings.Compare(k.Name, other.Name))
}
