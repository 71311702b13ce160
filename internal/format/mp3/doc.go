// Package mp3 plays MP3 files: MPEG-1, 2 and 2.5 Layer III, with constant or variable bitrate, with and without ID3 tags
// and Xing, Info or VBRI frames. One frame becomes one audio message.
//
// The index comes from the frame headers: one place a second. Tags travel as a data message onID3 at the start.
package mp3
