package rtmp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

var (
	// ErrObjectInUse is returned by Conn.SharedObject for an object that the connection uses already.
	ErrObjectInUse = errors.New("rtmp: the connection uses this shared object already")
	// ErrChangeRejected is returned by SharedObject.Set when the server has kept another value instead.
	ErrChangeRejected = errors.New("rtmp: the server has kept another value of the slot")
)

// SharedObjectOptions says how to use a shared object. The zero value, and nil, use a temporary one.
//
// The functions are called on the connection's reading goroutine, in the order of what happened, and with nothing
// locked. They must not block, so they must not call Set, SetSlots, Remove or Clear, which wait for the server.
type SharedObjectOptions struct {
	// Persistent asks for an object that the server stores. It must be what the object is, or its use is refused with
	// SharedObject.BadPersistence.
	Persistent bool
	// Resume is a copy from an earlier connection (SharedObject.State). A server that has the same version need not
	// send the slots again; otherwise they are replaced by what it sends.
	Resume *SharedObjectState
	// OnSync tells of changes of the copy, all those of one message at once; nil: nobody wants to know.
	OnSync func(changes []SharedObjectSync)
	// OnMessage takes calls of a handler, by whichever user, this one too (SendMessage); nil: they are ignored.
	OnMessage func(handler string, args []any)
	// OnStatus takes refusals, which Set and the other methods return too; nil: nobody wants to know.
	OnStatus func(s Status)
}

// SharedObjectState is a copy of a shared object at one version.
type SharedObjectState struct {
	Version uint32
	Slots   []Slot // in the order of their names
}

// SyncCode says what happened to a slot, in the words that ActionScript's sync event has for it.
type SyncCode string

// The values of SharedObjectSync.Code.
const (
	SyncClear   SyncCode = "clear"   // all slots are gone; no name
	SyncSuccess SyncCode = "success" // a change by this client was made
	SyncChange  SyncCode = "change"  // somebody else has set the slot
	SyncReject  SyncCode = "reject"  // somebody else has set it while a change by this client is under way, or instead of it
	SyncDelete  SyncCode = "delete"  // the slot is gone
)

// SharedObjectSync is one change of a copy.
type SharedObjectSync struct {
	Code  SyncCode
	Name  string // of the slot
	Value any    // that it has now; nil for SyncClear and SyncDelete
	Old   any    // that it had; nil if there was none
}

// SharedObject is a client's copy of a shared object (RTMP 7.1.3), kept up to date by its server. All methods may be
// called from any goroutine.
//
// Changes by this client appear in the copy when the server has made them. The last writer wins: a Set that returns nil
// may be overwritten by then.
type SharedObject struct {
	c    *Conn
	name string
	opts SharedObjectOptions
	used chan error // the answer to Use

	mu      sync.Mutex
	slots   map[string]sizedValue
	bytes   int
	version uint32
	inUse   bool
	pending []*objectRequest
	err     error // why the object is used no more
}

// sizedValue is a slot's value and how many bytes it counts for.
type sizedValue struct {
	value any
	size  int
}

// objectRequest is a request that the server has not answered. Servers answer in order.
type objectRequest struct {
	set      []Slot   // that wait for Success
	remove   []string // that wait for Remove
	rejected bool     // one of set has got another value meanwhile
	done     chan error
}

