// Package dvr keeps the newest part of live streams on disk, so that their players can pause, go back and come back.
//
// # Windows
//
// A Window belongs to one stream from its first packet to its end, across publishers that follow each other within the hub's grace. It
// subscribes to the stream as a recorder does, and writes each packet as it is, with its number and its time, into
// segments that begin at key frames. What has become older than the window is removed by whole segments, so a little more
// is kept than was asked for. In memory there is the list of key frames only.
//
// It is a thing of its own and not the stream's recording: that has times of its own, may be an MP4 file or lie elsewhere, and
// is nobody's to cut.
//
// A Window is a format.Broadcast. Its cursors read the disk, mostly what the system still has in its cache. At the edge they
// say so, and tell the number of the packet that they have read last: there the player goes over to the fan-out.
//
// # Ends
//
// When the stream ends, nobody new can enter its window, and it lives for as long as somebody is in it, at most for
// its length. Then its files are removed. What a server left that was killed is removed by Open.
//
// # Limits
//
// A stream has at most about 64 segments, each an open file. When the disk is nearly full or a write fails, the
// oldest segments go: the window shrinks, which is logged once. Without any the window is empty until a key frame at which
// there is room again. A subscription that the disk cannot keep up with has a gap.
//
// # Locks
//
// Windows.mu guards the map of windows, and is held while one subscribes to its stream or is entered. Window.mu guards the
// segments, places and watchers of one and is a leaf. Files are written and read with none held.
package dvr
