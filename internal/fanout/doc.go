// Package fanout brings one stream's encoded bytes to thousands of sockets.
//
// What fan-out costs is decided by the number of writes, not by the bytes. So each packet is
// encoded once into a byte log, a player is an Outlet and a place in that log, and what a player
// has not had yet is one contiguous slice (two where a block ends), however many messages it is.
// There is no goroutine, channel, timer, copy or allocation per player and packet.
//
// # Log
//
// A Log holds the stream's bytes in blocks of 64 KiB to 1 MiB, which are only ever appended to and
// left to the garbage collector, never reused; and an index of the messages in them. A message never
// straddles two blocks. Kept are the newest GOP, where players join, and what players have not had
// yet, at most LogConfig.MaxBytes. Of the part that only lagging players still need, the video frames
// are dropped and the rest is copied together, so that a stalled player costs its audio.
// Video frames before the first key frame serve nobody and are not stored.
// With several video tracks the lowest one that has key frames decides where a GOP begins.
//
// # Sweep
//
// A Sweeper has one shard, a goroutine, per core. A log that has news puts itself into their queue,
// and a shard walks its players with non-blocking writes; beyond 256 players a log is divided
// into as many groups as there are shards, which are swept in parallel. When a log has
// news is a matter of Merge. On top of that load makes the batches by itself: after a sweep
// a group rests for as long as that took, so it never takes more than half a core,
// and a slow sweep finds more messages to send in each write. With MergeNone it rests for a quarter of that. One timer per Sweeper serves all
// waiting; a stream whose frames come in time does not touch it. A log with few players, of which a server may have thousands, is swept
// by who writes to it, if its turn is now: to wake a shard costs as much as some writes.
//
// A player whose Outlet is full is left alone until NotifyWritable fires; then a shard serves that
// player alone.
//
// # Lanes
//
// The fast lane writes contiguous bytes. A player leaves it for the slow lane, which picks messages
// by index, while it is lagging, does not want audio or video, has a limited duration, is to end soon, or waits for a key
// frame. Lagging is who had once reached the head (or had MaxLag to do so) and fell behind by more than one GOP, GOPs under a
// second counted together: it goes on with the audio, without video up to the newest key frame, and is then back in
// the fast lane. Configuration, data and control messages are sent in either lane.
// The remainder of a partly sent message always goes first.
//
// This is how audio goes before video when a socket is congested: by leaving video out, not by letting audio overtake it. Up to a
// GOP behind, a player gets everything in the order in which it was published, since programs that record what they receive, as
// rtmpdump does, write it down in that order, and expect times that rise over all tracks. Control messages that mean the
// same everywhere, such as the answer to a ping, overtake both; that is the Outlet's matter.
//
// Once a second each group looks for players that took nothing for MaxLag or are that far
// behind, and ends them.
//
// # Places
//
// Packets have the numbers that the hub has given them. A player that leaves the log says with Part which one it got last, and
// can come back with JoinOptions.After behind any packet that is still held, from wherever it was meanwhile: it gets every message once.
//
// # Locks
//
// In this order, each taken by itself or with those before it held:
//
//	Player.mu   its cursor and flags; held while its Outlet is called
//	Log.mu      bytes, index, headers, the groups' lists of players; never held during a write to a socket
//	Sweeper.mu  queue, timer, state of the groups; a leaf
//
// OnEnd and OnSweep are called without any of them.
package fanout
