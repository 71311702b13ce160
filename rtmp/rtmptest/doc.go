// Package rtmptest helps to test RTMP clients, servers and handlers without a network, as net/http/httptest
// does for HTTP.
//
// NewServer serves a handler and its Dial connects a client:
//
//	srv := rtmptest.NewServer(t, handler)
//	conn := srv.Dial(t, "/live/film", nil)
//	player, err := conn.Play(t.Context(), "", nil)
//
// Pipe is a connection whose two ends are in memory, with buffers and deadlines as a socket has them. Listener makes such
// connections by Dial and hands their other ends out by Accept. Fault is a connection that delays, trickles and
// breaks as told.
//
// They wait by means that testing/synctest knows, so inside a bubble a test of timeouts takes no time. A connection,
// listener or fault made inside a bubble must stay there.
package rtmptest
