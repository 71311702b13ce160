// Package interop holds tests only: real encoders, players and servers as judges of this one.
//
// `make interop` runs them (build tag interop). They make their media with ffmpeg, start every program on loopback with
// a port of the system's choice, and compare what arrives with what was sent, frame by frame: the bytes, the order, and
// the timestamps up to one constant. A program that is not installed fails its tests: `make setup` installs them all.
//
// What a test waits for is an event, a line in a log or the end of a process, with a deadline that only a hang reaches.
//
// docs/interop.md is the list of what was proved. The list is data in results_test.go; the tests fail when the page says
// something else or when something on it was not proved, and `go test -tags interop ./interop -update` writes the page, with
// the versions of the programs that were met.
package interop
