// Package mp4 plays and records MP4 files, and their relatives M4V, MOV, F4V and M4A (ISO 14496-12, QuickTime File
// Format).
//
// # Reading
//
// Open finds the movie box, in front or at the end, and makes an index of the samples of every track that RTMP can
// carry, from the sample tables and from movie fragments. All cursors of a File share it. It is a few tables of
// numbers: 4 bytes for a sample, 8 more where its composition offset differs from the one before it, and 16 for each
// chunk and each change of the time between samples. A cursor holds a place in each track and no media; it reads each
// frame when it is asked for it.
//
// The tracks are joined in the order of decoding times. Times are rounded to milliseconds where they stand on the
// file's own clock, so that rounding does not add up. An edit list shifts its track by the empty edits and the first
// media time that it begins with; the rest of it is ignored. Where a track would begin before 0 all move together.
//
// The first enabled track of each kind is track 0, in the legacy layout of FLV for H.264, AAC and MP3; all others are
// Enhanced RTMP. NAL units get lengths of four bytes. Timed text becomes onTextData. Tracks of other codecs, and
// encrypted ones, are left out.
//
// # Writing
//
// A Writer of NewProgressiveWriter makes a file with one movie box in front, when it is closed. Otherwise a Writer makes a fragmented MP4 file: an initialization segment, then a fragment for each group of pictures, and at
// least one each second. Whatever happens to the process, the file plays up to its last whole fragment, and Repair cuts
// off the rest.
//
// # Limits
//
// A movie box has 128 MiB at most, a fragment's box 16 MiB, a file 64 tracks and 2²⁴ samples, a sample 16 MiB: tables
// are made from bytes that are there, not from counts that a file claims. A file that ends too early is played
// up to there, and a track up to a sample that is larger.
package mp4
