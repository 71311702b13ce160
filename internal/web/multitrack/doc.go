// Package multitrack tells OBS which renditions of a stream to send: it answers the request GetClientConfiguration of its Enhanced
// Broadcasting (also called Multitrack Video).
//
// # The conversation
//
// Before it publishes, OBS posts a JSON document: its stream key, its canvas, its graphics cards and what it can encode. The
// answer has one video encoder configuration for each rendition, the best first. OBS then publishes all of them as tracks of one
// Enhanced RTMP connection, with key frames at the same times. So viewers get renditions to choose from, and nothing is transcoded
// here. The first rendition is track 0, which players that know one track get.
//
// The schema has no document of its own. It is what OBS sends and reads, by the version that it calls 2025-01-25; the request's
// earlier versions, which have one canvas and no list of encoders, are understood too.
//
// # What is chosen
//
// A Rung of the ladder that is larger than the canvas is left out, but the least of those stands in for the canvas's own size if
// there is no rung of that. Frame rates are the canvas's or an even part of them. Then the choice is held to what the request
// allows, its number of tracks and its bit rate in all, and, if the machine has to encode without a graphics card, to a track for
// two of its processors.
//
// # Answers
//
// A refusal is an answer of status 200 whose status object holds a sentence: that is what OBS shows. Only what OBS never sends is
// answered by a status of HTTP. Stream keys are never repeated.
//
// # Limits
//
// A request is 64 KiB at most. There are as many renditions as OBS can send, 10.
package multitrack
