package chunk

// Oddities are habits of a peer that a Reader puts up with and others do not. They add up and stay.
type Oddities uint8

// The oddities.
const (
	OmitsExtended Oddities = 1 << iota // the extended timestamp is left out of fmt 3 chunks (RTMP 5.3.1.3)
	BlankExtended                      // it is repeated there as four zero bytes
	OpensShort                         // a chunk stream opened with fmt 2 or 3, whose length and type nobody knows
	CutsMessages                       // a message was given up in the middle without Abort (RTMP 5.4.2)
)

// Oddities returns what has been seen so far.
func (r *Reader) Oddities() Oddities { return r.odd }

// Header describes a chunk to whom watches a Reader.
type Header struct {
	ChunkStreamID uint32
	Fmt           uint8
	Size          int  // of the header on the wire, bytes
	Data          int  // bytes that follow
	Begins        bool // a message; else it goes on with one
}

// Watch has fn called for each chunk whose header has been read. It must be called before Feed.
func (r *Reader) Watch(fn func(Header)) { r.watch = fn }
