package main

import "errors"

// Exit codes. 0 to 3 are those of rtmpdump, which scripts know; 64 is EX_USAGE of sysexits.
const (
	exitDone       = 0
	exitFailed     = 1
	exitIncomplete = 2  // something was received, but not all
	exitNoConnect  = 3  // no RTMP session came about
	exitRefused    = 4  // the other side said no
	exitUsage      = 64 // the command line cannot be understood
)

// An exitError is an error that ends the process with a code other than exitFailed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// exitCode returns the code for what a verb returned.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitFailed
}
