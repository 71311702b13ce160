package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

type versionCommand struct{}

// Run prints one line.
func (versionCommand) Run(std streams) error {
	if _, err := fmt.Fprintln(std.out, versionLine()); err != nil {
		return fmt.Errorf("print the version: %w", err)
	}
	return nil
}

// versionLine says what was built: "leat v1.2.3 (0123456789ab, go1.26.0, linux/amd64)". The version is that of the
// module, or "(devel)" when it was built from a folder; the revision is left out when the build did not record it.
func versionLine() string {
	version := "(devel)"
	var facts []string
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		facts = revision(info.Settings)
	}
	facts = append(facts, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	return fmt.Sprintf("leat %s (%s)", version, strings.Join(facts, ", "))
}

// revision returns the first twelve digits of the commit, marked when files differed from it, or nothing.
func revision(settings []debug.BuildSetting) []string {
	var commit, changed string
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	if commit == "" {
		return nil
	}
	return []string{commit + changed}
}
