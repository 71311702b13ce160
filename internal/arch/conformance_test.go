package arch

import (
	"go/ast"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const conformance = root + "/docs/conformance.md"

// specification is the numbered sections of RTMP 1.0 that ask for something.
var specification = strings.Fields(`
	4 5 5.1 5.2 5.2.1 5.2.2 5.2.3 5.2.4 5.2.5 5.3 5.3.1 5.3.1.1 5.3.1.2 5.3.1.2.1 5.3.1.2.2 5.3.1.2.3 5.3.1.2.4 5.3.1.2.5
	5.3.1.3 5.3.2 5.3.2.1 5.3.2.2 5.4 5.4.1 5.4.2 5.4.3 5.4.4 5.4.5 6 6.1 6.1.1 6.1.2 6.2 7 7.1 7.1.1 7.1.2 7.1.3
	7.1.4 7.1.5 7.1.6 7.1.7 7.2 7.2.1 7.2.1.1 7.2.1.2 7.2.1.3 7.2.2 7.2.2.1 7.2.2.2 7.2.2.3 7.2.2.4 7.2.2.5
	7.2.2.6 7.2.2.7 7.2.2.8 7.3 7.3.1 7.3.2 7.3.3`)

// checklistItems is how many numbers the checklist has.
const checklistItems = 37

// TestConformanceIsComplete: each number of the checklist and each section of the specification has a row.
func TestConformanceIsComplete(t *testing.T) {
	page := readPage(t, conformance)
	for _, part := range []struct {
		heading string
		want    []string
	}{
		{"Checklist", numbersTo(checklistItems)},
		{"RTMP 1.0, section by section", specification},
	} {
		rows := firstCells(page.section(t, part.heading))
		for _, want := range part.want {
			if !slices.Contains(rows, want) {
				t.Errorf("docs/conformance.md: %s has no row under %q", want, part.heading)
			}
		}
		for i, row := range rows {
			if !slices.Contains(part.want, row) || slices.Contains(rows[:i], row) {
				t.Errorf("docs/conformance.md: the row %q under %q is unknown or there twice", row, part.heading)
			}
		}
	}
}

func numbersTo(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i + 1)
	}
	return all
}

// testName is a test as docs/conformance.md and docs/robustness.md name it: package, function and, behind a slash, a part of it.
var testName = regexp.MustCompile("^`" + module + `/([a-z0-9/]+)\.((?:Test|Fuzz)\w*)(?:/([\w-]+))?` + "`$")

// TestConformanceNamesTests: each row names tests, and nothing else, and they exist. That they run is checked by
// TestTestsRun.
func TestConformanceNamesTests(t *testing.T) {
	namesTests(t, readPage(t, conformance), "Checklist", "RTMP 1.0, section by section", "Enhanced RTMP v2", "librtmp, branch by branch")
}

// namesTests checks the last cells of the tables under the headings.
func namesTests(t *testing.T, p *page, headings ...string) {
	t.Helper()
	tests := testFunctions(t)
	for _, heading := range headings {
		for _, row := range p.section(t, heading) {
			for name := range strings.SplitSeq(row[len(row)-1], ", ") {
				m := testName.FindStringSubmatch(name)
				switch {
				case m == nil:
					t.Errorf("%s, row %s: %s is not the name of a test", p.name, row[0], name)
				case !slices.Contains(tests[m[1]], m[2]):
					t.Errorf("%s, row %s: there is no test %s", p.name, row[0], name)
				case m[3] != "" && !isFile(path.Join(root, m[1], "testdata/session", m[3]+".txt")):
					t.Errorf("%s, row %s: there is no transcript for %s", p.name, row[0], name)
				}
			}
		}
	}
}

// testFunctions returns the names of the tests and fuzz targets of each package.
func testFunctions(t *testing.T) map[string][]string {
	t.Helper()
	tests := make(map[string][]string)
	for _, r := range rooms(t) {
		for _, s := range r.sources {
			if !s.test {
				continue
			}
			for _, decl := range s.syntax.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
					tests[r.path] = append(tests[r.path], f.Name.Name)
				}
			}
		}
	}
	return tests
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
