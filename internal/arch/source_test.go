package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// root is the module's root as seen from this folder; module is its import path.
const (
	root   = "../.."
	module = "leat"
)

// A source is one Go file of the module.
type source struct {
	path    string // slash-separated, from the module's root
	test    bool   // named *_test.go
	lines   int
	syntax  *ast.File
	imports []*ast.ImportSpec
}

// A room is one folder with Go files. Its path is relative to the module's root.
type room struct {
	path    string
	sources []*source
}

// imports returns the import paths of the room's files that are not tests, each once and sorted.
func (r *room) imports() []string {
	var paths []string
	for _, s := range r.sources {
		if s.test {
			continue
		}
		for _, spec := range s.imports {
			paths = append(paths, importPath(spec))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// rooms returns every room of the module with its Go files parsed, sorted by path. All tests share them: none may change them.
func rooms(t *testing.T) []*room {
	t.Helper()
	all, err := parsedOnce()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var parsedOnce = sync.OnceValues(parse)

// parse parses every Go file of the module.
func parse() ([]*room, error) {
	byPath := make(map[string]*room)
	files := token.NewFileSet()
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && leaveOut(entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if byPath[dir] == nil {
			byPath[dir] = &room{path: dir}
		}
		byPath[dir].sources = append(byPath[dir].sources, &source{
			path:    name,
			test:    strings.HasSuffix(name, "_test.go"),
			lines:   strings.Count(string(text), "\n"),
			syntax:  syntax,
			imports: syntax.Imports,
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := make([]*room, 0, len(byPath))
	for _, r := range byPath {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *room) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

// leaveOut reports whether the go tool, too, passes by a folder of this name, or it holds no source of ours.
func leaveOut(name string) bool {
	switch name {
	case "testdata", "build", "node_modules", "vendor":
		return true
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func importPath(spec *ast.ImportSpec) string {
	name, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return name
}

// matches reports whether a package path fits a pattern: the path itself, or "folder/..." for the folder and
// everything below it. "..." fits all.
func matches(pattern, name string) bool {
	if pattern == "..." {
		return true
	}
	if folder, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == folder || strings.HasPrefix(name, folder+"/")
	}
	return name == pattern
}
