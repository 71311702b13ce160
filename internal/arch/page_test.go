package arch

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A page is a document in Markdown.
type page struct {
	name string // from the module's root
	text string
}

func readPage(t *testing.T, name string) *page {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return &page{name: strings.TrimPrefix(name, root+"/"), text: string(text)}
}

// pages returns all documents of the repository.
func pages(t *testing.T) []*page {
	t.Helper()
	var all []*page
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && leaveOut(entry.Name()):
			return fs.SkipDir
		case path.Ext(name) == ".md":
			all = append(all, readPage(t, path.Join(root, name)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// section returns the rows of the first table under a heading, without its head.
func (p *page) section(t *testing.T, heading string) [][]string {
	t.Helper()
	_, text, ok := strings.Cut(p.text, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", p.name, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	rows := tableRows(text)
	if len(rows) < 3 {
		t.Fatalf("%s has no table under %q", p.name, heading)
	}
	return rows[2:]
}

// tableRows returns the cells of all lines that belong to a table.
func tableRows(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

func firstCells(rows [][]string) []string {
	var cells []string
	for _, row := range rows {
		cells = append(cells, row[0])
	}
	return cells
}

var (
	link    = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notSlug = regexp.MustCompile(`[^\pL\pN _-]`)
)

// anchors returns what a link can name behind "#": the page's headings, as hosts of repositories write them.
func (p *page) anchors() []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(p.text, -1) {
		all = append(all, "#"+strings.ReplaceAll(strings.ToLower(notSlug.ReplaceAllString(m[1], "")), " ", "-"))
	}
	return all
}

// TestLinksLead: what a document refers to in the repository is there, the heading too.
func TestLinksLead(t *testing.T) {
	all := make(map[string]*page)
	for _, p := range pages(t) {
		all[p.name] = p
	}
	for _, p := range all {
		for _, m := range link.FindAllStringSubmatch(p.text, -1) {
			if strings.Contains(m[1], ":") {
				continue // elsewhere
			}
			target := p.name
			if m[1] != "" {
				target = path.Join(path.Dir(p.name), m[1])
			}
			if _, err := os.Stat(path.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", p.name, m[1], err)
			}
			if at := all[target]; m[2] != "" && (at == nil || !slices.Contains(at.anchors(), m[2])) {
				t.Errorf("%s links to %s%s, and there is no such heading", p.name, m[1], m[2])
			}
		}
	}
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestSnippetsAreExamples: Go code in the documents for users stands in an example, which compiles and is run.
func TestSnippetsAreExamples(t *testing.T) {
	var examples strings.Builder
	for _, r := range rooms(t) {
		if !matches("examples/...", r.path) {
			continue
		}
		for _, s := range r.sources {
			text, err := os.ReadFile(path.Join(root, s.path))
			if err != nil {
				t.Fatal(err)
			}
			examples.Write(text)
		}
	}
	found := false
	for _, p := range pages(t) {
		if p.name != "README.md" && !strings.HasPrefix(p.name, "docs/guide/") {
			continue
		}
		for _, m := range goBlock.FindAllStringSubmatch(p.text, -1) {
			found = true
			if !strings.Contains(examples.String(), m[1]) {
				t.Errorf("%s shows code that is in no example:\n%s", p.name, m[1])
			}
		}
	}
	if !found {
		t.Error("no document shows any code")
	}
}

var quotedText = regexp.MustCompile("`([^`]+)`")

// TestTroubleshootingQuotes: what docs/guide/troubleshooting.md says that a program says stands in its code. An ellipsis is
// what differs from time to time.
func TestTroubleshootingQuotes(t *testing.T) {
	said := strings.Join(stringLiterals(t), "\n")
	p := readPage(t, root+"/docs/guide/troubleshooting.md")
	for _, row := range tableRows(p.text) {
		for _, m := range quotedText.FindAllStringSubmatch(row[0], -1) {
			for part := range strings.SplitSeq(m[1], "…") {
				if part = strings.TrimSpace(part); part != "" && !strings.Contains(said, part) {
					t.Errorf("%s quotes %q, which nothing says", p.name, part)
				}
			}
		}
	}
}

// stringLiterals returns the strings in the code that is not for tests.
func stringLiterals(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, r := range rooms(t) {
		for _, s := range r.sources {
			if s.test {
				continue
			}
			ast.Inspect(s.syntax, func(node ast.Node) bool {
				if lit, ok := node.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if text, err := strconv.Unquote(lit.Value); err == nil {
						all = append(all, text)
					}
				}
				return true
			})
		}
	}
	return slices.Compact(all)
}
