// Package node is one running server: it builds the rooms from a configuration, joins the RTMP door to the hub and
// the fan-out, and owns their lifecycle and reload.
//
// A publisher's packets run on its connection's reading goroutine straight into the hub. A player is detached
// from its handler and joins the fan-out's log of its stream; one log exists for each way in which players of
// a stream need its bytes (message stream ID, chunk size), from the first such player to the last.
package node
