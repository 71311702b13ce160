package rtmp

import (
	"strings"
	"testing"
)

func TestRedactURL(t *testing.T) {
	for url, want := range map[string]string{
		"":                               "",
		"rtmp://host/live":               "rtmp://host/live",
		"rtmp://host:1935/live?token=x":  "rtmp://host:1935/live?…",
		"rtmp://user:pw@host/live?t=a@b": "rtmp://…@host/live?…",
		"rtmp://user@host":               "rtmp://…@host",
		"rtmp://host/a@b":                "rtmp://host/a@b",
		"no\nurl?x":                      `no\nurl?…`,
	} {
		if got := RedactURL(url); got != want {
			t.Errorf("RedactURL(%q) = %q, want %q", url, got, want)
		}
	}
	if got := RedactURL("rtmp://host/" + strings.Repeat("x", 5000)); len(got) > 2*maxPrinted {
		t.Errorf("a long URL gives %d bytes", len(got))
	}
}
