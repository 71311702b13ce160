package arch

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestLibraryInOnePackage checks that each module of go.mod is imported by one package only, so that it can be
// replaced in one place. Tests, and the interop tests as a whole, may use what they like.
func TestLibraryInOnePackage(t *testing.T) {
	for library, packages := range libraryUsers(t) {
		if len(packages) > 1 {
			t.Errorf("%s is imported by %s: one package should hold it, the others use that package",
				library, strings.Join(packages, ", "))
		}
	}
}

// libraryUsers returns the packages that import each module of go.mod.
func libraryUsers(t *testing.T) map[string][]string {
	t.Helper()
	libraries := requirements(t)
	users := make(map[string][]string)
	for _, r := range rooms(t) {
		if matches("interop/...", r.path) {
			continue
		}
		for _, name := range r.imports() {
			first, _, _ := strings.Cut(name, "/")
			if !strings.Contains(first, ".") {
				continue // the standard library, or this module
			}
			library := libraryOf(libraries, name)
			if library == "" {
				t.Errorf("%s imports %s, which go.mod does not require", r.path, name)
				continue
			}
			if !slices.Contains(users[library], r.path) {
				users[library] = append(users[library], r.path)
			}
		}
	}
	return users
}

// requirements returns the module paths that go.mod requires.
func requirements(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") {
			paths = append(paths, fields[0])
		}
	}
	return paths
}

// libraryOf returns the module that holds a package: the longest of libraries that it begins with, or "".
func libraryOf(libraries []string, name string) string {
	longest := ""
	for _, library := range libraries {
		if len(library) > len(longest) && matches(library+"/...", name) {
			longest = library
		}
	}
	return longest
}
