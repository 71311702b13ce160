// Package media is the vocabulary that all rooms of leat share: an immutable Packet, and Reader and
// Writer, which do for media what io.Reader and io.Writer do for bytes.
//
// A publisher, a player, a file, a relay, a recorder and a subscription to a live stream are all a
// Reader or a Writer, so most of a server is a Copy between them.
package media
