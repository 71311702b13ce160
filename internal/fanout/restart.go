package fanout

// Restart tells the log that what follows comes from another publisher. The headers and key frames so far are no place to
// begin any more: who joins now waits for the new publisher's. Players that have joined already still get what they have not
// had yet.
func (l *Log) Restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.headers.Reset()
	l.gop.lose()
	l.gop.started = false
	l.origin = l.store.next
}
