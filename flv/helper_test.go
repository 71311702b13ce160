package flv

import (
	"encoding/hex"
	"strings"
	"testing"
)

// unhex reads hexadecimal bytes with spaces between them as the reader likes.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
