package handshake

// What the first bytes of a connection look like.
const (
	LooksRTMP     = "RTMP"
	LooksTLS      = "TLS"
	LooksHTTP     = "HTTP"
	LooksRTSP     = "RTSP"
	LooksSSH      = "SSH"
	LooksPROXY    = "the PROXY protocol"
	LooksSRSProxy = "the RTMP proxy prefix of SRS"
	LooksText     = "text"
	LooksBinary   = "binary data"
)

// proxySignature opens a connection under version 2 of the PROXY protocol. Its first byte could be an RTMP version.
const proxySignature = "\r\n\r\n\x00\r\nQUIT\n"

// openings are words that text protocols begin with. Where several fit a short prefix, the first counts.
var openings = []struct{ word, looks string }{
	{"GET ", LooksHTTP},
	{"POST ", LooksHTTP},
	{"OPTIONS rtsp:", LooksRTSP},
	{"OPTIONS ", LooksHTTP},
	{"HEAD ", LooksHTTP},
	{"HTTP/", LooksHTTP},
	{"PUT ", LooksHTTP},
	{"PATCH ", LooksHTTP},
	{"DELETE ", LooksHTTP},
	{"CONNECT ", LooksHTTP},
	{"TRACE ", LooksHTTP},
	{"PRI * ", LooksHTTP},
	{"DESCRIBE ", LooksRTSP},
	{"ANNOUNCE ", LooksRTSP},
	{"SETUP ", LooksRTSP},
	{"RTSP/", LooksRTSP},
	{"SSH-", LooksSSH},
	{"PROXY ", LooksPROXY},
}

// Sniff says what a connection looks like that begins with b. It is certain from the first byte on, but for the few
// bytes that could also be an obsolete RTMP version: then more bytes are wanted, and without them it is LooksRTMP.
// Versions 0 to 31 are RTMP, known or not: above them a version byte is forbidden so that text protocols can be
// told apart (RTMP 5.2.2). A longer b can only give a better name for what is not RTMP.
func Sniff(b []byte) (looks string, certain bool) {
	switch {
	case len(b) == 0:
		return LooksRTMP, false
	case b[0] == 0x15 || b[0] == 0x16: // TLS alert and handshake records, major version 3
		if len(b) < 2 {
			return LooksRTMP, false
		}
		if b[1] == 3 {
			return LooksTLS, true
		}
		return LooksRTMP, true
	case b[0] == proxySignature[0]:
		if n := min(len(b), len(proxySignature)); string(b[:n]) == proxySignature[:n] {
			if n < len(proxySignature) {
				return LooksRTMP, false
			}
			return LooksPROXY, true
		}
		return LooksRTMP, true
	case b[0] < 0x20:
		return LooksRTMP, true
	case b[0] == 0xf3:
		return LooksSRSProxy, true
	}
	return sniffText(b), true
}

func sniffText(b []byte) string {
	for _, o := range openings {
		if n := min(len(b), len(o.word)); string(b[:n]) == o.word[:n] {
			return o.looks
		}
	}
	if b[0] >= 0x7f {
		return LooksBinary
	}
	return LooksText
}

// A hello gathers the first two packets of a peer: its version and the 1536 bytes behind it.
type hello struct {
	buf []byte // nil until a part of them has arrived
}

// take reads n bytes from b. It returns the packets once they are whole, as a part of b when they arrived in one
// piece, else in the buffer, and a *NotRTMPError as soon as the bytes can be no hello.
func (h *hello) take(b []byte) (whole []byte, n int, err error) {
	if len(h.buf) == 0 {
		if len(b) == 0 {
			return nil, 0, nil
		}
		if err := notRTMP(b); err != nil {
			return nil, 0, err
		}
		if len(b) >= helloSize {
			return b[:helloSize], helloSize, nil
		}
		h.buf = make([]byte, 0, helloSize)
	}
	n = min(helloSize-len(h.buf), len(b))
	h.buf = append(h.buf, b[:n]...)
	if err := notRTMP(h.buf); err != nil {
		return nil, 0, err
	}
	if len(h.buf) < helloSize {
		return nil, n, nil
	}
	return h.buf, n, nil
}

func (h *hello) release() { h.buf = nil }

func notRTMP(b []byte) error {
	if looks, certain := Sniff(b); certain && looks != LooksRTMP {
		return &NotRTMPError{Looks: looks, First: b[0]}
	}
	return nil
}
