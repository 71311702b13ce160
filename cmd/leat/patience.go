package main

import (
	"context"
	"errors"
	"time"
)

// errImpatient is the cause of a context that patience has ended.
var errImpatient = errors.New("nothing came in time")

// patience ends a wait in which nothing happens for too long. Without a limit it never does.
type patience struct {
	limit time.Duration
	timer *time.Timer // nil without a limit
}

// begin returns a context that ends, with errImpatient as its cause, when again is not called for the limit. stop
// releases it.
func (p *patience) begin(ctx context.Context) (_ context.Context, stop func()) {
	if p.limit == 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	p.timer = time.AfterFunc(p.limit, func() { cancel(errImpatient) })
	return ctx, func() {
		p.timer.Stop()
		cancel(nil)
	}
}

// again says that something has happened.
func (p *patience) again() {
	if p.timer != nil {
		p.timer.Reset(p.limit)
	}
}

// rest waits without a limit from now on.
func (p *patience) rest() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
