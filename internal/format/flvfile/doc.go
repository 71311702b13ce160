// Package flvfile plays FLV files: it finds the key frames of a file once, for all who play it, and reads tags from any
// of them on.
//
// The index comes from the tags themselves, not from the keyframes object that some writers put into onMetaData: it is
// right for files that were cut, repaired or are still missing it, and it knows which sequence headers are in
// force at each key frame. Only tag headers and the first bytes of bodies are read for it.
package flvfile
