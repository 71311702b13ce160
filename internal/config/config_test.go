package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the .txt files beside the fixtures")

func TestDefaultIsDefaultYAML(t *testing.T) {
	c, err := Parse("default.yaml", DefaultYAML)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("default.yaml over the defaults changes something:\n%s", describe(c))
	}
	// A few numbers that other documents promise.
	for _, check := range []struct{ field, got, want string }{
		{"rtmp", c.RTMP, ":1935"},
		{"merge", c.Merge.String(), "frame"},
		{"limits.handshake_timeout", c.Limits.HandshakeTimeout.String(), "10s"},
		{"limits.max_lag", c.Limits.MaxLag.String(), "30s"},
		{"limits.media_message", c.Limits.MediaMessage.String(), "16 MiB"},
		{"defaults.policy", string(c.Defaults.Policy), "takeover_if_dead"},
		{"defaults.publish_from", fmt.Sprint(c.Defaults.PublishFrom), "[loopback private]"},
	} {
		if check.got != check.want {
			t.Errorf("%s is %s, want %s", check.field, check.got, check.want)
		}
	}
}

// TestDefaultYAMLIsComplete: each field stands in default.yaml, right below a comment that explains it.
func TestDefaultYAMLIsComplete(t *testing.T) {
	lines := strings.Split(string(DefaultYAML), "\n")
	for _, f := range leavesOf(reflect.ValueOf(Default()).Elem(), "") {
		parts := strings.Split(f.path, ".")
		key := regexp.MustCompile(`^` + strings.Repeat("  ", len(parts)-1) + f.name() + `:`)
		section, found := len(parts) == 1, false
		for i, line := range lines {
			section = section || line == parts[0]+":"
			if !section || !key.MatchString(line) {
				continue
			}
			found = true
			if !strings.HasPrefix(strings.TrimSpace(lines[i-1]), "# ") {
				t.Errorf("default.yaml:%d: %s has no comment above it", i+1, f.path)
			}
			break
		}
		if !found {
			t.Errorf("%s is not in default.yaml", f.path)
		}
	}
}

// TestDefaultYAMLCommentsAreAlive: a `field` in a comment exists, and the examples in comments can be used.
func TestDefaultYAMLCommentsAreAlive(t *testing.T) {
	var known []string
	for _, f := range leavesOf(reflect.ValueOf(Default()).Elem(), "") {
		known = append(known, f.path)
	}
	known = append(known, "defaults", "leat config check FILE", "leat recordings ls")
	for _, name := range regexp.MustCompile("`[^`]+`").FindAllString(string(DefaultYAML), -1) {
		if !slices.Contains(known, strings.Trim(name, "`")) {
			t.Errorf("a comment of default.yaml names %s, which is no field", name)
		}
	}
	var example strings.Builder
	for line := range strings.Lines(string(DefaultYAML)) {
		if text, ok := strings.CutPrefix(line, "#   "); ok {
			example.WriteString(text)
		}
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "live.token"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "live.key"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Parse(filepath.Join(folder, "leat.yaml"), []byte(example.String()))
	if err != nil {
		t.Fatalf("the examples of default.yaml:\n%s\n%v", example.String(), err)
	}
	if len(c.Apps) != 2 || len(c.VHosts) != 1 {
		t.Errorf("the examples give %d applications and %d virtual hosts, want 2 and 1", len(c.Apps), len(c.VHosts))
	}
}

// TestFixtures reads testdata/*.good.yaml, whose differences from the default stand beside it in a .txt file, and
// testdata/*.bad.yaml, whose mistakes do.
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c, err := Load(file, nil)
			if good := strings.HasSuffix(file, ".good.yaml"); good != (err == nil) {
				t.Fatalf("good is %v, but the error is %v", good, err)
			}
			var got string
			if err != nil {
				got = filepath.ToSlash(err.Error()) + "\n"
			} else {
				got = describe(c)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// describe lists what differs from the default, a line each.
func describe(c *Config) string {
	var b strings.Builder
	hot, restart := Diff(Default(), c)
	for _, f := range leavesOf(reflect.ValueOf(c).Elem(), "") {
		if !f.isNamed() && (slices.Contains(hot, f.path) || slices.Contains(restart, f.path)) {
			fmt.Fprintf(&b, "%s: %v\n", f.path, f.value.Interface())
		}
	}
	apps := func(name string, apps Apps) {
		for _, app := range apps {
			fmt.Fprintf(&b, "%s.%s:", name, app.Pattern)
			for _, f := range leavesOf(reflect.ValueOf(&app.App).Elem(), "") {
				fmt.Fprintf(&b, " %s=%v", f.path, f.value.Interface())
			}
			b.WriteString("\n")
		}
	}
	if slices.Contains(hot, "apps") {
		apps("apps", c.Apps)
	}
	for _, v := range c.VHosts {
		apps("vhosts."+v.Host, v.Apps)
	}
	return b.String()
}

func TestLayers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "leat.yaml")
	text := "rtmp: :1\nhttp: :2\nadmin: :3\nlimits:\n  max_lag: 5s\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"LEAT_HTTP=:20", "LEAT_ADMIN=:30", "LEAT_DEFAULTS_PUBLISH_FROM=any, 10.1.2.3", "LEAT_MERGE=50ms",
		"LEAT_LOG_LEVEL=warn", "LEAT_TCP_NODELAY=false", "LEAT_SERVICE_HOST=10.0.0.1", "PATH=/bin",
	}
	c, err := Load(file, env, Override{Field: "admin", Value: ":300", Flag: "--admin"})
	if err != nil {
		t.Fatal(err)
	}
	if c.RTMP != ":1" || c.HTTP != ":20" || c.Admin != ":300" {
		t.Errorf("rtmp %s, http %s, admin %s; want :1 of the file, :20 of the environment, :300 of the flag", c.RTMP, c.HTTP, c.Admin)
	}
	if c.Limits.MaxLag != 5*time.Second || c.Merge != Merge(50*time.Millisecond) || c.TCPNoDelay {
		t.Errorf("max_lag %v, merge %v, tcp_nodelay %v", c.Limits.MaxLag, c.Merge, c.TCPNoDelay)
	}
	app, ok := c.Apps.Lookup("live")
	if !ok || fmt.Sprint(app.PublishFrom) != "[any 10.1.2.3/32]" {
		t.Errorf("applications do not take over the defaults that the environment set: %v", app.PublishFrom)
	}
}

