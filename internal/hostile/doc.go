// Package hostile is RTMP servers that do what no honest one does, for tests of clients: the mirror of internal/abuse.
//
// Cases is the table of what they do, each from the beginning of a connection to its end: they fall silent, close, answer what
// was not asked, flood, lie about lengths and counts, and send their clients in circles. What a client has to make of that
// is for its tests to say; they run the table in full, so that a new case is met by all of them.
//
// A server is made of the wire packages and the standard library only, and knows sockets and pipes in memory alike, inside
// testing/synctest too.
package hostile
