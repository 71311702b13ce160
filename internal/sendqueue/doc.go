// Package sendqueue is what waits to be sent to one target of a stream: a publisher's server, or one that a relay pushes to.
// It stands between a source that goes on whatever happens, and a connection that is sometimes slow and sometimes gone, so
// that several targets of one source never wait for each other. It knows packets, and nothing of sockets.
//
// One goroutine puts packets in, and another takes them out and sends them.
//
// # A slow target
//
// When video has waited for longer than Limits.DropDisposable, frames that no other frame needs are left out. When it has
// waited for longer than Limits.DropToKey, all video up to the newest key frame is left out, or up to the next one to
// come. That is how OBS does it, and what it calls dropped frames. Age is the time in the queue, not the distance of
// timestamps: a source that delivers in bursts loses nothing at a fast target. Audio, data and headers are never left out for
// their age.
//
// Limits.Bytes is the last line, against a target that takes nothing at all: beyond it everything is thrown away except
// headers, audio too, and the stream goes on at the next key frame.
//
// With Limits.Wait nothing is left out: Put waits for room instead. That is for files, which have time.
//
// # A lost target
//
// Suspend says that there is no connection. Packets are thrown away meanwhile, but for headers, which are remembered. After
// Resume the consumer gets the headers in force, then audio as it comes, and video from the next key frame on. Timestamps
// are the source's own throughout, so the timeline goes on.
//
// # Locks
//
// Queue.mu guards all of a queue. It is a leaf, and never held while anything waits.
package sendqueue
