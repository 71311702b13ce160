package handshake

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
)

// The packets of the worked examples: a time, a version, and data that count up by a step.
func workedPacket(head string, step, start int) []byte {
	packet := make([]byte, packetSize)
	for i := range packet {
		packet[i] = byte(step*i + start)
	}
	copy(packet, unhex(head))
	return packet
}

func workedC1() []byte { return workedPacket("0000000080000702", 1, 0) }
func workedS1() []byte { return workedPacket("000003e804050001", 7, 3) }
func workedS2() []byte { return workedPacket("", 11, 5) }
func workedC2() []byte { return workedPacket("", 13, 9) }

// unhex is for literals of the tests.
func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func wantHex(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if hex.EncodeToString(got) != want {
		t.Errorf("%s = %x, want %s", what, got, want)
	}
}

func TestKeys(t *testing.T) {
	const tail = "f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae"
	wantHex(t, "long player key", []byte(longPlayerKey),
		"47656e75696e652041646f626520466c61736820506c6179657220303031"+tail)
	wantHex(t, "long server key", []byte(longServerKey),
		"47656e75696e652041646f626520466c617368204d656469612053657276657220303031"+tail)
}

// worked holds what a peer must compute for the worked packets under each scheme.
var worked = [2]struct {
	c1Digest, c1Key   int // positions
	s1Digest, s1Key   int
	c1, s1            string // digests
	s2Key, s2, c2Key  string
	c2                string
	s2XTEA, s2Blowfsh string
	c2XTEA, c2Blowfsh string
}{
	{
		c1Digest: 50, c1Key: 1154, s1Digest: 290, s1Key: 1106,
		c1:    "1a0738a48b1a8654bdfaeba70f3306ea8fa1a54de15fe35fdba384c99e8c9354",
		s1:    "50ca7f2fa6bd6d4c73ce845ece37cabdc47b9bc1d5e43584f89e4a92ad3ab219",
		s2Key: "a33c20aa12e205e045f03198a319a1013e1d6498a36ea8359b53c43f252de607",
		s2:    "eceef0a1fdbfee6963eaab0bbf3228dbad06a67e1f26049716ece23e4abc8890",
		c2Key: "342eba43fc30b46ad9f651dcb34582541bb727899724332f650e9ad8924ba7bb",
		c2:    "ce0e1df867b6a4c2185d7f9265a36f964ed4a7c2de61bc881e30b36581ed0bd6",
	},
	{
		c1Digest: 798, c1Key: 14, s1Digest: 942, s1Key: 62,
		c1:        "04311e20855f942b928fe02f1df48ce612c2061e5a97bfc2a226063a94f3973d",
		s1:        "3767cefc72ec1500928d812fa9726554bec0895ea9636902f62aad86ebc403e9",
		s2Key:     "db81a78ba39f0e4ccd5a91d2e4d71feef719ac48a77ac61474879c20872c40cb",
		s2:        "0a28cfbd664db2b4f779eae17b44b07b7cc6360fddf2806d81529d540aee8d84",
		c2Key:     "f52189a010b54297c9d83a330e6cf1163dc531b40399ed5b97d18f05d86967ad",
		c2:        "daffec2b5a6223b79dd329be31b7729f597f5c64f1539660d0e6e4b610555a98",
		s2XTEA:    "90b998b79963cab3a970600b886324ee5d7efd2b3087fab131f177910f643f31",
		s2Blowfsh: "ec8c8f46d26cfd37280fd8202eda9cee80511bb093bb42a9766820e3ee50dc56",
		c2XTEA:    "b7e812fa50d953746a3f32bdf822f232e3405fd37b602f100aa984c203e532c9",
		c2Blowfsh: "895aa02326c2f80efaa5c124080569710ede9f19c187a4b23f141ed4b049eeef",
	},
}

func TestWorkedDigests(t *testing.T) {
	for number, want := range worked {
		layout := schemes[number]
		for _, packet := range []struct {
			name           string
			bytes          []byte
			key            string
			digestAt, dhAt int
			digest         string
		}{
			{"C1", workedC1(), playerKey, want.c1Digest, want.c1Key, want.c1},
			{"S1", workedS1(), serverKey, want.s1Digest, want.s1Key, want.s1},
		} {
			if got := layout.digestAt(packet.bytes); got != packet.digestAt {
				t.Errorf("scheme %d: %s digest at %d, want %d", number, packet.name, got, packet.digestAt)
			}
			if got := layout.keyAt(packet.bytes); got != packet.dhAt {
				t.Errorf("scheme %d: %s key at %d, want %d", number, packet.name, got, packet.dhAt)
			}
			digest := putDigest(packet.key, packet.bytes, number)
			wantHex(t, packet.name+" digest", digest[:], packet.digest)
			for _, likely := range []int{0, 1} {
				found, scheme, ok := findDigest(packet.key, packet.bytes, likely)
				if !ok || scheme != number || found != digest {
					t.Errorf("findDigest(%s, likely %d) = %x, %d, %v", packet.name, likely, found, scheme, ok)
				}
			}
			packet.bytes[100] ^= 1
			if _, _, ok := findDigest(packet.key, packet.bytes, 0); ok {
				t.Errorf("scheme %d: a changed %s has a valid digest", number, packet.name)
			}
		}
	}
}

