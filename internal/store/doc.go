// Package store keeps what a server must not forget in one file: a bbolt database.
//
// # What is in it
//
// Buckets hold keys in the order of their bytes. All numbers are big-endian.
//
//	meta
//	  format                 the version of this layout, 32 bits: 1
//	  shared-object-bytes    what the shared objects take, 64 bits
//	  recordings             how many there are, 64 bits
//	shared-objects
//	  <object>               a bucket for each persistent shared object
//	    v                    its version, 32 bits
//	    s<slot>              the value of a slot, AMF0
//	recordings
//	  <recording>            what is known of it, JSON
//	recording-paths
//	  <path>                 the key in recordings
//
// The key of an object is its application, instance and name, each behind its length of 16 bits. That of a recording is its
// stream's, then the time of its take and its number there, both with all bits turned, and its path.
//
// # What it promises
//
// A transaction is on the disk when the call that made it returns, whole or not at all, whatever happens to the process
// after that. Only one process has the file open at a time. What shared objects take is bounded by Options.MaxBytes,
// the number of recordings by Options.MaxRecordings.
package store
