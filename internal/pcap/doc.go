// Package pcap reads RTMP conversations out of what tcpdump and Wireshark have captured: pcap and pcapng files, plain or packed with
// gzip. It puts the segments of each TCP connection in order and gives the bytes of its two sides as a capture of leat trace does.
//
// A connection counts as RTMP if its client begins with the version of a handshake. One whose beginning is not in the file cannot be
// understood and is left out, as are TLS and everything else.
//
// # Limits
//
// At most 1,024 connections are followed at once, and those that come then are left out. A side may have 1 MiB waiting for a segment
// that is missing, and all together 64 MiB, where each piece counts for 128 bytes more than it has; then the connection ends where the segment is missing, and says so.
package pcap
