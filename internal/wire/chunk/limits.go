package chunk

// Defaults of Limits.
const (
	defaultControlLimit    = 64 << 10
	defaultCommandLimit    = 1 << 20
	defaultMediaLimit      = 16 << 20
	defaultPartialMessages = 64
	defaultPartialBytes    = 32 << 20
	defaultChunkStreams    = 256
)

// Limits bounds what a peer can make a Reader keep. A field that is zero or negative means its default.
type Limits struct {
	// Control, Command and Media are the longest bodies accepted, in bytes, by message type: Media for
	// audio, video and aggregates (8, 9, 22), Command for data, shared objects and commands (15 to 20),
	// Control for all others, unknown types included. Defaults: 64 KiB, 1 MiB, 16 MiB.
	Control, Command, Media int
	// PartialMessages is how many messages may lie interrupted between two of their chunks at one time.
	// Default: 64.
	PartialMessages int
	// PartialBytes is how much memory the unfinished messages may hold together. Default: 32 MiB.
	PartialBytes int
	// ChunkStreams is how many chunk stream IDs a peer may use on one connection; each costs about a
	// hundred bytes for as long as the connection lives. Default: 256.
	ChunkStreams int
}

// withDefaults returns l with every unset field replaced by its default.
func (l Limits) withDefaults() Limits {
	set := func(field *int, def int) {
		if *field <= 0 {
			*field = def
		}
	}
	set(&l.Control, defaultControlLimit)
	set(&l.Command, defaultCommandLimit)
	set(&l.Media, defaultMediaLimit)
	set(&l.PartialMessages, defaultPartialMessages)
	set(&l.PartialBytes, defaultPartialBytes)
	set(&l.ChunkStreams, defaultChunkStreams)
	return l
}

// message returns the longest body accepted for a message type.
func (l *Limits) message(typ uint8) int {
	switch {
	case typ == typeAudio, typ == typeVideo, typ == typeAggregate:
		return l.Media
	case typ >= typeDataAMF3 && typ <= typeCommandAMF0:
		return l.Command
	default:
		return l.Control
	}
}
