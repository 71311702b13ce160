// Package record writes live streams to files, and keeps an index of the files.
//
// # The way of a stream
//
// A Recorder has a lossless subscription of its own, and a goroutine of its own that reads it: whatever a disk does, the
// stream and its players never wait for it. What the disk cannot take for a while waits in memory, 64 MiB beyond the stream's
// ring; after that it is a gap, which is logged and said (EventFailed), and recording goes on in a new segment.
//
// A recording is a take: what was recorded from one start to the end, and what was appended to it. A take is one file or
// more: its segments. A segment begins with the headers in force and a key frame, and each has a timeline of its own from
// 0; the index knows where it lies in the take. Streams without video are cut at any frame.
//
// # What a crash leaves
//
// Each packet is one write, or is part of a fragment of a second at most, so after kill -9 a file opens and lacks no more than
// the last second. A file gets its name when its first key frame is in it; before that its name ends in ".part". The disk itself
// is told to keep what it was given at the end of a segment, and every Options.Sync. Open repairs what was not finished,
// and puts files into the index that are not there.
//
// # Names
//
// Templates make paths from the application, the stream's name and the time. Everything in a name that is not a letter,
// digit, "-", "_" or "." within it becomes %XX, and a name that is too long for a file becomes several folders, so that
// different streams have different paths, and none leads out of the folder. Files are opened below os.Root, which follows no
// symbolic link out of it either.
//
// # Disks that are full
//
// A segment that cannot be written any more is completed as it is. So is one when less than Options.MinFree of the disk is
// free. Recording goes on, in a new segment of the take, at the first key frame at which there is room again.
//
// # The object store
//
// With Options.Store each recording goes to a bucket when it is complete. That it is to go there stands in the index, so it
// survives a crash; workers of their own bring it there and remove it from the disk in the end. Recording never waits for them. A recording that
// is removed leaves disk and lists at once; its entry stays in the index, hidden, until the object has gone as well.
//
// # Locks
//
// Recordings.mu guards which streams are recorded and which files are in use. It is held for as long as it takes to change that,
// never during a read or write of disk or index. uploads.mu guards what waits for the object store; both are leaves.
package record
