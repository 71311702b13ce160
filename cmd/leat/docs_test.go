package main

import (
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"leat/internal/config"
)

const root = "../.."

// documents returns README.md and what is under docs, by name.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	read := func(name string) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	read("README.md")
	err := fs.WalkDir(os.DirFS(root), "docs", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(name) == ".md" {
			read(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDocumentsUseTheCommandLine: each use of this command in the documents is one that it understands.
func TestDocumentsUseTheCommandLine(t *testing.T) {
	parser, err := kong.New(new(cli), kong.Name("leat"), kong.Vars{"version": ""}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for name, text := range documents(t) {
		for _, line := range commandLines(text) {
			total++
			if err := understood(parser, line); err != nil {
				t.Errorf("%s says %q: %v", name, line, err)
			}
		}
	}
	if total < 10 {
		t.Errorf("only %d uses of the command were found", total)
	}
}

var (
	inlineCode = regexp.MustCompile("`([^`]+)`")
	leatLine   = regexp.MustCompile(`^(?:build/)?leat (\S+(?: \S.*)?)$`) // no row of a table: two spaces stand there
)

// commandLines finds what stands behind "leat" in inline code, and in code blocks, pipes taken apart.
func commandLines(text string) []string {
	var lines []string
	take := func(s string) {
		for part := range strings.SplitSeq(s, " | ") {
			part, _, _ = strings.Cut(part, " > ")
			if m := leatLine.FindStringSubmatch(strings.TrimSpace(part)); m != nil {
				lines = append(lines, m[1])
			}
		}
	}
	fenced := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced || strings.HasPrefix(line, "    "):
			take(line)
		default:
			for _, m := range inlineCode.FindAllStringSubmatch(line, -1) {
				take(m[1])
			}
		}
	}
	return lines
}

// understood parses a command line and does nothing. A verb alone, as in "see leat probe", will do.
func understood(parser *kong.Kong, line string) error {
	args := fields(line)
	if args[0] == "dump" {
		_, err := parseDump(args[1:])
		return err
	}
	if isVerb(parser.Model.Node, args) {
		return nil
	}
	_, err := parser.Parse(args)
	return err
}

// isVerb reports whether args name a command, and nothing but that.
func isVerb(n *kong.Node, args []string) bool {
	if len(args) == 0 {
		return n.Type == kong.CommandNode
	}
	return slices.ContainsFunc(n.Children, func(c *kong.Node) bool { return c.Name == args[0] && isVerb(c, args[1:]) })
}

// fields splits a line as a shell does, as far as the documents need it.
func fields(line string) []string {
	args := strings.Fields(line)
	for i, arg := range args {
		args[i] = strings.Trim(arg, `"'`)
	}
	return args
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestDocumentsConfigure: each configuration in the documents is without mistakes.
func TestDocumentsConfigure(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t)
	for name, text := range map[string][]byte{
		"live.token": []byte("0123456789abcdef\n"), "publish.users": []byte("alice:secret\n"), "fullchain.pem": cert, "privkey.pem": key,
		"s3.key": []byte("k\n"), "youtube.key": []byte("k\n"), "twitch.key": []byte("k\n"), "facebook.key": []byte("k\n"), "backup.password": []byte("p\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for name, text := range documents(t) {
		for _, m := range yamlBlock.FindAllStringSubmatch(text, -1) {
			total++
			if _, err := config.Parse(filepath.Join(dir, "leat.yaml"), []byte(m[1])); err != nil {
				t.Errorf("%s has a configuration with mistakes:\n%v", name, err)
			}
		}
	}
	if total == 0 {
		t.Error("no configuration was found")
	}
}

// certificate returns the one that package httptest has, and its key.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	pair := srv.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}
