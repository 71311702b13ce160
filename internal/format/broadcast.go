package format

import (
	"errors"
	"time"

	"leat/media"
)

var (
	// ErrEdge is what a BroadcastCursor returns when it has read all that there is so far.
	ErrEdge = errors.New("format: the broadcast has not come further yet")
	// ErrGone is what a BroadcastCursor returns when its place is not kept any more.
	ErrGone = errors.New("format: that part of the broadcast is not kept any more")
)

// Broadcast is a live stream as far as it can be rewound. It is a File that grows at its end and is cut at its start; times are
// those of the stream, and so do not begin at 0. Its cursors are BroadcastCursors, and Info says nothing of duration and keys,
// which change.
type Broadcast interface {
	File
	// Span returns the times of the first place where a player can begin and of the newest packet; ok is false when there
	// is nothing.
	Span() (from, to time.Duration, ok bool)
	// KeyFrom returns the first place at or behind d where a player can begin; ok is false when there is none yet.
	KeyFrom(d time.Duration) (at time.Duration, ok bool)
	// Watch calls fn once, as soon as there is a packet with a higher number than after or the stream is over; perhaps before it
	// returns. fn must not block.
	Watch(after uint64, fn func())
}

// BroadcastCursor is a Cursor of a Broadcast. ReadPacket returns ErrEdge instead of waiting, after which it may be
// called again, ErrGone when Seek must be called first, and io.EOF at the end of the stream.
type BroadcastCursor interface {
	Cursor
	// Number returns the number that the hub has given to the packet that was read last; 0 before the first.
	Number() uint64
	// Resume goes behind the packet of a number, and returns the headers in force there, which are not read again. The error is
	// ErrGone if that place is not kept.
	Resume(after uint64) (headers []*media.Packet, err error)
}
