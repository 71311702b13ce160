// Package conversation is what real programs said to RTMP servers, and servers to our client, as it was on the wire, for tests only:
// the seeds of the fuzz tests of whole sessions, and what they are to bear unchanged.
//
// testdata/client holds what programs say to `leat serve`, testdata/server what servers say to package rtmp; a file each, from the
// first byte of the handshake to the last. testdata/README.md names the programs, their versions and what they do. The
// media are short and tiny, so that a fuzz test spends its time on the conversation. A test of interop records them
// (`go test -tags interop ./interop -run TestConversations -record`), and says when a program has come to say something else.
//
// Edit changes a recording as a fuzz test wants it: messages are left out, doubled, moved, borrowed from another recording or
// changed in any field, then written as chunks again, so that what follows a change is still understood; or bytes are
// changed as they lie there. Moves are what our client does while a recorded server answers it.
package conversation
