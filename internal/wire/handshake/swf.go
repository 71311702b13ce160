package handshake

import (
	"bufio"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxSWFSize is the decompressed size in bytes up to which HashSWF reads a file.
const MaxSWFSize = 256 << 20

// ErrSWFTooLarge is returned by HashSWF for a file of more than MaxSWFSize bytes.
var ErrSWFTooLarge = errors.New("handshake: the decompressed SWF file is too large")

const swfHeaderSize = 8

// HashSWF reads a SWF file and returns what SWF verification compares: the hash and the size of its decompressed
// form. Files are plain (FWS) or compressed with zlib (CWS); those with LZMA (ZWS) cannot be verified by any player.
// A file that ends early fails with io.ErrUnexpectedEOF.
func HashSWF(r io.Reader) (hash [32]byte, size uint32, err error) {
	return hashSWF(r, MaxSWFSize)
}

func hashSWF(r io.Reader, limit int64) (hash [32]byte, size uint32, err error) {
	var header [swfHeaderSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return hash, 0, fmt.Errorf("handshake: reading the header of a SWF file: %w", err)
	}
	body := r
	switch signature := string(header[:3]); signature {
	case "FWS":
	case "CWS":
		inflater, err := zlib.NewReader(bufio.NewReader(r))
		if err != nil {
			return hash, 0, fmt.Errorf("handshake: decompressing a SWF file: %w", unexpected(err))
		}
		body = inflater // has nothing to close
		header[0] = 'F'
	case "ZWS":
		return hash, 0, errors.New("handshake: SWF files compressed with LZMA have no verification")
	default:
		return hash, 0, fmt.Errorf("handshake: not a SWF file: it begins with %q", signature)
	}

	sum := hmac.New(sha256.New, []byte(playerKey))
	sum.Write(header[:])
	n, err := io.Copy(sum, io.LimitReader(body, limit-swfHeaderSize+1))
	if err != nil {
		return hash, 0, fmt.Errorf("handshake: reading a SWF file: %w", err)
	}
	n += swfHeaderSize
	if n > limit {
		return hash, 0, ErrSWFTooLarge
	}
	sum.Sum(hash[:0])
	return hash, uint32(n), nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// SWFResponse returns the data of a user control event 27, by which a player proves that it is the SWF file
// of that hash and size. The key is Info.SWFKey of this connection.
func SWFResponse(hash [32]byte, size uint32, key [32]byte) (response [42]byte) {
	response[0], response[1] = 1, 1
	binary.BigEndian.PutUint32(response[2:], size)
	binary.BigEndian.PutUint32(response[6:], size)
	proof := mac(key[:], hash[:])
	copy(response[10:], proof[:])
	return response
}

// VerifySWFResponse reports whether the data of a user control event 27 prove the SWF file of that hash and size.
// The data may be of any length.
func VerifySWFResponse(response []byte, hash [32]byte, size uint32, key [32]byte) bool {
	want := SWFResponse(hash, size, key)
	return hmac.Equal(response, want[:])
}
