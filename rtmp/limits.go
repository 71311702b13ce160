package rtmp

import (
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
)

// Limits bounds what a peer can make this end hold or wait for. The zero value of each field means its
// default, so Limits{} is a sensible server.
type Limits struct {
	HandshakeTimeout time.Duration // from accept to a finished connect, not renewed by bytes; default 10 s
	IdleTimeout      time.Duration // without a byte from the peer; it is pinged after half of it; default 60 s
	PublishIdle      time.Duration // without media of a publisher, which is then told so; default 15 s
	WriteStall       time.Duration // without the socket taking a byte that waits; default 30 s
	WriteBuffer      int           // bytes of answers that may wait for a peer that does not read; default 1 MiB

	ControlMessage  int // longest protocol control or user control message, bytes; default 64 KiB
	CommandMessage  int // longest command, data or shared object message, bytes; default 1 MiB
	MediaMessage    int // longest audio, video or aggregate message, bytes; default 16 MiB
	PartialMessages int // messages of one connection that may be half received; default 64
	PartialBytes    int // bytes held of them; default 32 MiB
	PartialTotal    int // bytes held of those of all connections of a Server; default 256 MiB

	AMF amf.Limits // depth, elements and string bytes of one message; its zero fields have their own defaults

	WriteTotal int64 // bytes that wait to be sent on all connections of a Server; beyond it the one that holds most is closed; default 1 GiB

	// Bytes that a Server reads in a second from all connections together. Beyond it those are read more slowly that bring
	// more than a 256th of it each. 0 means no limit.
	ReadTotal int

	Streams           int // message streams of one connection; default 16
	PendingCalls      int // calls of one connection that wait for their answer, each way; default 256
	CommandsPerSecond int // commands and control messages of one connection, averaged over a second; default 1000
	MediaPerSecond    int // audio, video and data messages likewise; beyond it less is read; 0 means no limit

	SharedObjects     int // shared objects that one connection uses; default 64
	SharedObjectSlots int // slots of one object that a client keeps a copy of; default 1024
	SharedObjectBytes int // bytes of their names and values in AMF0 form; default 1 MiB

	Connections           int // of one Server; 0 means no limit
	ConnectionsPerAddress int // of one remote IP address; 0 means no limit
	ConnectsPerSecond     int // connections that a Server lets in, averaged over a second; 0 means no limit
	ConnectsPerAddress    int // the same of one remote IP address; 0 means no limit
}

// beforeConnect is the message limit of a peer that has not yet finished connect: enough for any
// connect command, too little to be worth an attack.
const beforeConnect = 64 << 10

// withDefaults returns a copy with the defaults in place of zero fields.
func (l Limits) withDefaults() *Limits {
	setDefault(&l.HandshakeTimeout, 10*time.Second)
	setDefault(&l.IdleTimeout, 60*time.Second)
	setDefault(&l.PublishIdle, 15*time.Second)
	setDefault(&l.WriteStall, 30*time.Second)
	setDefault(&l.WriteBuffer, 1<<20)
	setDefault(&l.ControlMessage, 64<<10)
	setDefault(&l.CommandMessage, 1<<20)
	setDefault(&l.MediaMessage, 16<<20)
	setDefault(&l.PartialMessages, 64)
	setDefault(&l.PartialBytes, 32<<20)
	setDefault(&l.PartialTotal, 256<<20)
	setDefault(&l.WriteTotal, 1<<30)
	setDefault(&l.Streams, 16)
	setDefault(&l.PendingCalls, 256)
	setDefault(&l.CommandsPerSecond, 1000)
	setDefault(&l.SharedObjects, 64)
	setDefault(&l.SharedObjectSlots, 1024)
	setDefault(&l.SharedObjectBytes, 1<<20)
	return &l
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

func (l *Limits) chunk() chunk.Limits {
	return chunk.Limits{
		Control:         l.ControlMessage,
		Command:         l.CommandMessage,
		Media:           l.MediaMessage,
		PartialMessages: l.PartialMessages,
		PartialBytes:    l.PartialBytes,
	}
}

// chunkBeforeConnect is chunk with every message held to beforeConnect.
func (l *Limits) chunkBeforeConnect() chunk.Limits {
	c := l.chunk()
	c.Control = min(c.Control, beforeConnect)
	c.Command = min(c.Command, beforeConnect)
	c.Media = min(c.Media, beforeConnect)
	c.PartialBytes = min(c.PartialBytes, 4*beforeConnect)
	return c
}
