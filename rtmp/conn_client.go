package rtmp

// Request returns the connect command of a server's connection once it has been accepted; nil before that, and for a
// connection that was dialled. It must not be changed.
func (c *Conn) Request() *ConnectRequest {
	s, ok := c.side.(*serverSide)
	if !ok || !c.connected.Load() {
		return nil
	}
	return s.req
}

// Publishing reports whether the client of a server's connection publishes a stream now.
func (c *Conn) Publishing() bool {
	return c.anyStream(func(st *serverStream) bool { return st.pub != nil })
}

// Playing reports whether the client of a server's connection plays a stream now.
func (c *Conn) Playing() bool {
	return c.anyStream(func(st *serverStream) bool { return st.play != nil })
}

// anyStream asks with the stream's lock held.
func (c *Conn) anyStream(is func(*serverStream) bool) bool {
	s, ok := c.side.(*serverSide)
	if !ok {
		return false
	}
	found := false
	s.eachStream(func(st *serverStream) {
		st.mu.Lock()
		found = found || is(st)
		st.mu.Unlock()
	})
	return found
}
