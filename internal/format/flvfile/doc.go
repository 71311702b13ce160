// Package flvfile plays and records FLV files. To play one it finds the key frames of a file once, for all who play it, and reads tags from any
// of them on.
//
// The index comes from the tags themselves, not from the keyframes object that some writers put into onMetaData: it is
// right for files that were cut, repaired or are still missing it, and it knows which sequence headers are in
// force at each key frame. Only tag headers and the first bytes of bodies are read for it. OpenIndexed is for files that are
// expensive to read: it believes the keyframes object of files that a Writer made, and looks at each place before it is used.
//
// A Writer makes files that can be opened at any moment, whatever becomes of the process: tags follow each other, each in
// one write, and what is known at the end only has its place at the beginning, set aside in the first tag. Repair makes whole
// what a killed Writer left, and Resume goes on with a file.
package flvfile
