package handshake

import (
	"bytes"
	"errors"
	"testing"
)

func TestClientStart(t *testing.T) {
	for _, test := range []struct {
		name   string
		cfg    ClientConfig
		head   string // version, time, software version
		scheme int    // -1: no digest
	}{
		{"plain", ClientConfig{Time: at(0x0a0b0c0d)}, "030a0b0c0d00000000", -1},
		{"signed", ClientConfig{Digest: true}, "03000000000a002d02", 0},
		{"signed with a version", ClientConfig{Digest: true, SoftwareVersion: 0x09007c02}, "030000000009007c02", 0},
		{"RTMPE", ClientConfig{Version: 6}, "060000000080000302", 1},
		{"RTMPE with XTEA", ClientConfig{Version: 8}, "080000000080000302", 1},
		{"RTMPE with Blowfish", ClientConfig{Version: 9}, "090000000080000302", 1},
	} {
		packets := NewClient(test.cfg).Start()
		if len(packets) != helloSize {
			t.Fatalf("%s: %d bytes", test.name, len(packets))
		}
		wantHex(t, test.name, packets[:9], test.head)
		_, scheme, ok := findDigest(playerKey, packets[1:], 0)
		if ok != (test.scheme >= 0) || ok && scheme != test.scheme {
			t.Errorf("%s: digest %v, scheme %d", test.name, ok, scheme)
		}
	}
}

// signedS1 is a hello of the server with a valid digest.
func signedS1(version byte, scheme int) []byte {
	b := append([]byte{version}, workedS1()...)
	putDigest(serverKey, b[1:], scheme)
	return b
}

func TestClientPlain(t *testing.T) {
	unsigned := append([]byte{3}, workedS1()...)
	zero := append([]byte{3}, workedS1()...)
	clear(zero[5:9])
	for _, test := range []struct {
		name  string
		cfg   ClientConfig
		hello []byte
	}{
		{"plain, server without version", ClientConfig{}, zero},
		{"plain, server with a version", ClientConfig{}, unsigned},
		{"plain, server that signs unasked", ClientConfig{}, signedS1(3, 0)},
		{"plain, server of an odd version", ClientConfig{}, append([]byte{31}, zero[1:]...)},
		{"signed, server does not sign", ClientConfig{Digest: true}, zero},
		{"signed, digest does not verify", ClientConfig{Digest: true}, unsigned},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := NewClient(test.cfg)
			c1 := c.Start()[1:]
			c2, _ := feed(t, c, test.hello, helloSize)
			if !bytes.Equal(c2, test.hello[1:]) {
				t.Error("C2 is not S1")
			}
			_, rest := feed(t, c, append(bytes.Clone(c1), "window"...), 1000)
			if string(rest) != "window" {
				t.Errorf("rest = %q", rest)
			}
			info := c.Info()
			if !c.Done() || !info.Verified || info.Digest || info.Encrypted || info.Version != test.hello[0] {
				t.Errorf("done %v, Info = %+v", c.Done(), info)
			}
			if info.PeerTime != 1000 || !bytes.Equal(info.SWFKey[:], test.hello[helloSize-32:]) {
				t.Errorf("Info = %+v", info)
			}
		})
	}
}

func TestClientSigned(t *testing.T) {
	for scheme := range schemes {
		c := NewClient(ClientConfig{Digest: true})
		c1 := c.Start()[1:]
		s1 := signedS1(3, scheme)
		c2, _ := feed(t, c, s1, 1)
		digest, _, _ := findDigest(serverKey, s1[1:], scheme)
		wantSigned(t, "C2", c2, mac([]byte(longPlayerKey), digest[:]), 3)

		c1Digest, _, _ := findDigest(playerKey, c1, 0)
		s2 := workedS2()
		sign(s2, mac([]byte(longServerKey), c1Digest[:]), 3)
		feed(t, c, s2, packetSize)
		if info := c.Info(); !c.Done() || !info.Digest || !info.Verified || info.Scheme != scheme {
			t.Errorf("done %v, Info = %+v", c.Done(), info)
		}
	}
}

func TestClientRefusesRTMPE(t *testing.T) {
	badKey := append([]byte{6}, workedS1()...)
	clear(badKey[1+schemes[1].keyAt(badKey[1:]):][:keySize])
	putDigest(serverKey, badKey[1:], 1)
	for _, test := range []struct {
		name  string
		hello []byte
	}{
		{"server answers 3", signedS1(3, 1)},
		{"no digest", append([]byte{6}, workedS1()...)},
		{"key of zero", badKey},
	} {
		c := NewClient(ClientConfig{Version: 6})
		c.Start()
		_, reply, err := c.Feed(test.hello)
		var refused *Error
		if !errors.As(err, &refused) || reply != nil {
			t.Errorf("%s: error %v, reply of %d bytes", test.name, err, len(reply))
		}
	}
}

func TestClientRandomFails(t *testing.T) {
	for _, have := range []int{0, 1527, 1528, 1528 + privateSize - 1} {
		r := brokenRandom(have)
		c := NewClient(ClientConfig{Version: 6, Rand: &r})
		if c.Start() != nil {
			t.Errorf("Start succeeds with %d random bytes", have)
		}
		if _, _, err := c.Feed(signedS1(6, 1)); err == nil {
			t.Errorf("no error with %d random bytes", have)
		}
	}
	r := brokenRandom(1528)
	c := NewClient(ClientConfig{Digest: true, Rand: &r})
	c.Start()
	if _, _, err := c.Feed(signedS1(3, 0)); !errors.Is(err, errNoRandom) {
		t.Errorf("error %v, want %v", err, errNoRandom)
	}
}

func TestNewClientPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an unknown version does not panic")
		}
	}()
	NewClient(ClientConfig{Version: 4})
}

// TestPair lets our client and our server shake hands, byte by byte, and compares their keystreams.
func TestPair(t *testing.T) {
	for _, test := range []struct {
		name   string
		client ClientConfig
		digest bool
	}{
		{"plain", ClientConfig{}, false},
		{"signed", ClientConfig{Digest: true}, true},
		{"RTMPE", ClientConfig{Version: VersionRTMPE}, true},
		{"RTMPE with XTEA", ClientConfig{Version: VersionXTEA}, true},
		{"RTMPE with Blowfish", ClientConfig{Version: VersionBlowfish}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, server := NewClient(test.client), NewServer(ServerConfig{AllowEncrypted: true})
			fromServer, _ := feed(t, server, client.Start(), 1)
			fromClient, _ := feed(t, client, fromServer, 1)
			feed(t, server, fromClient, 1)
			c, s := client.Info(), server.Info()
			if !client.Done() || !server.Done() || !c.Verified || !s.Verified {
				t.Fatalf("client %+v, server %+v", c, s)
			}
			if c.Digest != test.digest || s.Digest != test.digest || c.SWFKey != s.SWFKey || c.Version != s.Version {
				t.Errorf("client %+v, server %+v", c, s)
			}
			clientIn, clientOut := client.Ciphers()
			serverIn, serverOut := server.Ciphers()
			if !c.Encrypted {
				return
			}
			message := []byte("connect, createStream, publish")
			b := bytes.Clone(message)
			clientOut.XORKeyStream(b, b)
			if bytes.Equal(b, message) {
				t.Error("the stream is in the clear")
			}
			serverIn.XORKeyStream(b, b)
			serverOut.XORKeyStream(b, b)
			clientIn.XORKeyStream(b, b)
			if !bytes.Equal(b, message) {
				t.Error("the keystreams differ")
			}
		})
	}
}
