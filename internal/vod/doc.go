// Package vod plays recordings to RTMP clients: it finds files by stream name, shares their indexes among all who play them,
// and answers what clients ask of a recording: seek, pause, steps, another rendition. Live streams that are rewound are played likewise.
//
// # Files
//
// A Library turns a stream name into an opened Source. Folder is the library of a directory that nobody gets out of, neither
// by "..", nor by symbolic links. A Catalog opens the files of libraries once, for all who play them at the same time or
// soon after, as long as path, size and modification time are the same; a file that has grown is opened anew for
// the next player.
//
// # Players
//
// A Session is one client that plays one entry of its playlist. It has no goroutine: an Engine runs the step of a session that
// has something to do on one of a few workers, and lets it rest until its client can take more, its client asks for
// something, or the next packets are due, of which one timer wheel takes care for all sessions. A step obeys the client's
// commands, then sends what is due. Packets are read from the file as late as that, so a session holds one packet,
// what its socket has not taken, and its cursor, however long the file is.
//
// # Time
//
// A file has its own times, from 0. The client's timeline differs from them by a constant, the shift of the session: play
// from a position makes the position 0, an entry of a playlist goes on where the one before it ended. After a
// seek in the first entry the times are the file's.
//
// What a client gets, it gets at the pace of its buffer: as fast as it takes it until that is full, then as fast as it plays.
//
// # Broadcasts
//
// A format.Broadcast is a live stream as far as it can be rewound. Its client comes from the fan-out (SessionConfig.From), plays
// behind the live stream as it would play a recording, and goes back to the fan-out when it has had all there is (SessionConfig.Live), behind
// a packet that both know by its number. Times are the stream's, and so are the client's, unless it has changed to a rendition with
// another clock: then the shift makes up for it, and the session keeps its client.
//
// Another rendition of a broadcast takes over at its first key frame that the client has not passed. Until that has come, the session
// sends of the old one only what is older than the newest of the new one.
//
// # Limits
//
// A session queues at most 64 commands of its client, of which a later seek replaces an earlier one, and 256 KiB of messages
// and one more packet. A Catalog keeps the indexes of at most 64 files that nobody plays.
package vod
