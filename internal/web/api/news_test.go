package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func listen(t *testing.T, n *News) *listener {
	t.Helper()
	l, err := n.listen()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNewsKeepsTheLast(t *testing.T) {
	var n News
	for i := range maxRecent + 5 {
		n.Tell(Event{Text: fmt.Sprint(i)})
	}
	l := listen(t, &n)
	for i := range maxRecent {
		if e := <-l.events; e.Text != fmt.Sprint(i+5) || e.At.IsZero() {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
	if len(l.events) != 0 {
		t.Errorf("%d events more", len(l.events))
	}
}

func TestNewsCountsWhatASlowListenerMisses(t *testing.T) {
	var n News
	l := listen(t, &n)
	for range maxWaiting + 3 {
		n.Tell(Event{Kind: EventPlaying})
	}
	for range maxWaiting {
		if e := <-l.events; e.Missed != 0 {
			t.Fatalf("missed %d before the gap", e.Missed)
		}
	}
	for _, want := range []int{3, 0} {
		n.Tell(Event{Kind: EventLeft})
		if e := <-l.events; e.Missed != want {
			t.Errorf("missed %d, want %d", e.Missed, want)
		}
	}
}

func TestNewsShowsTheNewestSnapshot(t *testing.T) {
	var n News
	if n.Heard() {
		t.Error("heard by nobody")
	}
	n.Show(&Snapshot{Total: 1})
	l := listen(t, &n)
	if !n.Heard() {
		t.Error("not heard")
	}
	n.Show(&Snapshot{Total: 2})
	n.Show(&Snapshot{Total: 3})
	if s := <-l.snapshot; s.Total != 3 || len(l.snapshot) != 0 {
		t.Errorf("got %+v, and %d more", s, len(l.snapshot))
	}
	n.leave(l)
	if n.Heard() {
		t.Error("heard by one that has left")
	}
}

func TestNewsLimitsListeners(t *testing.T) {
	s := &fakeServer{}
	n := s.News()
	all := make([]*listener, maxListeners)
	for i := range all {
		all[i] = listen(t, n)
	}
	if _, err := n.listen(); !errors.Is(err, errManyListeners) {
		t.Errorf("one too many: %v", err)
	}
	if code, text := ask(s, "GET /events", ""); code != http.StatusServiceUnavailable || !strings.Contains(text, "16 listeners") {
		t.Errorf("status %d, %s", code, text)
	}
	n.Close()
	n.Close()
	for _, l := range all {
		<-l.over
		n.leave(l)
	}
	if _, err := n.listen(); !errors.Is(err, errNewsClosed) {
		t.Errorf("after Close: %v", err)
	}
}