func TestLayerErrors(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		flag []Override
		want string
	}{
		{
			name: "variable", env: []string{"LEAT_LIMITS_MAX_LAG=soon"},
			want: `LEAT_LIMITS_MAX_LAG: must be a time such as 500ms, 10s or 5m, not "soon"`,
		},
		{
			name: "slip", env: []string{"LEAT_LIMIT_MAX_LAG=5s"},
			want: `LEAT_LIMIT_MAX_LAG: sets no field; did you mean LEAT_LIMITS_MAX_LAG?`,
		},
		{
			name: "flag", flag: []Override{{Field: "rtmp", Value: "nonsense", Flag: "--rtmp"}},
			want: `--rtmp: must be an address such as ":1935" or "127.0.0.1:8081", or "", not "nonsense"`,
		},
		{
			name: "two", env: []string{"LEAT_LIMITS_STREAMS=0", "LEAT_MERGE=1h"},
			want: "LEAT_MERGE: must be none, frame, or a duration from 1ms to 1s such as 50ms, not \"1h\"\n" +
				"LEAT_LIMITS_STREAMS: must be at least 1, not 0",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load("", test.env, test.flag...)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestFieldTags(t *testing.T) {
	c := Default()
	variables := make(map[string]bool)
	for _, f := range leavesOf(reflect.ValueOf(c).Elem(), "") {
		if reload := f.info.Tag.Get("reload"); reload != "hot" && reload != "restart" {
			t.Errorf("%s is tagged reload:%q, want hot or restart", f.path, reload)
		}
		if variables[f.variable()] {
			t.Errorf("two fields are set by %s", f.variable())
		}
		variables[f.variable()] = true
	}
}

func TestDiff(t *testing.T) {
	a, b := Default(), Default()
	if hot, restart := Diff(a, b); hot != nil || restart != nil {
		t.Errorf("equal configurations differ in %v, %v", hot, restart)
	}
	b.RTMP, b.Limits.MaxLag, b.Apps, b.Defaults.PlayToken = ":1", time.Second, nil, NewSecret("x")
	hot, restart := Diff(a, b)
	if got := fmt.Sprint(hot, restart); got != "[limits.max_lag defaults.play_token apps] [rtmp]" {
		t.Errorf("Diff gives %s", got)
	}
	now := InForce(a, b)
	if now.RTMP != a.RTMP || now.Limits.MaxLag != time.Second || now.Apps != nil {
		t.Errorf("in force are %q, %v, %v", now.RTMP, now.Limits.MaxLag, now.Apps)
	}
	if hot, restart := Diff(now, b); hot != nil || fmt.Sprint(restart) != "[rtmp]" {
		t.Errorf("what waits for a restart is %v, %v", hot, restart)
	}
}

func TestLookup(t *testing.T) {
	c, err := Parse("", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Apps = Apps{{Pattern: "live", App: App{Policy: "a"}}, {Pattern: "cam-*", App: App{Policy: "b"}}}
	c.VHosts = VHosts{{Host: "*.example.org", Apps: Apps{{Pattern: "*", App: App{Policy: "c"}}}}, {Host: "empty.test"}}
	tests := []struct{ host, app, want string }{
		{"other.test", "live", "/a/true"},
		{"other.test:1935", "cam-7", "/b/true"},
		{"", "vod", "//false"},
		{"Tv.Example.org:443", "anything", "*.example.org/c/true"},
		{"example.org", "live", "/a/true"},
		{"empty.test", "live", "empty.test//false"},
		{"[::1]:1935", "live", "/a/true"},
	}
	for _, test := range tests {
		vhost, app, ok := c.Lookup(test.host, test.app)
		if got := fmt.Sprintf("%s/%s/%v", vhost, app.Policy, ok); got != test.want {
			t.Errorf("Lookup(%q, %q) gives %s, want %s", test.host, test.app, got, test.want)
		}
	}
}
