package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestSize(t *testing.T) {
	tests := []struct {
		text, again string
		want        Size
	}{
		{"0", "0", 0},
		{"65536", "64 KiB", 65536},
		{"64 KiB", "64 KiB", 65536},
		{"16MiB", "16 MiB", 16 << 20},
		{"1 GB", "1000000000", 1e9},
		{"2kB", "2000", 2000},
		{"7 B", "7", 7},
	}
	for _, test := range tests {
		var got Size
		if err := got.UnmarshalText([]byte(test.text)); err != nil || got != test.want {
			t.Errorf("%q is %d, %v; want %d", test.text, got, err, test.want)
		}
		if got.String() != test.again {
			t.Errorf("%q is printed %q, want %q", test.text, got, test.again)
		}
	}
	for _, text := range []string{"", "KiB", "-1", "1.5 MiB", "9223372036854775807 KiB", "1 KiBiB", "ten"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted as %d", text, s)
		}
	}
}

func TestMerge(t *testing.T) {
	for _, text := range []string{"none", "frame", "50ms", "350ms", "1s"} {
		var m Merge
		if err := m.UnmarshalText([]byte(text)); err != nil || m.String() != text {
			t.Errorf("%q becomes %q, %v", text, m, err)
		}
	}
	for _, text := range []string{"", "frames", "0s", "-5ms", "2s", "50"} {
		var m Merge
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted as %v", text, m)
		}
	}
}

func TestSources(t *testing.T) {
	tests := []struct {
		source, addr string
		want         bool
	}{
		{"any", "203.0.113.9", true},
		{"loopback", "127.0.0.1", true},
		{"loopback", "::ffff:127.8.8.8", true},
		{"loopback", "::1", true},
		{"loopback", "10.0.0.1", false},
		{"private", "192.168.7.1", true},
		{"private", "::ffff:10.0.0.1", true},
		{"private", "fd00::1", true},
		{"private", "fe80::1%eth0", true},
		{"private", "169.254.1.1", true},
		{"private", "203.0.113.9", false},
		{"private", "127.0.0.1", false},
		{"203.0.113.0/24", "203.0.113.9", true},
		{"203.0.113.7/24", "203.0.113.9", true},
		{"203.0.113.0/24", "203.0.114.9", false},
		{"2001:db8::/32", "2001:db8::5", true},
		{"203.0.113.9", "::ffff:203.0.113.9", true},
	}
	for _, test := range tests {
		var s Source
		if err := s.UnmarshalText([]byte(test.source)); err != nil {
			t.Fatal(err)
		}
		if got := (Sources{s}).Contains(netip.MustParseAddr(test.addr)); got != test.want {
			t.Errorf("%s contains %s: %v, want %v", test.source, test.addr, got, test.want)
		}
	}
	if (Sources{}).Contains(netip.MustParseAddr("127.0.0.1")) {
		t.Error("no sources contain an address")
	}
}

func TestSecretIsHidden(t *testing.T) {
	const value = "hunter2"
	s := NewSecret(value)
	app := App{PublishToken: s}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&shown, verb+verb, s, app)
	}
	for _, format := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
		slog.New(format).Info("test", "secret", s, "app", app)
	}
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		for _, v := range []any{s, &s, app, Config{Defaults: app}} {
			text, err := marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(text, []byte(hidden)) {
				t.Errorf("%s does not say that a secret is there", text)
			}
			shown.Write(text)
		}
	}
	for _, leak := range []string{value, fmt.Sprintf("%x", value)} {
		if strings.Contains(shown.String(), leak) {
			t.Errorf("the secret is shown in\n%s", shown.String())
		}
	}
	if s.Reveal() != value || !s.IsSet() || !s.Matches(value) || s.Matches("hunter3") || s.Matches("") {
		t.Error("the secret itself is wrong")
	}
	if none := (Secret{}); none.IsSet() || none.Matches("") || none.String() != "" {
		t.Error("no secret is one")
	}
}

func TestSecretFileAndLayers(t *testing.T) {
	const file = "testdata/token.good.yaml"
	c, err := Load(file, []string{"LEAT_DEFAULTS_PUBLISH_TOKEN=fromenv"})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Defaults.PublishToken.Reveal(); got != "fromenv" {
		t.Errorf("the environment does not win over the file's publish_token_file: %q", got)
	}
	for name, want := range map[string]string{"live": "fromenv", "own": "direct", "open": "", "filed": "from-a-file"} {
		if app, _ := c.Apps.Lookup(name); app.PublishToken.Reveal() != want {
			t.Errorf("application %s has the token %q, want %q", name, app.PublishToken.Reveal(), want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	names := []string{"rtmp", "rtmps", "limits", "publisher_grace"}
	tests := []struct{ word, want string }{
		{"limit", "limits"}, {"publsher_grace", "publisher_grace"}, {"rtmpz", "rtmp"}, {"banana", ""}, {"x", ""},
	}
	for _, test := range tests {
		want := test.want
		if want != "" {
			want = "; did you mean " + want + "?"
		}
		if got := didYouMean(test.word, names); got != want {
			t.Errorf("didYouMean(%q) = %q, want %q", test.word, got, want)
		}
	}
}
