package rtmp

import (
	"context"
	"errors"
	"testing"
)

// TestLifetime: contexts made of a lifetime end with it and for its reason, whoever has used and released it before, and what
// nobody uses is let go.
func TestLifetime(t *testing.T) {
	type key struct{}
	l := &lifetime{parent: context.WithValue(t.Context(), key{}, "value")}
	l.use()
	first, cancelFirst := context.WithCancel(l)
	if first.Value(key{}) != "value" || l.Err() != nil {
		t.Errorf("the value is %v, the error %v", first.Value(key{}), l.Err())
	}
	l.use()
	l.release()
	if first.Err() != nil || l.inner == nil {
		t.Errorf("with a user left: %v, inside %v", first.Err(), l.inner)
	}
	cancelFirst()
	l.release()
	if l.inner != nil {
		t.Error("a context is kept that nobody uses")
	}

	l.use()
	second, cancelSecond := context.WithCancel(l)
	defer cancelSecond()
	reason := errors.New("over")
	l.end(reason)
	l.end(errors.New("too late"))
	<-second.Done()
	l.release()
	l.use()
	late, cancelLate := context.WithCancel(l)
	defer cancelLate()
	<-late.Done()
	if !errors.Is(context.Cause(second), reason) || !errors.Is(context.Cause(late), reason) || !errors.Is(l.Err(), context.Canceled) {
		t.Errorf("causes %v and %v, error %v", context.Cause(second), context.Cause(late), l.Err())
	}
}
