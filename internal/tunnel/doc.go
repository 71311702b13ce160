// Package tunnel carries RTMP over HTTP: RTMPT, and over TLS RTMPTS. Both ends are a net.Conn, so nothing above
// knows of the tunnel.
//
// The client owns the initiative. It opens a session and then posts one request after the other, each with a number:
//
//	POST /fcs/ident2     which server to use; 404 means this one
//	POST /fcs/ident      who is there
//	POST /open/1         → session id and a newline
//	POST /send/ID/N      bytes of the stream      → poll byte, bytes of the stream
//	POST /idle/ID/N      one byte 00              → poll byte, bytes of the stream
//	POST /close/ID/N     one byte 00              → one byte 00
//
// The stream to the server is what the bodies of send hold, in the order of N; the stream to the client is what the
// answers hold behind their poll byte. The poll byte says how long the client may wait before it asks again; a
// lone 00 ends the session.
//
// Connections come and go under a session. A request that is repeated because its answer was lost gets the same
// answer again, one that overtook its predecessor waits for it.
//
// # Limits
//
// A session holds at most 64 KiB that the application has not read, 128 KiB that the client has not fetched, one
// answer of 64 KiB for the case that it was lost, and 16 KiB to read bodies into; all of them grow with use. At most
// four requests of a session wait for their turn, five seconds each. Config has the limits that can be set.
package tunnel
