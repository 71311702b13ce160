// Package handshake opens RTMP connections: the packets C0, C1, C2 of the client and S0, S1, S2 of the server,
// plain, signed with digests, and with the key exchange of RTMPE.
//
// Server and Client are push state machines. The caller hands them whatever arrived, in pieces of any size, and
// sends what they return; they know no sockets, clocks or goroutines. Each reads exactly the bytes of the handshake
// and leaves the chunk stream behind it to the caller, who often finds both in one segment.
//
//	 0       version  time    version'  data          C2, S2 when plain:
//	+--------+-------+-------+--------+-------------+  time, own clock, the peer's data
//	| C0, S0 | C1, S1: 4 B   | 4 B    | 1528 B      |  C2, S2 when signed:
//	+--------+-------+-------+--------+-------------+  1504 bytes, their signature (32)
//
// The data of a signed C1 or S1 are two blocks of 764 bytes, one with a digest over the rest of the packet, one
// with a Diffie-Hellman key that only RTMPE reads. Their order is the scheme:
//
//	scheme 0   4 bytes  digest somewhere in 12..771       key somewhere in 772..1531      4 bytes
//	scheme 1   key somewhere in 8..767      4 bytes       4 bytes  digest somewhere in 776..1535
//
// The sum of the four bytes beside a block says where in it.
//
// Peers are taken as they are: a signature nobody can verify means the plain handshake, an unknown version is
// answered with 3, an echo that differs is noted in Info and otherwise ignored. Only RTMPE, which cannot go on
// without the key, insists.
//
// A half-done handshake holds at most the 1537 bytes of C0 and C1 (or S0 and S1) that did not arrive in one piece;
// C2 and S2 are checked while they pass and never held.
//
// The package also answers SWF verification, whose key is the end of S1.
package handshake
