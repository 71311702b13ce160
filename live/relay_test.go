package live_test

import (
	"errors"
	"slices"
	"testing"

	"leat/live"
	"leat/media"
	"leat/media/mediatest"
)

// TestWanted: a hub says that a stream is wanted which nobody publishes, and only then.
func TestWanted(t *testing.T) {
	var wanted []media.Key
	var hub *live.Hub
	hub = live.NewHub(&live.Config{OnWanted: func(key media.Key) {
		hub.Stream(key) // no lock is held
		wanted = append(wanted, key)
	}})
	defer hub.Close()
	here, missing := media.Key{App: "live", Name: "here"}, media.Key{App: "live", Name: "missing"}
	pub, err := hub.Publish(here, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close(true)
	defer hub.Subscribe(here, nil).Close()
	defer hub.Subscribe(missing, &live.SubscribeOptions{Passive: true}).Close()
	if len(wanted) != 0 {
		t.Errorf("wanted: %v, want none", wanted)
	}
	defer hub.Subscribe(missing, nil).Close()
	if !slices.Equal(wanted, []media.Key{missing}) {
		t.Errorf("wanted: %v, want %v", wanted, missing)
	}
	info, _ := hub.Stream(missing)
	if len(info.Subscriptions) != 2 || !info.Subscriptions[0].Passive || info.Subscriptions[1].Passive {
		t.Errorf("subscriptions: %+v, want a passive one and another", info.Subscriptions)
	}
}

// TestOnWatched: a publisher is told whether somebody waits for its packets, at first and whenever that changes.
func TestOnWatched(t *testing.T) {
	hub := live.NewHub(&live.Config{Policy: live.PolicyTakeover})
	defer hub.Close()
	key := media.Key{App: "live", Name: "cam"}
	publish := func(told *[]bool) *live.Publication {
		pub, err := hub.Publish(key, &live.PublishOptions{OnWatched: func(is bool) { *told = append(*told, is) }})
		if err != nil {
			t.Fatal(err)
		}
		return pub
	}
	var first, second []bool
	defer publish(&first).Close(true)
	defer hub.Subscribe(key, &live.SubscribeOptions{Patient: true}).Close()
	a, b := hub.Subscribe(key, nil), hub.Subscribe(key, nil)
	a.Close()
	b.Close()
	b = hub.Subscribe(key, &live.SubscribeOptions{Passive: true})
	if want := []bool{false, true, false, true}; !slices.Equal(first, want) {
		t.Errorf("told %v, want %v", first, want)
	}
	pub := publish(&second)
	b.Close()
	pub.Close(true)
	hub.Subscribe(key, nil).Close()
	if want := []bool{true, false}; !slices.Equal(second, want) || len(first) != 4 {
		t.Errorf("after a takeover %v were told, want %v; and the one before %v", second, want, first[4:])
	}
}

// TestYields: a publisher that yields is replaced whatever the policy, and replaces nobody by that.
func TestYields(t *testing.T) {
	hub := live.NewHub(&live.Config{Policy: live.PolicyReject})
	defer hub.Close()
	key := media.Key{App: "live", Name: "cam"}
	fetched, err := hub.Publish(key, &live.PublishOptions{Yields: true})
	if err != nil {
		t.Fatal(err)
	}
	own, err := hub.Publish(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close(true)
	if err := fetched.WritePacket(t.Context(), mediatest.Metadata(1, 1)); !errors.Is(err, live.ErrTakenOver) {
		t.Errorf("writing gives %v, want ErrTakenOver", err)
	}
	if _, err := hub.Publish(key, &live.PublishOptions{Yields: true}); !errors.Is(err, live.ErrBusy) {
		t.Errorf("publishing gives %v, want ErrBusy", err)
	}
}
