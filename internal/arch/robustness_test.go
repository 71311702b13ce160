package arch

import (
	"slices"
	"strings"
	"testing"
)

const robustness = root + "/docs/robustness.md"

// abuses are the cases that docs/robustness.md must have.
var abuses = strings.Fields(`
	half-open slow-handshake not-rtmp cut-handshake chunk-bomb length-bomb chunk-size fmt-fresh abort amf0-bombs amf3-bombs
	command-order same-key slow-consumer churn kill-publisher timestamps media-edge aggregate enhanced-video shared-object
	mutate names fd-pressure no-ack no-pong one-byte-reader pipelining many-streams toggle-flood overload memory webrtc-offers webrtc-packets handler-panic
	tls-answers long-headers small-parts frozen-time object-flood crafted-files`)

// TestRobustnessIsComplete: each case has one row.
func TestRobustnessIsComplete(t *testing.T) {
	rows := firstCells(readPage(t, robustness).section(t, "Cases"))
	slices.Sort(rows)
	want := slices.Sorted(slices.Values(abuses))
	if !slices.Equal(rows, want) {
		t.Errorf("docs/robustness.md has the cases %q, want %q", rows, want)
	}
}

// TestRobustnessNamesTests: each row names tests, which exist, and every test of internal/abuse has a row.
func TestRobustnessNamesTests(t *testing.T) {
	page := readPage(t, robustness)
	namesTests(t, page, "Cases", "Hostile servers", "The HTTP doors", "Known failures")
	for _, name := range testFunctions(t)["internal/abuse"] {
		if name != "TestMain" && !strings.Contains(page.text, "`"+module+"/internal/abuse."+name+"`") {
			t.Errorf("docs/robustness.md does not name internal/abuse.%s", name)
		}
	}
}
