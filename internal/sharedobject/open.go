package sharedobject

import (
	"context"
	"maps"
	"slices"

	"leat/rtmp"
)

// Object is the server's own use of an object: with all rights, and without messages to itself. It keeps the object in
// memory until Close. All methods may be called from any goroutine. Those that change it return when the change is stored,
// if the object is persistent, and the users are told; or when ctx is done, which leaves the outcome open.
type Object struct{ o *object }

// Open begins to use an object, and creates it when there is none. Errors that a client would get too are a
// *rtmp.StatusError.
func (s *Objects) Open(key Key, persistent bool) (*Object, error) {
	o, err := s.acquire(key)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	err = o.begin(persistent, true)
	o.mu.Unlock()
	if err != nil {
		s.release(o)
		return nil, err
	}
	return &Object{o: o}, nil
}

// Close ends the use. It must be called once.
func (h *Object) Close() { h.o.all.release(h.o) }

// Version returns how often the object has changed.
func (h *Object) Version() uint32 {
	h.o.mu.Lock()
	defer h.o.mu.Unlock()
	return h.o.version
}

// Get returns the value of a slot as package amf has it, and false when there is no such slot.
func (h *Object) Get(name string) (value any, ok bool, err error) {
	h.o.mu.Lock()
	b, ok := h.o.slots[name]
	h.o.mu.Unlock()
	if !ok {
		return nil, false, nil
	}
	value, err = b.Decode()
	return value, err == nil, err
}

// Names returns the names of the slots, in order.
func (h *Object) Names() []string {
	h.o.mu.Lock()
	defer h.o.mu.Unlock()
	return slices.Sorted(maps.Keys(h.o.slots))
}

// Set sets slots, all at once; nil removes one.
func (h *Object) Set(ctx context.Context, slots ...rtmp.Slot) error {
	return h.change(ctx, func(c *change) error {
		return c.addAll([]rtmp.SharedObjectEvent{{Type: rtmp.SharedObjectRequestChange, Slots: slots}})
	})
}

// Remove removes slots, all at once. To remove what is not there is no error.
func (h *Object) Remove(ctx context.Context, names ...string) error {
	return h.change(ctx, func(c *change) error {
		for _, name := range names {
			c.remove(name)
		}
		return nil
	})
}

// Clear removes all slots (event Clear).
func (h *Object) Clear(ctx context.Context) error {
	return h.change(ctx, func(c *change) error {
		c.clear()
		return nil
	})
}

// SendMessage calls a handler of all users.
func (h *Object) SendMessage(ctx context.Context, handler string, args ...any) error {
	return h.change(ctx, func(c *change) error { return c.sendMessage(handler, args) })
}

func (h *Object) change(ctx context.Context, prepare func(c *change) error) error {
	o := h.o
	if err := o.lockForChange(ctx); err != nil {
		return err
	}
	c := o.newChange()
	err := prepare(c)
	if err == nil {
		err = c.apply()
	}
	if err != nil || len(c.others) == 0 {
		o.mu.Unlock()
		return err
	}
	done := make(chan error, 1)
	o.deliver(delivery{to: slices.Clone(o.sessions), version: o.version, events: c.others, done: done})
	o.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
