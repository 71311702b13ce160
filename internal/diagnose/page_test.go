package diagnose

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// page is where users read of findings.
const page = "../../docs/guide/diagnose.md"

// The marks around the table that this test writes.
const (
	tableBegins = "<!-- findings: written by go test ./internal/diagnose -update -->\n"
	tableEnds   = "<!-- end of findings -->\n"
)

// TestPage holds the table of findings against the code.
func TestPage(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), tableBegins)
	table, after, ended := strings.Cut(rest, tableEnds)
	if !ok || !ended {
		t.Fatalf("%s has no table of findings", page)
	}
	var want strings.Builder
	want.WriteString("| code | | what is wrong |\n|---|---|---|\n")
	for _, k := range Kinds() {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", k.Code, k.Severity, k.Title)
	}
	if table == want.String() {
		return
	}
	if !*update {
		t.Fatalf("the table in %s is not that of the code; see -update", page)
	}
	if err := os.WriteFile(page, []byte(before+tableBegins+want.String()+tableEnds+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
