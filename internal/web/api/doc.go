// Package api is the JSON API of the admin door, under /api/v1: what a server does now, and what an operator may do to it.
//
// The console reads it, and so may scripts. It is described by OpenAPI 3.1 at /api/v1/openapi.json and
// /api/v1/openapi.yaml, from the same Go types that answer. Errors are problem details (RFC 9457) whose
// detail is one sentence.
//
// # Names
//
// A stream is named as in the logs: "live/studio", or "live/room/studio" in an application instance. Bit rates are
// bits per second, and what ends in _ms is milliseconds. Numbers that are not known are left out.
//
// # Events
//
// GET /api/v1/events is a stream of server-sent events: a snapshot each second, and news as it happens. News keeps
// the last of them for those who come later. A listener that does not read loses events, which the next one that it gets
// counts, and its connection is cut when it takes no bytes for some seconds.
//
// # Limits
//
// Lists have at most a thousand rows and say how many there are. There are at most 16 listeners at a time. The package
// starts no goroutines: those of requests end with their clients, or with News.Close.
package api
