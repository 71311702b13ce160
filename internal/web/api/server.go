package api

import (
	"cmp"
	"errors"
	"net/http"
)

// Server is what the API shows and does. Its methods may be called from several goroutines; they do not wait for the
// network. Streams are named by Stream.Name. Their errors are a *Problem where the client can do something about it.
type Server interface {
	// About describes the server.
	About() About
	// Streams returns all streams by name, without histories.
	Streams() []Stream
	// Stream returns one with its history; false if nobody publishes or plays it.
	Stream(name string) (Stream, bool)
	// Players returns at most limit players, the longest first, of one stream or of all if that is "", and how many there are.
	Players(stream string, limit int) (list []Player, total int)
	// Connections returns at most limit connections, the oldest first, and how many there are.
	Connections(limit int) (list []Connection, total int)
	// Connection returns one; false if there is none of that number.
	Connection(id uint64) (Connection, bool)
	// Kick ends a connection for a reason.
	Kick(id uint64, reason string) error
	// KickViewer ends the answer to a player over HTTP for a reason.
	KickViewer(id uint64, reason string) error
	// Reload reads the configuration again. What is wrong with it is a *Problem.
	Reload() error
	// Reconnect asks the clients of a stream, or all clients if that is "", to connect again, at url if that is not "". It
	// returns how many were asked.
	Reconnect(stream, url, reason string) (asked int, err error)
	// Recordings returns at most limit recordings, the newest of each stream first, of one stream or of all if that is "", and
	// how many there are.
	Recordings(stream string, limit int) (list []Recording, total int, err error)
	// DeleteRecording removes a file and what is known of it.
	DeleteRecording(path string) error
	// StartRecording and StopRecording record a live stream from now on, and no longer.
	StartRecording(stream string) error
	StopRecording(stream string) error
	// Relays returns the streams on their way to and from other servers.
	Relays() []Relay
	// StartRelay pushes or pulls a stream until StopRelay, whatever the configuration says, and returns its ID.
	StartRelay(r *NewRelay) (id string, err error)
	// StopRelay ends a push or pull.
	StopRelay(id string) error
	// News is where events come from; always the same.
	News() *News
}

// Problem is an error that a client gets to read.
type Problem struct {
	Status   int    // of HTTP; 0: 400
	Sentence string // what was wrong and what to do
}

// Error returns the sentence.
func (p *Problem) Error() string { return p.Sentence }

// status is how an error is answered. What is no Problem is the server's own failure, and its text may name files.
func status(err error) (code int, sentence string) {
	if p, ok := errors.AsType[*Problem](err); ok {
		return cmp.Or(p.Status, http.StatusBadRequest), p.Sentence
	}
	return http.StatusInternalServerError, "The server failed to do that; its log says why."
}
