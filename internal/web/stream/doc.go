// Package stream is the live streams that one long answer carries: FLV and fragmented MP4, over HTTP and over WebSocket.
//
// # The way of a stream
//
// A feed brings a stream's packets from the hub into a log of the fan-out, from its first viewer to its last: one for FLV and
// one for MP4, so that the bytes are made once for all viewers. A viewer is a pipe, an Outlet with a buffer of 128 KiB that the
// goroutine of its request empties into the answer. The fan-out does the rest as it does for RTMP: viewers begin at the newest
// key frame, one that falls behind goes without video up to the next, and is ended after Config.MaxLag.
//
// FLV tags have the timestamps of the stream, as RTMP players get them, and the bodies that the publisher sent; Config.NewFitter
// chooses tracks. MP4 is a fragment for each frame, on the same clock. A change of codecs brings another initialization segment.
//
// Over WebSocket, FLV comes in binary messages whose borders mean nothing. Each binary message of MP4 is one initialization
// segment or one fragment, and a text message with its MIME type, codecs included, precedes each initialization segment.
//
// # Limits
//
// What clients say in WebSocket messages is thrown away: 4 KiB in a message, and a hundred messages or pings in ten seconds; who
// says more is closed. A write has Config.WriteStall to end.
//
// Server.mu guards the feeds and their numbers of viewers, pipe.mu a buffer; both are leaves.
package stream
