package handshake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
)

// signedC1 is a hello of the client with a valid digest.
func signedC1(version byte, scheme int) []byte {
	b := append([]byte{version}, workedC1()...)
	if version != VersionPlain {
		keys, err := newKeyPair(random(7))
		if err != nil {
			panic(err)
		}
		copy(b[1+schemes[scheme].keyAt(b[1:]):], keys.public[:])
	}
	putDigest(playerKey, b[1:], scheme)
	return b
}

func plainC1(version byte) []byte {
	b := append([]byte{version}, workedC1()...)
	copy(b[1:], unhex("0001020300000000"))
	return b
}

func TestServerPlain(t *testing.T) {
	unverifiable := append([]byte{3}, workedC1()...)
	for _, test := range []struct {
		name  string
		hello []byte
		cfg   ServerConfig
	}{
		{name: "version 3", hello: plainC1(3)},
		{name: "unknown version 31", hello: plainC1(31)},
		{name: "obsolete version 0", hello: plainC1(0)},
		{name: "TLS record type that is none", hello: plainC1(0x16)},
		{name: "RTMPE not allowed", hello: plainC1(6)},
		{name: "digest that does not verify", hello: unverifiable},
		{name: "digest that does not verify, RTMPE allowed", hello: unverifiable, cfg: ServerConfig{AllowEncrypted: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c1 := test.hello[1:]
			test.cfg.Time = at(0x01020304)
			test.cfg.Version = 0x05060708
			s := NewServer(test.cfg)
			n, reply, err := s.Feed(test.hello)
			if n != len(test.hello) || err != nil {
				t.Fatalf("Feed = %d, %v", n, err)
			}
			// S2 is there although C2 has not come: FFmpeg waits for it.
			if len(reply) != helloSize+packetSize {
				t.Fatalf("reply of %d bytes", len(reply))
			}
			wantHex(t, "S0, time and version", reply[:9], "030102030400000000")
			wantEcho(t, "S2", reply[helloSize:], c1)
			wantHex(t, "time of S2", reply[helloSize+4:helloSize+8], "01020304")
			if s.Done() {
				t.Fatal("done before C2")
			}

			_, rest := feed(t, s, append(bytes.Clone(reply[1:helloSize]), "connect"...), 1000)
			if !s.Done() || string(rest) != "connect" {
				t.Fatalf("done %v, rest %q", s.Done(), rest)
			}
			got, want := s.Info(), Info{
				Requested: test.hello[0], Version: 3, Verified: true,
				PeerTime: binary.BigEndian.Uint32(c1), PeerVersion: binary.BigEndian.Uint32(c1[4:]),
			}
			copy(want.SWFKey[:], reply[helloSize-32:])
			if got != want {
				t.Errorf("Info = %+v, want %+v", got, want)
			}
			if in, out := s.Ciphers(); in != nil || out != nil {
				t.Error("a plain handshake has keystreams")
			}
		})
	}
}

func TestServerSigned(t *testing.T) {
	for _, test := range []struct {
		name    string
		request byte
		scheme  int
		allow   bool
		version byte
	}{
		{name: "scheme 0", request: 3, scheme: 0, version: 3},
		{name: "scheme 1", request: 3, scheme: 1, version: 3},
		{name: "RTMPE", request: 6, scheme: 1, allow: true, version: 6},
		{name: "RTMPE in scheme 0", request: 6, scheme: 0, allow: true, version: 6},
		{name: "RTMPE with XTEA", request: 8, scheme: 1, allow: true, version: 8},
		{name: "RTMPE with Blowfish", request: 9, scheme: 1, allow: true, version: 9},
		{name: "RTMPE not allowed", request: 6, scheme: 1, version: 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			hello := signedC1(test.request, test.scheme)
			s := NewServer(ServerConfig{AllowEncrypted: test.allow, Rand: random(1)})
			reply, _ := feed(t, s, hello, len(hello))
			s1, s2 := reply[1:helloSize], reply[helloSize:]
			wantHex(t, "S0, time and version", reply[:9], hexByte(test.version)+"0000000004050001")
			digest, scheme, ok := findDigest(serverKey, s1, 0)
			if !ok || scheme != test.scheme {
				t.Fatalf("S1 digest found %v, scheme %d", ok, scheme)
			}
			c1Digest, _, _ := findDigest(playerKey, hello[1:], test.scheme)
			wantSigned(t, "S2", s2, mac([]byte(longServerKey), c1Digest[:]), test.version)

			c2 := workedC2()
			sign(c2, mac([]byte(longPlayerKey), digest[:]), test.version)
			feed(t, s, c2, len(c2))
			got := s.Info()
			if !s.Done() || !got.Verified || !got.Digest || got.Scheme != test.scheme || got.Version != test.version {
				t.Errorf("done %v, Info = %+v", s.Done(), got)
			}
			if !bytes.Equal(got.SWFKey[:], s1[packetSize-32:]) {
				t.Error("SWFKey is not the end of S1")
			}
			if in, out := s.Ciphers(); (in != nil && out != nil) != got.Encrypted || got.Encrypted != (test.version != 3) {
				t.Errorf("encrypted %v, ciphers %v %v", got.Encrypted, in != nil, out != nil)
			}
		})
	}
}

