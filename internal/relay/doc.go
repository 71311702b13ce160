// Package relay moves live streams between servers: it pushes streams of the hub to other servers and pulls streams of
// other servers into the hub.
//
// # Push
//
// Each stream and target has a goroutine with a connection and a subscription of its own. A target that is slow, dead or
// refuses holds up itself alone: its cursor in the hub is run over and goes on at the newest key frame, which is
// counted and said. A new connection begins with the headers and the newest key frame, on the stream's one timeline.
//
// What the network does is tried again after 1 s, 2 s, 4 s up to 30 s, give or take a fifth, and after 1 s again once a
// connection has lasted for a minute. What a target refuses is tried again after two minutes: somebody has to correct
// it. A target that takes no byte, or acknowledges none, for 10 s is dead. A push ends when its stream does, and stays
// while the hub waits for the publisher's return.
//
// # Pull
//
// A pull fetches one stream, on demand or for good, from the first of its origins that has it. An origin that fails, or
// falls silent for 10 s, is left for the next one at once; the hub puts what follows on the same timeline. When
// all have failed in a row, those who wait are told, and it is tried again as a push is. An origin that could not
// be reached is the last choice of all pulls for half a minute. On demand means: from the first subscription, or player that waits,
// until the last has been gone for Pull.Idle. An origin that asks for a reconnect is obeyed without a break. A publisher of this server goes before a pull, which waits meanwhile.
//
// # Loops
//
// Every server has an ID, drawn at its start. A relay tells in connect which servers the stream has come through, or is asked
// for by (property leatPath of the command object), and a server answers with its own ID. Who finds itself on the way
// refuses, as does who would be the ninth on it. Other servers ignore the property.
//
// # Limits
//
// A Relay has at most 10,000 pushes and 1,000 pulls. Each holds no packets of its own.
//
// # Locks
//
// Relay.mu guards the maps, push.mu and pull.mu the state of one; the latter are leaves and may be taken with the former held.
// Nothing is called or waited for with a lock held, but Hub.Stream with Relay.mu.
package relay
