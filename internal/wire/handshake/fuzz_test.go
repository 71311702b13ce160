package handshake

import (
	"bytes"
	"testing"
)

// fuzzMachine feeds the same bytes to two machines of a kind, to one as a whole and to the other in pieces, and
// wants them to agree in everything.
func fuzzMachine(t *testing.T, build func() machine, data []byte, size byte) {
	a, b := build(), build()
	n, reply, err := a.Feed(data)
	if n < 0 || n > len(data) || err == nil && n < len(data) && !a.Done() {
		t.Fatalf("Feed used %d of %d bytes, done %v", n, len(data), a.Done())
	}
	if len(reply) > helloSize+packetSize {
		t.Fatalf("reply of %d bytes", len(reply))
	}

	var pieces []byte
	var piecesErr error
	used := 0
	for used < len(data) && !b.Done() && piecesErr == nil {
		piece := data[used:min(len(data), used+int(size)+1)]
		var n int
		var r []byte
		n, r, piecesErr = b.Feed(piece)
		pieces = append(pieces, r...)
		used += n
	}
	if (err == nil) != (piecesErr == nil) || a.Done() != b.Done() {
		t.Fatalf("as a whole: %v, done %v; in pieces: %v, done %v", err, a.Done(), piecesErr, b.Done())
	}
	if err == nil && (used != n || !bytes.Equal(pieces, reply) || a.Info() != b.Info()) {
		t.Fatalf("as a whole: used %d, %+v; in pieces: %d, %+v", n, a.Info(), used, b.Info())
	}
}

func FuzzServer(f *testing.F) {
	for _, hello := range [][]byte{plainC1(3), signedC1(3, 0), signedC1(3, 1), signedC1(6, 1)} {
		f.Add(append(append(hello, workedC2()...), "chunks"...), byte(99))
	}
	f.Fuzz(func(t *testing.T, data []byte, size byte) {
		fuzzMachine(t, func() machine { return NewServer(ServerConfig{AllowEncrypted: true, Rand: random(1)}) }, data, size)
	})
}

func FuzzClient(f *testing.F) {
	for _, hello := range [][]byte{signedS1(3, 0), signedS1(3, 1), signedS1(6, 1), append([]byte{3}, workedC1()...)} {
		f.Add(append(append(hello, workedS2()...), "chunks"...), byte(99), byte(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, size, version byte) {
		cfg := ClientConfig{Digest: version&1 != 0}
		if version%3 == 0 {
			cfg.Version = VersionRTMPE
		}
		fuzzMachine(t, func() machine {
			cfg := cfg
			cfg.Rand = random(2)
			return started(cfg)
		}, data, size)
	})
}

func FuzzHashSWF(f *testing.F) {
	f.Add(workedSWF)
	f.Add(compress(workedSWF))
	f.Fuzz(func(t *testing.T, file []byte) {
		hash, size, err := hashSWF(bytes.NewReader(file), 1<<20)
		if err != nil {
			return
		}
		if size < swfHeaderSize || size > 1<<20 {
			t.Fatalf("size %d", size)
		}
		if file[0] == 'F' && (int(size) != len(file) || mac([]byte(playerKey), file) != hash) {
			t.Fatalf("size %d, hash %x of a plain file of %d bytes", size, hash, len(file))
		}
	})
}
