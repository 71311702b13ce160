// Package object keeps files in a bucket of an S3-compatible object store, and reads them there by ranges.
//
// # Sending
//
// Bucket.Put sends a small file in one request and a larger one in parts. What became of an upload that was not finished is asked
// of the store, not remembered here: the parts that it has already, with the right checksum, are not sent again, whether the
// connection broke or the process was killed in between. The MD5 of each part goes with it, so that the store refuses one that was
// damaged on the way.
//
// # Reading
//
// An Object is an io.ReaderAt. All objects of a Bucket share one cache of pages, of which those unused longest go first. Who
// reads here and there makes requests for single pages; who reads on gets twice as much with each request, up to 1 MiB, and
// the next one is made before it is needed. Readers of one page wait for one request.
//
// # Failures
//
// Every request has a deadline. One that may succeed another time is made again, a few times and after a while; whoever
// needs more patience than that brings it along. Errors are sentences that name the store and the bucket and no secrets; see
// ErrUnavailable, ErrRefused, ErrNoBucket and ErrChanged. One that wraps fs.ErrNotExist says that there is no such object.
//
// # Locks
//
// Bucket.mu guards whether the bucket is closed, how much is fetched ahead, and whether the store works. cache.mu guards the pages. Neither is held during
// a request; cache.mu may be taken while Bucket.mu is held.
package object
