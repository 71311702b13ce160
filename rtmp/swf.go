package rtmp

import (
	"io"

	"leat/internal/wire/handshake"
)

// SWF is what SWF verification compares of a Flash file: by it old servers want to know that a client is their own player.
// It is no secret and proves little.
type SWF struct {
	Hash [32]byte // HMAC-SHA-256 of the decompressed file with a fixed key
	Size uint32   // of the decompressed file, bytes
}

// maxSWFScheme is the highest kind of SWF verification that servers ask for and that is known.
const maxSWFScheme = 1

// HashSWF reads a SWF file, plain or compressed with zlib, up to 256 MiB decompressed. One that ends early fails with
// io.ErrUnexpectedEOF.
func HashSWF(r io.Reader) (SWF, error) {
	hash, size, err := handshake.HashSWF(r)
	return SWF{Hash: hash, Size: size}, err
}
