package rtmp

import "strconv"

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
