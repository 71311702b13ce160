package config

import "testing"

func TestNamePatterns(t *testing.T) {
	for _, test := range []struct {
		pattern NamePattern
		name    string
		want    bool
	}{
		{"*", "cam", true},
		{"*", "a/b", true},
		{"cam-*", "cam-1", true},
		{"cam-*", "cam-1/x", false},
		{"a/*", "a/b", true},
		{"cam", "camera", false},
	} {
		if got := (NamePatterns{"other", test.pattern}).Match(test.name); got != test.want {
			t.Errorf("%s fits %s: %v", test.pattern, test.name, got)
		}
	}
	if (NamePatterns{}).Match("cam") {
		t.Error("no pattern fits")
	}
}
