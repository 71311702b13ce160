package handshake

import (
	"errors"
	"testing"
)

func TestSniff(t *testing.T) {
	for _, test := range []struct {
		bytes   string
		looks   string
		certain bool
	}{
		{"", LooksRTMP, false},
		{"\x03", LooksRTMP, true},
		{"\x06", LooksRTMP, true},
		{"\x00", LooksRTMP, true},
		{"\x1f", LooksRTMP, true},
		{"\x16", LooksRTMP, false},
		{"\x16\x03\x01\x02\x00", LooksTLS, true},
		{"\x15\x03\x03", LooksTLS, true},
		{"\x16\x00", LooksRTMP, true},
		{"\r", LooksRTMP, false},
		{proxySignature[:11], LooksRTMP, false},
		{proxySignature, LooksPROXY, true},
		{proxySignature + "\x21\x11", LooksPROXY, true},
		{"\r\n\x00", LooksRTMP, true},
		{"\xf3\x00\x04\x7f\x00\x00\x01\x03", LooksSRSProxy, true},
		{"P", LooksHTTP, true},
		{"G", LooksHTTP, true},
		{"O", LooksRTSP, true},
		{"H", LooksHTTP, true},
		{"GET / HTTP/1.1\r\n", LooksHTTP, true},
		{"POST /open/1 HTTP/1.1\r\n", LooksHTTP, true},
		{"OPTIONS / HTTP/1.1", LooksHTTP, true},
		{"OPTIONS rtsp://host", LooksRTSP, true},
		{"DESCRIBE rtsp://host", LooksRTSP, true},
		{"HTTP/1.1 400 Bad Request", LooksHTTP, true},
		{"PROXY TCP4 ", LooksPROXY, true},
		{"SSH-2.0-Go", LooksSSH, true},
		{"hello", LooksText, true},
		{" ", LooksText, true},
		{"\x80\x2e\x01", LooksBinary, true},
		{"\xff", LooksBinary, true},
	} {
		looks, certain := Sniff([]byte(test.bytes))
		if looks != test.looks || certain != test.certain {
			t.Errorf("Sniff(%q) = %q, %v, want %q, %v", test.bytes, looks, certain, test.looks, test.certain)
		}
	}
}

func TestNotRTMP(t *testing.T) {
	for _, test := range []struct{ bytes, looks string }{
		{"\x16\x03\x01", LooksTLS},
		{"GET /", LooksHTTP},
		{"\xf3\x00\x04", LooksSRSProxy},
		{proxySignature, LooksPROXY},
	} {
		for _, size := range []int{1, len(test.bytes)} {
			for _, m := range []machine{NewServer(ServerConfig{}), started(ClientConfig{})} {
				var err error
				for b := []byte(test.bytes); len(b) > 0 && err == nil; b = b[min(size, len(b)):] {
					_, _, err = m.Feed(b[:min(size, len(b))])
				}
				var not *NotRTMPError
				if !errors.As(err, &not) || not.First != test.bytes[0] || not.Looks != test.looks && size > 1 {
					t.Errorf("%T fed with %q by %d: %v", m, test.bytes, size, err)
				}
			}
		}
	}
	if got, want := (&NotRTMPError{Looks: LooksHTTP, First: 'G'}).Error(),
		"handshake: not RTMP: the first byte is 0x47, which looks like HTTP"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

// Bytes of other protocols cost nothing but the error.
func TestNotRTMPAllocations(t *testing.T) {
	b := []byte("GET / HTTP/1.1\r\n")
	s := NewServer(ServerConfig{})
	allocs := testing.AllocsPerRun(100, func() {
		s.err = nil
		if _, _, err := s.Feed(b); err == nil {
			t.Fatal("HTTP is accepted")
		}
	})
	if allocs > 1 {
		t.Errorf("%v allocations", allocs)
	}
}

func started(cfg ClientConfig) *Client {
	c := NewClient(cfg)
	c.Start()
	return c
}
