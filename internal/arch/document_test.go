package arch

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the import table into ARCHITECTURE.md")

const document = root + "/ARCHITECTURE.md"

// The import table stands in ARCHITECTURE.md between these lines.
const (
	tableBegin = "<!-- import table: written by go test ./internal/arch -update -->\n"
	tableEnd   = "<!-- end of import table -->\n"
)

// TestDocumentHasTable: ARCHITECTURE.md shows the rows of the import table whose packages exist.
func TestDocumentHasTable(t *testing.T) {
	text := readDocument(t)
	before, rest, ok := strings.Cut(text, tableBegin)
	table, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatal("ARCHITECTURE.md has no place for the import table")
	}
	want := tableText(rooms(t))
	if table == want {
		return
	}
	if !*update {
		t.Fatalf("the import table in ARCHITECTURE.md is not the one in table_test.go: run go test ./internal/arch -update\ngot\n%s\nwant\n%s",
			table, want)
	}
	if err := os.WriteFile(document, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tableText renders the import table, without the rooms that are not built.
func tableText(all []*room) string {
	exists := func(pattern string) bool {
		return pattern == "..." || slices.ContainsFunc(all, func(r *room) bool { return matches(pattern, r.path) })
	}
	var b strings.Builder
	b.WriteString("| package | may import from this module |\n|---|---|\n")
	for _, rule := range importTable {
		packages := quoted(rule.packages, exists)
		if packages == "" {
			continue
		}
		imports := quoted(rule.imports, exists)
		switch {
		case slices.Contains(rule.imports, "..."):
			imports = "anything"
		case imports == "":
			imports = "nothing"
		}
		b.WriteString("| " + packages + " | " + imports + " |\n")
	}
	return b.String()
}

func quoted(patterns []string, keep func(string) bool) string {
	var names []string
	for _, pattern := range patterns {
		if keep(pattern) {
			names = append(names, "`"+pattern+"`")
		}
	}
	return strings.Join(names, ", ")
}

// TestDocumentNamesRooms: each package but the examples and interop tests has a row in ARCHITECTURE.md that says what is
// in it.
func TestDocumentNamesRooms(t *testing.T) {
	text, _, _ := strings.Cut(readDocument(t), tableBegin) // a row of the import table does not explain
	for _, r := range rooms(t) {
		if fitsAny([]string{"examples/...", "interop/..."}, r.path) {
			continue
		}
		if !strings.Contains(text, "\n| `"+r.path+"` |") {
			t.Errorf("ARCHITECTURE.md has no row for the room %s", r.path)
		}
	}
}

// TestDocumentNamesLibraries: each library that is not for tests alone has its reason in ARCHITECTURE.md.
func TestDocumentNamesLibraries(t *testing.T) {
	text := readDocument(t)
	for library, packages := range libraryUsers(t) {
		row := "\n| `" + library + "` |"
		i := strings.Index(text, row)
		if i < 0 {
			t.Errorf("ARCHITECTURE.md does not say what %s is for", library)
			continue
		}
		line, _, _ := strings.Cut(text[i+1:], "\n")
		for _, name := range packages {
			if !strings.Contains(line, "| `"+name+"` |") {
				t.Errorf("ARCHITECTURE.md does not say that %s uses %s", name, library)
			}
		}
	}
}

func readDocument(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
