package rtmp_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// objectServer answers every use of a shared object by a function of the test.
type objectServer struct {
	relay
	use func(u *rtmp.SharedObjectUser) (rtmp.SharedObjectSession, error)
}

func (s *objectServer) ServeSharedObject(_ context.Context, u *rtmp.SharedObjectUser) (rtmp.SharedObjectSession, error) {
	return s.use(u)
}

// objectSession answers requests by a function of the test.
type objectSession struct {
	u        *rtmp.SharedObjectUser
	request  func(u *rtmp.SharedObjectUser, version uint32, events []rtmp.SharedObjectEvent)
	released chan struct{}
}

func (s *objectSession) Request(_ context.Context, version uint32, events []rtmp.SharedObjectEvent) {
	s.request(s.u, version, events)
}

func (s *objectSession) Release() { close(s.released) }

func changeEvent(name string, value any) rtmp.SharedObjectEvent {
	return rtmp.SharedObjectEvent{Type: rtmp.SharedObjectChange, Slots: []rtmp.Slot{{Name: name, Value: value}}}
}

func slotEvent(t rtmp.SharedObjectEventType, name string) rtmp.SharedObjectEvent {
	return rtmp.SharedObjectEvent{Type: t, Slots: []rtmp.Slot{{Name: name}}}
}

// serveObject starts a server that greets users with events and answers requests by request.
func serveObject(t *testing.T, greeting []rtmp.SharedObjectEvent, request func(*rtmp.SharedObjectUser, uint32, []rtmp.SharedObjectEvent)) (*rtmptest.Server, chan struct{}) {
	released := make(chan struct{})
	return rtmptest.NewServer(t, &objectServer{use: func(u *rtmp.SharedObjectUser) (rtmp.SharedObjectSession, error) {
		return &objectSession{u: u, request: request, released: released}, u.Send(7, greeting...)
	}}), released
}

// Servers greet in different ways; all lead to the same copy.
func TestSharedObjectGreetings(t *testing.T) {
	success := rtmp.SharedObjectEvent{Type: rtmp.SharedObjectUseSuccess}
	clear := rtmp.SharedObjectEvent{Type: rtmp.SharedObjectClear}
	for name, greeting := range map[string][]rtmp.SharedObjectEvent{
		"FMS":         {success, clear, changeEvent("a", 1.0)},
		"crtmpserver": {clear, success, changeEvent("a", 1.0)},
		"Red5":        {success, changeEvent("a", 1.0)},
	} {
		t.Run(name, func(t *testing.T) {
			srv, released := serveObject(t, greeting, nil)
			o, err := srv.Dial(t, "/live", nil).SharedObject(t.Context(), "o", nil)
			if err != nil {
				t.Fatal(err)
			}
			want := rtmp.SharedObjectState{Version: 7, Slots: []rtmp.Slot{{Name: "a", Value: 1.0}}}
			if got := o.State(); !reflect.DeepEqual(got, want) || o.Name() != "o" {
				t.Errorf("%s is %v, want %v", o.Name(), got, want)
			}
			for range 2 {
				if err := o.Close(); err != nil {
					t.Fatal(err)
				}
			}
			<-released
		})
	}
}

