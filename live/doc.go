// Package live is the hub of a media server: publishers write packets into it, subscriptions read
// them out of it, by the name of the stream.
//
// # One ring
//
// Each live stream has one ring of packets, which is queue, GOP cache and rewind window at once. A
// Subscription is a cursor in it; packets are shared by pointer and nothing is copied for a
// subscription. The ring holds what has come since the newest key frame that is 2 s old, so that who wants to begin with a
// reserve has one; for a subscription that is behind, up to 10 s; and at most 32 MiB (Config.Rewind, RingDuration, RingBytes).
// More is not kept for nobody: memory that is written once a lap costs the cache and, the first time, a page fault. The hub is meant for
// few subscriptions per stream, one for each kind of output: a fan-out to many sockets, a segmenter, a
// recorder, a relay.
//
// A publisher never waits for a subscription, and one subscription never for another. What need not be woken for every packet, as it
// only hands them on, can be read on the publisher's goroutine (SubscribeOptions.Direct), on which it must not block. A cursor that the
// ring has run over goes on where a newcomer would begin, at the newest key frame, and the gap is
// counted and said (EventSkipped). SubscribeOptions.Lossless keeps packets for one subscription
// beyond the ring, up to a number of bytes; a 32nd of RingBytes is kept for any, so that a jump of the
// timestamps, which ages the whole ring at once, costs nobody what has only just come.
//
// # Beginning in mid-stream
//
// A subscription to a running stream begins with the newest key frame. Before it come the headers in
// force there (media.Headers: metadata, sequence headers and the like), as shallow copies that carry the
// timestamp of the first packet. Headers that change later come at their own place. Each video track
// begins with its own first key frame. Without a key frame in the ring, as in an audio-only stream,
// it begins one second back, and video waits for a key frame while audio goes on. A subscription that
// was there before the publisher gets everything from the first packet on.
//
// # Publishers come and go
//
// A stream has one publisher at a time; who may take a name over is a Policy. A publisher that closes
// cleanly ends the stream at once. After any other end the subscriptions hear nothing for
// Config.PublisherGrace; a publisher that comes back within it goes on with the stream, as one that took
// it over does. Timestamps are relayed as they come, jumps and backward steps too, but a
// publisher that follows another in the sight of subscriptions is re-based: its first frame comes one
// frame's duration after the last one before. It starts with no headers of its predecessor and its first
// key frame is the first that newcomers see.
//
// # Limits
//
// A stream holds at most RingBytes, plus the largest Lossless of its subscriptions (a 32nd of RingBytes
// at least), plus 4 MiB of headers; each packet is counted with 192 bytes for its bookkeeping. Names cost nothing once neither
// a publisher nor a subscription is there. Hub.Squeeze makes that less for as long as memory is short.
//
// # Locks
//
// There are two kinds of mutex, taken in this order: Hub.mu, which guards the map of streams, then
// stream.mu, which guards everything of one stream. Nobody holds two of the same kind. WritePacket and
// Next take the stream's only. No callback but PublishOptions.OnWatched is called, and nothing is waited for, with a lock held. The
// package starts no goroutine but for the timers of the grace, which Hub.Close stops and waits for.
package live
