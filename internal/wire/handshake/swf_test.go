package handshake

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// workedSWF is the file of the worked example.
var workedSWF = unhex("4657530a14000000000102030405060708090a0b")

// compress turns a FWS file into a CWS one.
func compress(swf []byte) []byte {
	var b bytes.Buffer
	b.WriteString("C")
	b.Write(swf[1:swfHeaderSize])
	w := zlib.NewWriter(&b)
	if _, err := w.Write(swf[swfHeaderSize:]); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestWorkedSWF(t *testing.T) {
	for name, file := range map[string][]byte{
		"plain":                       workedSWF,
		"compressed":                  compress(workedSWF),
		"compressed, bytes behind it": append(compress(workedSWF), "trailing"...),
	} {
		hash, size, err := HashSWF(iotest.OneByteReader(bytes.NewReader(file)))
		if err != nil || size != 20 {
			t.Errorf("%s: size %d, error %v", name, size, err)
		}
		wantHex(t, name, hash[:], "e76e768e0259d9e7f426e1c0fc11ff1da637eac83ec2d9abaac4add1143bf4d8")

		s1 := workedS1()
		putDigest(serverKey, s1, 0)
		key := [32]byte(s1[packetSize-32:])
		wantHex(t, "end of S1", key[:], "232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc")
		response := SWFResponse(hash, size, key)
		wantHex(t, "response", response[:],
			"01010000001400000014cea580d77cf895a15070187ac087b47644c59e0dc296e1a3218b378dc087be1d")

		if !VerifySWFResponse(response[:], hash, size, key) {
			t.Error("the response does not verify")
		}
		for i := range response {
			changed := response
			changed[i] ^= 1
			if VerifySWFResponse(changed[:], hash, size, key) || VerifySWFResponse(response[:i], hash, size, key) {
				t.Errorf("a response changed or cut at %d verifies", i)
			}
		}
	}
}

func TestSWFTruncated(t *testing.T) {
	compressed := compress(workedSWF)
	for i := range compressed {
		if _, _, err := HashSWF(bytes.NewReader(compressed[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of a compressed file: error %v", i, err)
		}
	}
	for i := range swfHeaderSize {
		if _, _, err := HashSWF(bytes.NewReader(workedSWF[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of a plain file: error %v", i, err)
		}
	}
}

func TestSWFRefused(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"LZMA", "ZWS\x0d\x14\x00\x00\x00....", "LZMA"},
		{"something else", "GIF89a..", `begins with "GIF"`},
		{"not zlib", "CWS\x0a\x14\x00\x00\x00....", "decompressing"},
	} {
		_, _, err := HashSWF(strings.NewReader(test.file))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

func TestSWFLimit(t *testing.T) {
	bomb := compress(append(bytes.Clone(workedSWF[:swfHeaderSize]), make([]byte, 10_000)...))
	const size = swfHeaderSize + 10_000
	if _, n, err := hashSWF(bytes.NewReader(bomb), size); err != nil || n != size {
		t.Errorf("a file of the limit: size %d, error %v", n, err)
	}
	if _, _, err := hashSWF(bytes.NewReader(bomb), size-1); !errors.Is(err, ErrSWFTooLarge) {
		t.Errorf("a file above the limit: error %v", err)
	}
}
