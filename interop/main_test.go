//go:build interop

package interop

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// leat is the program under test, built by TestMain.
var leat string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run builds the program, runs the tests and compares what they proved with the page.
func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "leat-interop-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	leat = filepath.Join(dir, "leat")
	if out, err := exec.Command("go", "build", "-o", leat, "leat/cmd/leat").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("leat does not build: %w\n%s", err, out)
	}
	if code = m.Run(); code != 0 && !*update {
		return code, nil
	}
	return code, settle()
}
