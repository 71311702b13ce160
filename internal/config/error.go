package config

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnreadable says that there is no reading the file. What the system says about it is in the chain, too.
var ErrUnreadable = errors.New("cannot read the configuration")

// An Error is one mistake in a configuration. What Load and Parse return holds one or more, joined; errors.As
// finds the first.
type Error struct {
	File   string // where it stands; empty for the environment and for flags
	Line   int    // in File, from 1; 0 when it belongs to no line
	Field  string // limits.max_lag, or the variable or flag that was set; empty for the file as a whole
	Reason string // one plain sentence without its full stop
	Err    error  // the cause, if there is one that says more; Reason includes its text
}

// Error returns "file:line: field: reason", without the parts that are empty.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// didYouMean returns "; did you mean X?" for the candidate that a slip of the keyboard turns into word, or "".
func didYouMean(word string, candidates []string) string {
	best, least := "", 1+max(1, min(3, len(word)/3))
	for _, candidate := range candidates {
		if d := editDistance(word, candidate); d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// editDistance is the number of letters to insert, delete or replace to make a from b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1) // distances of a[:i] to each b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