func hexByte(b byte) string { return string([]byte{'0' + b>>4, '0' + b&15}) }

// A wrong C2 is noted and nothing more: FFmpeg, for one, echoes where it should sign.
func TestServerToleratesC2(t *testing.T) {
	for _, hello := range [][]byte{plainC1(3), signedC1(3, 0), signedC1(6, 1)} {
		s := NewServer(ServerConfig{AllowEncrypted: true})
		feed(t, s, hello, len(hello))
		feed(t, s, make([]byte, packetSize), packetSize)
		if !s.Done() || s.Info().Verified {
			t.Errorf("done %v, verified %v", s.Done(), s.Info().Verified)
		}
	}
}

func TestServerRefusesRTMPE(t *testing.T) {
	badKey := signedC1(6, 1)
	clear(badKey[1+schemes[1].keyAt(badKey[1:]):][:keySize])
	putDigest(playerKey, badKey[1:], 1)
	for _, test := range []struct {
		name  string
		hello []byte
	}{
		{"6 without digest", plainC1(6)},
		{"8 without digest", plainC1(8)},
		{"9 without digest", plainC1(9)},
		{"key of zero", badKey},
	} {
		s := NewServer(ServerConfig{AllowEncrypted: true})
		_, reply, err := s.Feed(test.hello)
		var refused *Error
		if !errors.As(err, &refused) || reply != nil {
			t.Errorf("%s: error %v, reply of %d bytes", test.name, err, len(reply))
		}
		if _, _, again := s.Feed(workedC2()); !errors.Is(again, err) || s.Done() {
			t.Errorf("%s: the error is not final: %v", test.name, again)
		}
	}
}

// TestServerSplits feeds whole sessions with every split into two pieces, and in pieces of a few sizes.
func TestServerSplits(t *testing.T) {
	for _, hello := range [][]byte{plainC1(3), signedC1(3, 0)} {
		stream := append(append(bytes.Clone(hello), workedC2()...), "and the chunk stream"...)
		whole := NewServer(ServerConfig{Rand: random(1)})
		wantReply, wantRest := feed(t, whole, stream, len(stream))
		check := func(s *Server, reply, rest []byte) {
			t.Helper()
			if !s.Done() || !bytes.Equal(reply, wantReply) || s.Info() != whole.Info() {
				t.Fatalf("done %v, reply of %d bytes, Info %+v", s.Done(), len(reply), s.Info())
			}
			if !bytes.Equal(rest, wantRest) {
				t.Fatalf("rest = %q, want %q", rest, wantRest)
			}
		}
		for i := range 2*packetSize + 1 {
			s := NewServer(ServerConfig{Rand: random(1)})
			first, rest := feed(t, s, stream[:i], len(stream))
			if s.Done() || len(rest) > 0 {
				t.Fatalf("done with %d bytes", i)
			}
			second, rest := feed(t, s, stream[i:], len(stream))
			check(s, append(first, second...), rest)
		}
		for _, size := range []int{1, 2, 3, 7, 100, 1537} {
			s := NewServer(ServerConfig{Rand: random(1)})
			reply, rest := feed(t, s, stream, size)
			check(s, reply, rest)
		}
	}
}

func TestServerRandomFails(t *testing.T) {
	hello := signedC1(6, 1)
	for _, have := range []int{0, 1528, 1528 + privateSize, 1528 + privateSize + signedSize - 1} {
		r := brokenRandom(have)
		s := NewServer(ServerConfig{AllowEncrypted: true, Rand: &r})
		if _, _, err := s.Feed(hello); err == nil {
			t.Errorf("no error with %d random bytes", have)
		}
	}
}

func TestServerDone(t *testing.T) {
	s := NewServer(ServerConfig{})
	feed(t, s, append(plainC1(3), workedC2()...), 5000)
	if n, reply, err := s.Feed([]byte("more")); n != 0 || reply != nil || err != nil {
		t.Errorf("Feed after the end = %d, %d bytes, %v", n, len(reply), err)
	}
}

// TestServerMemory measures what unfinished handshakes hold, with C1 cut short and with C2 cut short.
func TestServerMemory(t *testing.T) {
	const servers, limit = 500, 4 << 10
	for _, hello := range [][]byte{plainC1(3)[:1500], plainC1(3), signedC1(3, 0)} {
		held := make([]*Server, servers)
		before := heap()
		for i := range held {
			held[i] = NewServer(ServerConfig{})
			feed(t, held[i], hello, 700)
		}
		if each := (heap() - before) / servers; each > limit {
			t.Errorf("an unfinished handshake with %d bytes holds %d bytes", len(hello), each)
		}
		runtime.KeepAlive(held)
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
