package node

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"

	"leat/internal/config"
	"leat/internal/sharedobject"
	"leat/internal/store"
	"leat/rtmp"
)

// ServeSharedObject lets a client that may play use a shared object of its application.
func (h *handler) ServeSharedObject(ctx context.Context, u *rtmp.SharedObjectUser) (rtmp.SharedObjectSession, error) {
	return h.n.objects.ServeSharedObject(ctx, u)
}

func (n *Node) newSharedObjects(cfg *config.Config) {
	n.store = &lazyStore{path: filepath.Join(cfg.Data, storeFile)}
	n.objects = sharedobject.New(sharedobject.Config{
		Store:  n.store,
		Access: n.mayUseObject,
		Limits: sharedObjectLimits(cfg),
		Logger: n.log,
	})
}

func sharedObjectLimits(cfg *config.Config) sharedobject.Limits {
	l := &cfg.Limits
	return sharedobject.Limits{
		Slots:      l.SharedObjectSlots,
		Bytes:      int(l.SharedObjectSize),
		TotalBytes: int64(l.SharedObjectsSize),
	}
}

// mayUseObject is asked each time that a client begins to use an object.
func (n *Node) mayUseObject(u *rtmp.SharedObjectUser) sharedobject.Access {
	r := u.Request()
	app, ok := n.app(r)
	switch {
	case !ok, app.SharedObjects == config.SharedObjectsOff, !app.PlayFrom.Contains(remote(u.Conn())),
		app.PlayToken.IsSet() && !app.PlayToken.Matches(token(r, "")):
		return sharedobject.Access{}
	}
	return sharedobject.Access{
		Read:   true,
		Write:  true,
		Create: !u.Persistent() || app.SharedObjects == config.SharedObjectsPersistent && n.store.isOpen(),
	}
}

// useStore opens the store when an application may need it, so that a server without persistent objects writes nothing.
func (n *Node) useStore(cfg *config.Config) error {
	persistent := func(apps config.Apps) bool {
		return slices.ContainsFunc(apps, func(a config.NamedApp) bool { return a.SharedObjects == config.SharedObjectsPersistent })
	}
	if !persistent(cfg.Apps) && !slices.ContainsFunc(cfg.VHosts, func(v config.VHost) bool { return persistent(v.Apps) }) {
		return nil
	}
	return n.store.open()
}

// closeSharedObjects saves what is unsaved. The RTMP server has ended before.
func (n *Node) closeSharedObjects() error {
	n.objects.Close()
	return n.store.close()
}

// lazyStore is a store that is empty until it is opened.
type lazyStore struct {
	path string

	mu sync.RWMutex
	s  *store.Store // nil until open
}

var errStoreClosed = errors.New("node: the store is not open")

func (l *lazyStore) get() *store.Store {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.s
}

func (l *lazyStore) isOpen() bool { return l.get() != nil }

func (l *lazyStore) open() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.s != nil {
		return nil
	}
	s, err := store.Open(l.path, nil)
	if err != nil {
		return err
	}
	l.s = s
	return nil
}

func (l *lazyStore) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.s == nil {
		return nil
	}
	s := l.s
	l.s = nil
	return s.Close()
}

// LoadSharedObject finds nothing in a store that is not open.
func (l *lazyStore) LoadSharedObject(key store.SharedObjectKey) (*store.SharedObject, error) {
	s := l.get()
	if s == nil {
		return nil, nil //nolint:nilnil // there is none, as in the store itself
	}
	return s.LoadSharedObject(key)
}

// SaveSharedObjects saves as the store does.
func (l *lazyStore) SaveSharedObjects(changes []store.SharedObjectChange) error {
	s := l.get()
	if s == nil {
		return errStoreClosed
	}
	return s.SaveSharedObjects(changes)
}
