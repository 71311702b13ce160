package diagnose

import "strconv"

// maxPrinted is how much of a peer's text goes into a sentence, bytes.
const maxPrinted = 120

// printable makes a peer's text fit for a terminal and a log: short, quoted, without control characters.
func printable(s string) string {
	if len(s) > maxPrinted {
		s = s[:maxPrinted] + "…"
	}
	return strconv.Quote(s)
}
