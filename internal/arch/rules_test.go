package arch

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// Lines of one file: above these it holds more than one concern. Generated files are exempt.
const (
	maxLines     = 800
	maxTestLines = 1000
)

func TestPackageComments(t *testing.T) {
	for _, r := range rooms(t) {
		var have, code bool
		for _, s := range r.sources {
			if s.test && !matches("interop/...", r.path) {
				continue
			}
			code = true
			have = have || s.syntax.Doc != nil
		}
		if code && !have {
			t.Errorf("%s has no package comment: say what it is for, its layout and its limits", r.path)
		}
	}
}

func TestFileSizes(t *testing.T) {
	for _, r := range rooms(t) {
		for _, s := range r.sources {
			limit := maxLines
			if s.test {
				limit = maxTestLines
			}
			if s.lines > limit && !ast.IsGenerated(s.syntax) {
				t.Errorf("%s has %d lines, more than %d: find the second concern in it", s.path, s.lines, limit)
			}
		}
	}
}

// TestUnsafe allows one file to import unsafe, and only with a comment at the import that says what for.
func TestUnsafe(t *testing.T) {
	var users []string
	for _, r := range rooms(t) {
		for _, s := range r.sources {
			for _, spec := range s.imports {
				if importPath(spec) != "unsafe" {
					continue
				}
				users = append(users, s.path)
				if spec.Comment == nil && spec.Doc == nil {
					t.Errorf("%s imports unsafe and does not say why beside the import", s.path)
				}
			}
		}
	}
	if len(users) > 1 {
		t.Errorf("unsafe is imported by %s: one file at most", strings.Join(users, ", "))
	}
}

// TestNoInit: what a package needs is built by whoever uses it, not by importing it.
func TestNoInit(t *testing.T) {
	for _, r := range rooms(t) {
		for _, s := range r.sources {
			for _, decl := range s.syntax.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s has an init function", s.path)
				}
			}
		}
	}
}

// TestTestsRun: a test that skips itself proves nothing, and one that sleeps is slow and flaky. Sleeping is
// right where time is fake, in packages whose tests run under testing/synctest.
func TestTestsRun(t *testing.T) {
	for _, r := range rooms(t) {
		fakeTime := slices.ContainsFunc(r.sources, func(s *source) bool {
			return slices.ContainsFunc(s.imports, func(spec *ast.ImportSpec) bool { return importPath(spec) == "testing/synctest" })
		})
		for _, s := range r.sources {
			if !s.test {
				continue
			}
			ast.Inspect(s.syntax, func(node ast.Node) bool {
				call, ok := node.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				receiver, _ := call.X.(*ast.Ident)
				switch name := call.Sel.Name; {
				case receiver == nil:
				case name == "Skip" || name == "Skipf" || name == "SkipNow":
					t.Errorf("%s calls %s.%s: a test must run", s.path, receiver.Name, name)
				case receiver.Name == "time" && name == "Sleep" && !fakeTime:
					t.Errorf("%s calls time.Sleep: wait for the event, or run under testing/synctest", s.path)
				}
				return true
			})
		}
	}
}
