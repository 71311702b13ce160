package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"testing"
)

func TestExitCode(t *testing.T) {
	refused := &exitError{exitRefused, errors.New("NetStream.Publish.BadName")}
	tests := []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("disk full"), 1},
		{refused, 4},
		{fmt.Errorf("publish: %w", refused), 4},
	}
	for _, test := range tests {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("exitCode(%v) = %d, want %d", test.err, got, test.want)
		}
	}
}

func TestRevision(t *testing.T) {
	if got := revision(nil); got != nil {
		t.Errorf("no settings give %q", got)
	}
	settings := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}
	if got := revision(settings); len(got) != 1 || got[0] != "0123456789ab with changes" {
		t.Errorf("the revision is %q", got)
	}
}
