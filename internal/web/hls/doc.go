// Package hls is HTTP Live Streaming (RFC 8216, and the second edition's low-latency parts) of live streams and of recordings.
//
// # Live
//
// A muxer cuts a stream's packets into segments, and those into parts, of fragmented MP4. It is made at the first request, goes
// as far back in the hub's ring as its window reaches, so that a player can begin at once, and ends when nobody has asked for
// anything for Options.Idle. Every track has a media playlist of its own: video tracks are variants of the master playlist, audio
// tracks a group of renditions. Several streams that are renditions of one content are joined in one master playlist.
//
// All tracks are cut where the leading one is, at a key frame. Times in the segments are the stream's own. When the tracks
// change, all segments go and a discontinuity is announced: a media playlist can name one initialization segment only, as the
// playlist package of gohlslib has it. Its Muxer is not used: that derives decoding times from the pictures instead of keeping
// them, knows one video track and one initialization segment for ever, and waits for news longer than its clients do. MPEG-TS comes
// from that Muxer only, so there is none here: two muxers would have two sets of times, and MPEG-TS has no form for AV1.
//
// # Recordings
//
// A recording's playlists are made from its index of key frames, and each segment when it is asked for. They are complete from the
// beginning, so that players seek in them.
//
// # Files
//
// Beside the master playlist there are video0.m3u8 and audio0.m3u8, by the track's number, and what they name:
//
//	video0-<session>-init1.mp4     initialization segment
//	video0-<session>-1234.mp4      segment, by its media sequence number
//	video0-<session>-1234.2.mp4    a part of it
//
// The session differs from muxer to muxer and from recording to recording, so that they may be cached.
//
// # Limits
//
// A muxer keeps the segments of its window and a few more, 64 MiB at most; a segment without a key frame is cut at 32 MiB, or at
// ten times its length. A request for what is still to come waits no longer than three segments. A stream has 32 tracks.
//
// Server.mu guards the muxers; muxer.mu, which is taken with it held, guards all that requests read, and is a leaf.
package hls
