package rtmp

// flushed returns a channel that is closed when nothing waits to be sent, whatever the peer's window, or when the connection
// has failed.
func (o *outbound) flushed() <-chan struct{} {
	done := make(chan struct{})
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil && o.flushing {
		o.waiters = append(o.waiters, func() { close(done) })
	} else {
		close(done)
	}
	return done
}
