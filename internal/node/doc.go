// Package node is one running server: it builds the rooms from a configuration, joins the RTMP door to the hub and
// the fan-out, opens the HTTP doors, and owns their lifecycle and reload.
//
// # The way of a stream
//
// A publisher's packets run on its connection's reading goroutine straight into the hub. A player is detached
// from its handler and joins the fan-out's log of its stream. A feed brings the packets from the hub into the log; one
// exists for each way in which players of a stream need its bytes (message stream ID, chunk size), from the first
// such player to the last.
//
// # Lifecycle
//
// New, Listen, Serve, Shutdown, each once. Shutdown ends the streams first, lets the players have what was sent, tells
// everybody, and keeps the admin door open until the last client has gone, so that /readyz can say so. Reload
// exchanges the configuration in between: what is tagged hot there takes effect, for limits on
// connections and for players' logs from the next one on; the rest is named in the log and stays as it is.
package node