func TestWorkedSignatures(t *testing.T) {
	for _, want := range worked {
		s2Key := mac([]byte(longServerKey), unhex(want.c1))
		c2Key := mac([]byte(longPlayerKey), unhex(want.s1))
		wantHex(t, "S2 key", s2Key[:], want.s2Key)
		wantHex(t, "C2 key", c2Key[:], want.c2Key)
		for _, packet := range []struct {
			name      string
			bytes     []byte
			key       [digestSize]byte
			version   byte
			signature string
		}{
			{"S2", workedS2(), s2Key, VersionPlain, want.s2},
			{"S2", workedS2(), s2Key, VersionRTMPE, want.s2},
			{"S2", workedS2(), s2Key, VersionXTEA, want.s2XTEA},
			{"S2", workedS2(), s2Key, VersionBlowfish, want.s2Blowfsh},
			{"C2", workedC2(), c2Key, VersionPlain, want.c2},
			{"C2", workedC2(), c2Key, VersionRTMPE, want.c2},
			{"C2", workedC2(), c2Key, VersionXTEA, want.c2XTEA},
			{"C2", workedC2(), c2Key, VersionBlowfish, want.c2Blowfsh},
		} {
			if packet.signature == "" {
				continue // the enciphered signatures are worked out for scheme 1, which RTMPE uses
			}
			sign(packet.bytes, packet.key, packet.version)
			wantHex(t, packet.name+" signature", packet.bytes[signedSize:], packet.signature)

			check := newSigned(packet.key, packet.version)
			for _, b := range packet.bytes {
				if check.complete() || check.feed([]byte{b}) != 1 {
					t.Fatal("an ack does not take 1536 bytes one by one")
				}
			}
			if !check.complete() || !check.verified() {
				t.Errorf("version %d: %s does not verify", packet.version, packet.name)
			}
		}
	}
}

func TestWorkedKeystreams(t *testing.T) {
	client := keyPairOf(new(big.Int).SetBytes(unhex("1234567890abcdef")))
	server := keyPairOf(new(big.Int).SetBytes(unhex("fedcba0987654321")))
	sum := sha256.Sum256(client.public[:])
	wantHex(t, "hash of the client's key", sum[:], "c8b5cf645e99313f59b3b3b5f8ee782a3130c72d54236f3a1b60a8001e6a7cb4")

	fromClient, fromServer := unhex("35898b095da10e4254292a54d65a39bc"), unhex("1bb47f3d301caf2d72c35736f61e7668")
	for _, side := range []struct {
		name      string
		own, peer *keyPair
		in, out   []byte
	}{
		{"client", client, server, fromServer, fromClient},
		{"server", server, client, fromClient, fromServer},
	} {
		keys, err := side.own.agree(side.peer.public[:])
		if err != nil {
			t.Fatal(err)
		}
		var got, want [64]byte
		keys.in.XORKeyStream(got[:], got[:])
		keystream(side.in).XORKeyStream(want[:], want[:])
		if got != want {
			t.Errorf("%s: wrong key for what arrives", side.name)
		}
		got, want = [64]byte{}, [64]byte{}
		keys.out.XORKeyStream(got[:], got[:])
		keystream(side.out).XORKeyStream(want[:], want[:])
		if got != want {
			t.Errorf("%s: wrong key for what is sent", side.name)
		}
	}
}

// TestGroup2 checks what newKeyPair relies on: every power of 2 is in the subgroup of order (p-1)/2.
func TestGroup2(t *testing.T) {
	p := prime()
	q := new(big.Int).Rsh(p, 1)
	if new(big.Int).Exp(big.NewInt(2), q, p).Cmp(big.NewInt(1)) != 0 {
		t.Error("2 generates keys outside of the large subgroup")
	}
}

func TestSecretRange(t *testing.T) {
	p := prime()
	own := keyPairOf(big.NewInt(1000))
	for _, test := range []struct {
		name string
		peer *big.Int
		ok   bool
	}{
		{"0", big.NewInt(0), false},
		{"1", big.NewInt(1), false},
		{"2", big.NewInt(2), true},
		{"p-2", new(big.Int).Sub(p, big.NewInt(2)), true},
		{"p-1", new(big.Int).Sub(p, big.NewInt(1)), false},
		{"p", p, false},
	} {
		var peer [keySize]byte
		test.peer.FillBytes(peer[:])
		if _, err := own.secret(peer[:]); (err == nil) != test.ok {
			t.Errorf("key %s: error %v, want ok %v", test.name, err, test.ok)
		}
	}
	if _, err := own.secret(bytes.Repeat([]byte{0xff}, keySize)); err == nil {
		t.Error("a key above the prime is accepted")
	}
}

func TestCipherTables(t *testing.T) {
	for i, key := range blowfishKeys {
		if len(key) != 24 {
			t.Errorf("Blowfish key %d has %d bytes", i, len(key))
		}
	}
	if got := hex.EncodeToString([]byte(blowfishKeys[15])); !strings.HasPrefix(got, "536a4c54") {
		t.Errorf("Blowfish key 15 = %s", got)
	}
}
