package sharedobject

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"leat/internal/store"
	"leat/rtmp"
)

// Key names a shared object: App/Instance/Name. The default instance is "".
type Key struct {
	App, Instance, Name string
}

// MaxName is how long each part of a Key and the name of a slot may be, bytes.
const MaxName = 1024

// Access says what a user may do with an object.
type Access struct {
	Read   bool // use it
	Write  bool // change its slots and send messages
	Create bool // use it when there is no such object; it is asked for temporary and persistent ones
}

// Limits bounds what clients can make the server hold. Zero fields mean their defaults.
type Limits struct {
	Objects    int   // objects in memory of one application instance; default 1024
	Users      int   // users of one object; default 10,000
	Slots      int   // slots of one object; default 1024
	Bytes      int   // names and values of one object, in AMF0; default 256 KiB
	TotalBytes int64 // names and values of all objects in memory; default 256 MiB
}

func (l Limits) withDefaults() *Limits {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&l.Objects, 1024)
	set(&l.Users, 10_000)
	set(&l.Slots, 1024)
	set(&l.Bytes, 256<<10)
	if l.TotalBytes == 0 {
		l.TotalBytes = 256 << 20
	}
	return &l
}

// Store keeps persistent objects; *store.Store is one. Its methods may block, and are called from several goroutines.
type Store interface {
	LoadSharedObject(key store.SharedObjectKey) (*store.SharedObject, error)
	SaveSharedObjects(changes []store.SharedObjectChange) error
}

// Config is what Objects needs. The zero value keeps temporary objects for everybody.
type Config struct {
	// Store keeps persistent objects; nil refuses them.
	Store Store
	// Access decides, each time a client begins to use an object, what it may do; nil allows everything. It must not block.
	Access func(u *rtmp.SharedObjectUser) Access
	// Limits bounds memory.
	Limits Limits
	// Logger hears of failures of the store; nil means slog.Default().
	Logger *slog.Logger
}

// Objects are the shared objects of all application instances. All methods may be called from any goroutine.
type Objects struct {
	store  Store
	access func(u *rtmp.SharedObjectUser) Access
	log    *slog.Logger
	limits atomic.Pointer[Limits]

	wake chan struct{} // has room for one: something is unsaved
	quit chan struct{} // closed by Close
	done chan struct{} // closed when the saver has returned

	mu        sync.Mutex // a leaf: an object's mutex may be held when it is taken, never the other way round
	closed    bool
	saving    bool // the saver was started
	objects   map[Key]*object
	instances map[Key]int // objects of each instance; the keys have no Name
	bytes     int64
	unsaved   []*object
}

var _ rtmp.SharedObjectHandler = (*Objects)(nil)

// New returns empty Objects. The caller must Close them.
func New(cfg Config) *Objects {
	s := &Objects{
		store: cfg.Store, access: cfg.Access, log: cfg.Logger,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		objects: map[Key]*object{}, instances: map[Key]int{},
	}
	if s.access == nil {
		s.access = func(*rtmp.SharedObjectUser) Access { return Access{Read: true, Write: true, Create: true} }
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.SetLimits(cfg.Limits)
	return s
}

// SetLimits replaces the limits. Objects that are beyond them stay, and can only shrink.
func (s *Objects) SetLimits(l Limits) { s.limits.Store(l.withDefaults()) }

// Close saves what is unsaved and returns when that is done. Changes are refused from then on. The server whose handler
// this is should have been shut down before.
func (s *Objects) Close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	saving := s.saving
	s.mu.Unlock()
	if first {
		close(s.quit)
	}
	if saving {
		<-s.done
	}
}

// ServeSharedObject lets a client use an object of its application instance.
func (s *Objects) ServeSharedObject(_ context.Context, u *rtmp.SharedObjectUser) (rtmp.SharedObjectSession, error) {
	access := s.access(u)
	if !access.Read {
		return nil, rtmp.Refuse(rtmp.CodeSharedObjectNoReadAccess, "reading is not allowed")
	}
	r := u.Request()
	o, err := s.acquire(Key{App: r.App, Instance: r.Instance, Name: u.Name()})
	if err != nil {
		return nil, err
	}
	session, err := o.use(u, access)
	if err != nil {
		s.release(o)
		return nil, err
	}
	return session, nil
}

// acquire returns an object and counts a reference to it, which release gives back.
func (s *Objects) acquire(key Key) (*object, error) {
	if max(len(key.App), len(key.Instance), len(key.Name)) > MaxName || key.Name == "" {
		return nil, rtmp.Refuse(rtmp.CodeSharedObjectObjectCreationFailed, "the name is empty or longer than %d bytes", MaxName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[key]
	if o == nil {
		instance := key.instance()
		switch {
		case s.closed:
			return nil, rtmp.Refuse(rtmp.CodeSharedObjectObjectCreationFailed, "the server is shutting down")
		case s.instances[instance] >= s.limits.Load().Objects:
			return nil, rtmp.Refuse(rtmp.CodeSharedObjectObjectCreationFailed, "the limit on shared objects is reached")
		}
		o = &object{all: s, key: key, state: state{slots: map[string]rtmp.EncodedValue{}}}
		s.objects[key] = o
		s.instances[instance]++
	}
	o.refs++
	return o, nil
}

func (k Key) instance() Key { return Key{App: k.App, Instance: k.Instance} }

// release gives a reference back. The last one takes the object out of memory: nothing of it is unsaved then.
func (s *Objects) release(o *object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.refs--; o.refs > 0 {
		return
	}
	delete(s.objects, o.key)
	s.bytes -= o.reserved
	instance := o.key.instance()
	if s.instances[instance]--; s.instances[instance] == 0 {
		delete(s.instances, instance)
	}
}

// reserve accounts for a change of an object's size. It reports false, and does nothing, when that goes beyond the limit
// on all objects or the objects are closed, unless force says that it has happened already.
func (s *Objects) reserve(o *object, grown int, force bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int64(grown)
	if !force && (s.closed || n > 0 && s.bytes+n > s.limits.Load().TotalBytes) {
		return false
	}
	s.bytes += n
	o.reserved += n
	return true
}

// Info describes an object in memory.
type Info struct {
	Key        Key
	Persistent bool
	Version    uint32
	Slots      int
	Bytes      int
	Users      int
}

// List describes the objects in memory, in the order of their keys: those that have users or are being saved.
func (s *Objects) List() []Info {
	s.mu.Lock()
	all := make([]*object, 0, len(s.objects))
	for _, o := range s.objects {
		all = append(all, o)
	}
	s.mu.Unlock()
	infos := make([]Info, 0, len(all))
	for _, o := range all {
		if i, ok := o.info(); ok {
			infos = append(infos, i)
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return a.Key.compare(b.Key) })
	return infos
}
