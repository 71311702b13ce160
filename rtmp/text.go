package rtmp

import (
	"strconv"
	"strings"
	"unicode"
)

// maxPrinted is how much of a text chosen by a peer goes into a sentence, bytes.
const maxPrinted = 64

// printable makes a peer's text fit for a status description or a log line: short, and without control characters.
func printable(s string) string {
	q := quoted(s)
	return q[1 : len(q)-1]
}

// quoted is printable in quotes.
func quoted(s string) string {
	if len(s) > maxPrinted {
		s = s[:maxPrinted] + "…"
	}
	return strconv.Quote(s)
}

// maxSentence is how much of a peer's sentence goes into an error, bytes: as much as servers say to people.
const maxSentence = 500

// sentence makes what a peer has said to people fit for a terminal: not too long, and without control characters.
func sentence(s string) string {
	cut := len(s) > maxSentence
	if cut {
		s = s[:maxSentence]
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		escaped := strconv.QuoteRune(r)
		b.WriteString(escaped[1 : len(escaped)-1])
	}
	if cut {
		b.WriteString("…")
	}
	return b.String()
}

// RedactURL makes a peer's URL, such as a tcUrl, fit for a log line: it is short, and what may be a token, in a query, or a
// password, before the host, is left out.
func RedactURL(url string) string {
	url, _, hasQuery := strings.Cut(url, "?")
	if scheme, rest, ok := strings.Cut(url, "://"); ok {
		host, path, hasPath := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			url = scheme + "://…" + host[at:]
			if hasPath {
				url += "/" + path
			}
		}
	}
	url = printable(url)
	if hasQuery {
		url += "?…"
	}
	return url
}
