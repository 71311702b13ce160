package node

import (
	"slices"

	"leat/media"
)

// Reconnect asks the clients that publish or play a stream, or all clients if key is zero, to go on at tcURL: an absolute
// URL or one relative to the address that they used, "" for the same address (E-RTMP v2, Reconnect Request). It returns how
// many were asked; clients that do not know the request are left alone. It does not wait for them to leave.
func (n *Node) Reconnect(key media.Key, tcURL, why string) int {
	asked := 0
	for _, c := range n.rtmp.Conns() {
		if key != (media.Key{}) && !slices.ContainsFunc(c.Keys(), func(k media.Key) bool { return k == key || n.liveKey(k) == key }) {
			continue
		}
		if c.RequestReconnect(tcURL, why) {
			asked++
		}
	}
	n.log.Info("clients were asked to reconnect", "stream", key.String(), "tcurl", tcURL, "asked", asked)
	return asked
}