// A server that refuses by the slot's value, as FMS may, or by a status.
func TestSharedObjectRejected(t *testing.T) {
	greeting := []rtmp.SharedObjectEvent{{Type: rtmp.SharedObjectUseSuccess}, changeEvent("a", 1.0)}
	rejected := make(chan struct{})
	srv, _ := serveObject(t, greeting, func(u *rtmp.SharedObjectUser, version uint32, events []rtmp.SharedObjectEvent) {
		answer := rtmp.SharedObjectEvent{Type: rtmp.SharedObjectStatus, Code: "Mine", Level: "error"}
		switch name := events[0].Slots[0].Name; {
		case version == 7 && name == "a":
			answer = changeEvent("a", 1.0)
		case name == "b":
			answer = slotEvent(rtmp.SharedObjectSuccess, "b")
		}
		if err := u.Send(version+1, answer); err != nil {
			t.Error(err)
		}
	})
	first := true
	o, err := srv.Dial(t, "/live", nil).SharedObject(t.Context(), "o", &rtmp.SharedObjectOptions{
		OnSync: func(changes []rtmp.SharedObjectSync) {
			if want := (rtmp.SharedObjectSync{Code: rtmp.SyncReject, Name: "a", Value: 1.0, Old: 1.0}); changes[0] == want && first {
				first = false
				close(rejected)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	set := make(chan error, 1)
	go func() { set <- o.Set(t.Context(), "a", "x") }()
	<-rejected
	err = o.Set(t.Context(), "a", "y") // refused by a status, which is not taken for the answer to the first
	if e, ok := errors.AsType[*rtmp.StatusError](err); !ok || e.Code != "Mine" || !e.Remote {
		t.Errorf("the second Set returned %v", err)
	}
	if err := o.Set(t.Context(), "b", "z"); err != nil {
		t.Errorf("the third Set returned %v", err)
	}
	if err := <-set; !errors.Is(err, rtmp.ErrChangeRejected) {
		t.Errorf("the first Set returned %v", err)
	}
	if v, _ := o.Get("a"); v != 1.0 {
		t.Errorf("the slot is %v", v)
	}
}

// A server without shared objects says so; a client cannot serve them.
func TestSharedObjectWithoutHandler(t *testing.T) {
	conns := make(chan *rtmp.Conn, 1)
	srv := rtmptest.NewServer(t, &connServer{conns: conns})
	_, err := srv.Dial(t, "/live", nil).SharedObject(t.Context(), "o", nil)
	if e, ok := errors.AsType[*rtmp.StatusError](err); !ok || e.Code != string(rtmp.CodeSharedObjectNoReadAccess) {
		t.Errorf("error %v, want NoReadAccess", err)
	}
	if _, err := (<-conns).SharedObject(t.Context(), "o", nil); err == nil {
		t.Error("a server used a shared object of its client")
	}
}

// A server that sends more than the client's limits allow loses its user.
func TestSharedObjectClientLimits(t *testing.T) {
	greeting := []rtmp.SharedObjectEvent{{Type: rtmp.SharedObjectUseSuccess}, changeEvent("a", 1.0), changeEvent("b", strings.Repeat("x", 100))}
	for name, limits := range map[string]rtmp.Limits{
		"slots": {SharedObjectSlots: 1}, "bytes": {SharedObjectBytes: 100}, "none": {},
	} {
		srv, released := serveObject(t, greeting, nil)
		o, err := srv.Dial(t, "/live", &rtmp.DialConfig{Limits: limits}).SharedObject(t.Context(), "o", nil)
		if name != "none" {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			<-released
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	srv, _ := serveObject(t, greeting, nil)
	c := srv.Dial(t, "/live", &rtmp.DialConfig{Limits: rtmp.Limits{SharedObjects: 1}})
	if _, err := c.SharedObject(t.Context(), "o", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SharedObject(t.Context(), "p", nil); err == nil {
		t.Error("a second object was used")
	}
}

// The end of the connection ends what waits, and Release comes for what was in use.
func TestSharedObjectConnectionEnds(t *testing.T) {
	asked := make(chan struct{})
	greeting := []rtmp.SharedObjectEvent{{Type: rtmp.SharedObjectUseSuccess}}
	srv, released := serveObject(t, greeting, func(*rtmp.SharedObjectUser, uint32, []rtmp.SharedObjectEvent) { close(asked) })
	c := srv.Dial(t, "/live", nil)
	o, err := c.SharedObject(t.Context(), "o", nil)
	if err != nil {
		t.Fatal(err)
	}
	set := make(chan error, 1)
	go func() { set <- o.Set(t.Context(), "a", 1.0) }()
	<-asked
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-set; !errors.Is(err, rtmp.ErrClosed) {
		t.Errorf("Set returned %v, want ErrClosed", err)
	}
	<-released
	if err := o.SendMessage("x"); !errors.Is(err, rtmp.ErrClosed) {
		t.Errorf("SendMessage returned %v, want ErrClosed", err)
	}
}