// SharedObject begins to use an object of the application instance and waits until its copy is complete, ctx is done or
// the connection ends. A refusal is a *StatusError; an object that is in use already ErrObjectInUse. opts may be nil.
func (c *Conn) SharedObject(ctx context.Context, name string, opts *SharedObjectOptions) (*SharedObject, error) {
	s, ok := c.side.(*clientSide)
	if !ok {
		return nil, errors.New("rtmp: a server cannot use a shared object of its client")
	}
	o := &SharedObject{c: c, name: name, used: make(chan error, 1), slots: map[string]sizedValue{}}
	if opts != nil {
		o.opts = *opts
	}
	if err := o.resume(); err != nil {
		return nil, err
	}
	if err := s.addObject(o); err != nil {
		return nil, err
	}
	err := o.send(SharedObjectEvent{Type: SharedObjectUse})
	if err == nil {
		select {
		case err = <-o.used:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// resume takes the copy that the options hold.
func (o *SharedObject) resume() error {
	if o.opts.Resume == nil {
		return nil
	}
	o.version = o.opts.Resume.Version
	for _, slot := range o.opts.Resume.Slots {
		if _, err := o.put(slot.Name, slot.Value); err != nil {
			return err
		}
	}
	return nil
}

// Name returns the object's name.
func (o *SharedObject) Name() string { return o.name }

// Get returns the value of a slot, and false when there is no such slot. The value must not be changed.
func (o *SharedObject) Get(name string) (any, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, ok := o.slots[name]
	return v.value, ok
}

// State returns a copy of the object as it is now, which SharedObjectOptions.Resume takes. Its values must not be changed.
func (o *SharedObject) State() SharedObjectState {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := SharedObjectState{Version: o.version, Slots: make([]Slot, 0, len(o.slots))}
	for name, v := range o.slots {
		s.Slots = append(s.Slots, Slot{Name: name, Value: v.value})
	}
	slices.SortFunc(s.Slots, func(a, b Slot) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// Version returns the version of the copy: the server counts its changes.
func (o *SharedObject) Version() uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.version
}

// Set sets a slot; nil removes it. It waits until the server has made the change, ctx is done or the object is closed. A
// refusal is a *StatusError. Some servers refuse a change by sending the slot's value instead of an answer, which looks like
// somebody else's change that came first: then Set returns ErrChangeRejected as soon as a later request was answered.
func (o *SharedObject) Set(ctx context.Context, name string, value any) error {
	return o.SetSlots(ctx, Slot{Name: name, Value: value})
}

// SetSlots is Set for several slots in one message: a server makes all of the changes at once.
func (o *SharedObject) SetSlots(ctx context.Context, slots ...Slot) error {
	if len(slots) == 0 {
		return nil
	}
	return o.request(ctx, &objectRequest{set: slices.Clone(slots)}, SharedObjectEvent{Type: SharedObjectRequestChange, Slots: slots})
}

// Remove removes slots, in one message. It waits as Set does. To remove what is not there is no error.
func (o *SharedObject) Remove(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	events := make([]SharedObjectEvent, len(names))
	for i, name := range names {
		events[i] = SharedObjectEvent{Type: SharedObjectRequestRemove, Slots: []Slot{{Name: name}}}
	}
	return o.request(ctx, &objectRequest{remove: slices.Clone(names)}, events...)
}

// Clear removes all slots that the copy has. It waits as Set does.
func (o *SharedObject) Clear(ctx context.Context) error {
	state := o.State()
	names := make([]string, len(state.Slots))
	for i, slot := range state.Slots {
		names[i] = slot.Name
	}
	return o.Remove(ctx, names...)
}

// SendMessage calls a handler of all users of the object, this one included. It does not block, and a refusal is told to
// OnStatus only.
func (o *SharedObject) SendMessage(handler string, args ...any) error {
	return o.send(SharedObjectEvent{Type: SharedObjectSendMessage, Handler: handler, Args: args})
}

// Close ends the use of the object; what waits for the server returns ErrClosed. It does not block. To close an object
// again, or one whose connection has ended, does nothing.
func (o *SharedObject) Close() error {
	if !o.c.side.(*clientSide).removeObject(o) {
		return nil
	}
	err := o.send(SharedObjectEvent{Type: SharedObjectRelease})
	o.end(ErrClosed)
	return err
}

// request sends events and waits for the answer to them.
func (o *SharedObject) request(ctx context.Context, r *objectRequest, events ...SharedObjectEvent) error {
	r.done = make(chan error, 1)
	o.mu.Lock()
	if o.err == nil && len(o.pending) >= o.c.limits.PendingCalls {
		o.mu.Unlock()
		return ErrTooManyCalls
	}
	err := o.sendLocked(events) // with mu held, so that requests go out in the order of pending
	if err == nil {
		o.pending = append(o.pending, r)
	}
	o.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx) // r stays, so that its answer is not taken for that of another
	}
}

func (o *SharedObject) send(events ...SharedObjectEvent) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sendLocked(events)
}

func (o *SharedObject) sendLocked(events []SharedObjectEvent) error {
	if o.err != nil {
		return o.err
	}
	body, err := sharedObjectBody(o.name, o.version, o.opts.Persistent, events)
	if err != nil {
		return err
	}
	return o.c.send(0, sharedObjectMessage(body, o.c.amf3.Load()))
}

// end gives the object up: whatever waits for the server gets err.
func (o *SharedObject) end(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	o.err = err
	for _, r := range o.pending {
		r.done <- err
	}
	o.pending = nil
	if !o.inUse {
		o.answered(err)
	}
}

// answered takes the answer to Use; the first counts.
func (o *SharedObject) answered(err error) {
	select {
	case o.used <- err:
	default:
	}
}

// addObject enters an object in the books of the connection.
func (s *clientSide) addObject(o *SharedObject) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.objects[o.name] != nil:
		return ErrObjectInUse
	case len(s.objects) >= o.c.limits.SharedObjects:
		return fmt.Errorf("rtmp: more than %d shared objects on one connection", o.c.limits.SharedObjects)
	}
	if s.objects == nil {
		s.objects = map[string]*SharedObject{}
	}
	s.objects[o.name] = o
	return nil
}

func (s *clientSide) removeObject(o *SharedObject) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[o.name] != o {
		return false
	}
	delete(s.objects, o.name)
	return true
}

func (s *clientSide) endObjects(err error) {
	s.mu.Lock()
	objects := s.objects
	s.objects = nil
	s.mu.Unlock()
	for _, o := range objects {
		o.end(err)
	}
}

// sharedObject takes a message of type 16 or 19.
func (s *clientSide) sharedObject(c *Conn, m *chunk.Message) error {
	parsed, err := message.Parse(message.Type(m.Type), m.Body, c.limits.AMF)
	if err != nil {
		c.logger.Debug("shared object message ignored", "err", err)
		return nil
	}
	msg := parsed.(*message.SharedObject)
	s.mu.Lock()
	o := s.objects[msg.Name]
	s.mu.Unlock()
	if o == nil {
		c.logger.Debug("message of a shared object that is not in use", "object", printable(msg.Name))
		return nil
	}
	o.receive(msg)
	return nil
}
