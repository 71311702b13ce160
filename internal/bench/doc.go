// Package bench loads an RTMP server and measures what becomes of it: publishers of synthetic streams, and players by
// the thousand that check every message.
//
// # What is sent
//
// A stream is H.264 and AAC that any decoder takes: a grey picture and silence, brought to the wanted bit rate with filler
// NAL units and data stream elements. Each message carries a marker with the stream, its number and the time at which it was
// written, inside an SEI message of the video and a data stream element of the audio. So a player knows what it has lost, had
// twice or out of order, and how late each message is, whatever the server does with the chunks around it.
//
// # How players read
//
// The load must not come from the generator. A player joins with rtmp.DialURL as any client does; then its socket is taken
// away from that client, and a skimmer follows the chunk stream, which looks at headers and markers and keeps no payload. One
// in Config.Sample players is read by a goroutine as soon as something comes: those give delays and the times to the first
// frame. The others are lazy: a reader walks all of them every Config.Tick, with reads that do not wait. Their sockets are
// not in the runtime's poller, so that the server's writes wake up nobody, as with clients on other machines. Losses are
// counted on all of them.
//
// On systems without file descriptors a lazy read is one with a short deadline: the same results, and less of them.
//
// # Who waits for whom
//
// Run owns everything. A step opens its publishers and players, watches for as long as the configuration says, and closes all
// of it before the next. Every goroutine ends with the step's context and is waited for. Nothing is held for a message but
// counters, so memory is bounded by the number of connections: about 30 KB for each player.
//
// # Locks
//
// tap.reading is held during a read of the client, and by whoever takes the connection away; tap.mu guards that it was taken.
// link.writing is held during a write, and while a socket leaves the poller or is closed after that. crowd.mu guards what has
// become of connections; step.allMu the list of players while they join. But for the first all are leaves.
package bench
