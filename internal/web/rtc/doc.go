// Package rtc is WebRTC: live streams for browsers by WHEP (draft-ietf-wish-whep), and from encoders and browsers by WHIP (RFC 9725).
//
// # A session
//
// A client posts an offer, and the answer names the address of the session, which a DELETE ends. Who may have one is the
// business of Config.Gate. All sessions share one UDP port, and one TCP port if there is one. The server is an ICE-lite agent:
// it waits for its peers and sends nothing to addresses that have not shown that they know the session's password. So it needs no
// candidates of theirs, and what an offer or a PATCH says of them is passed over.
//
// # Playing
//
// A viewer is a subscription to the hub, a goroutine that makes RTP packets of its frames, and what the library starts. It begins at
// the newest key frame, with the parameter sets in front of each, and with no more than so many packets at once. RTP timestamps
// are those of the stream, and sender reports put both tracks on one clock. Lost packets are sent again when the peer asks. A request
// for a key frame is counted only: there is no encoder here that could make one. A viewer that is too slow for the hub's ring, or whose
// path loses a quarter of its packets, gets no video up to the next key frame; that is counted, too.
//
// H.264, HEVC, AV1, VP8, VP9 and Opus go over WebRTC as far as the offer has them. What does not, AAC above all, is named in the header
// Leat-Left-Out of the answer; when nothing is left, the answer is 406 with the reason. A stream with B-frames is sent and a
// Warning header says what becomes of it: WebRTC shows frames in the order in which they come. A client that asks with
// "Prefer: handling=strict" gets 406 in both cases.
//
// # Publishing
//
// Packets are put into their order, within bounds, and frames together. A frame with a hole is left out, and the next ones up to
// a key frame, which the peer is asked for at once. Frames become packets of Enhanced RTMP, H.264 those of plain RTMP, and the sequence
// headers are made of what stands in the stream. Timestamps are those of RTP; once the peer's sender reports have said how audio and
// video belong together, the video moves there by a little with each frame. Between the tracks and whoever reads the publisher there is a
// queue of 256 packets; when it is full, RTP waits in a buffer of the library, which drops.
//
// # Limits
//
// An offer has at most 64 KiB, 16 media sections and 512 codecs. A peer has ten seconds to connect, and its session ends when
// nothing was heard of it for as long. There are Config.Sessions sessions at once; 256 of them, and 32 of one address, may not have
// connected yet. A frame that is put together has at most 8 MiB. A reorderer waits for a missing packet for 400 ms, and holds 512.
//
// Server.mu guards the sessions, publisher.mu the clocks of a publisher; both are leaves.
package rtc
