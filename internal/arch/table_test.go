package arch

import (
	"slices"
	"strings"
	"testing"
)

// A rule says what the packages that fit a pattern may import from this module.
type rule struct {
	packages []string
	imports  []string
}

// importTable is the import table of ARCHITECTURE.md. The first rule that fits a package counts. Imports follow
// the road from bytes to outputs; live and fanout never meet rtmp, internal/node joins them. Tests are free.
var importTable = []rule{
	{packages: []string{"amf", "media"}},
	{packages: []string{"internal/wire/chunk", "internal/wire/handshake"}},
	{packages: []string{"internal/tunnel", "internal/sockets", "internal/acme", "internal/auth", "internal/hooks", "internal/metrics", "internal/config"}},
	{packages: []string{"internal/store", "internal/transcode"}},
	{packages: []string{"internal/object/..."}, imports: []string{"internal/object/..."}},
	{packages: []string{"media/mediatest"}, imports: []string{"media"}},
	{packages: []string{"live", "internal/fanout", "internal/sendqueue"}, imports: []string{"media"}},
	{packages: []string{"flv"}, imports: []string{"amf", "media"}},
	{packages: []string{"internal/wire/message"}, imports: []string{"amf", "internal/wire/chunk"}},
	{packages: []string{"internal/format/..."}, imports: []string{"amf", "flv", "media", "internal/format/..."}},
	{packages: []string{"rtmp"}, imports: []string{"amf", "media", "flv", "internal/wire/...", "internal/tunnel", "internal/sockets"}},
	{packages: []string{"rtmp/rtmptest"}, imports: []string{"amf", "media", "flv", "rtmp"}},
	{packages: []string{"internal/vod"}, imports: []string{"amf", "media", "flv", "rtmp", "internal/format/..."}},
	{packages: []string{"internal/record"}, imports: []string{"media", "flv", "internal/format/...", "live", "internal/store", "internal/object"}},
	{packages: []string{"internal/dvr"}, imports: []string{"media", "internal/format", "live"}},
	{packages: []string{"internal/relay"}, imports: []string{"amf", "rtmp", "media", "live"}},
	{packages: []string{"internal/sharedobject"}, imports: []string{"amf", "rtmp", "internal/store"}},
	{packages: []string{"internal/diagnose"}, imports: []string{"amf", "media", "flv", "rtmp", "internal/wire/...", "internal/format/codec"}},
	{
		packages: []string{"internal/web/..."},
		imports: []string{
			"internal/web/...", "media", "flv", "internal/format/...", "internal/auth", "internal/metrics", "live",
			"internal/fanout",
		},
	},
	{
		packages: []string{"internal/node"},
		imports: []string{
			"amf", "media", "flv", "live", "rtmp", "internal/wire/...", "internal/tunnel", "internal/format/...",
			"internal/fanout", "internal/vod", "internal/dvr", "internal/record", "internal/relay", "internal/transcode",
			"internal/sharedobject", "internal/store", "internal/object", "internal/diagnose", "internal/web/...", "internal/auth",
			"internal/hooks", "internal/metrics", "internal/config", "internal/acme",
		},
	},
	{packages: []string{"internal/bench"}, imports: []string{"amf", "media", "rtmp", "internal/wire/..."}},
	{
		packages: []string{"cmd/leat"},
		imports: []string{
			"amf", "rtmp", "media", "flv", "internal/config", "internal/diagnose", "internal/pcap", "internal/node", "internal/format/...",
			"internal/sendqueue", "internal/bench",
		},
	},
	{packages: []string{"examples/..."}, imports: []string{"amf", "media", "flv", "live", "rtmp", "rtmp/rtmptest"}},
	{packages: []string{"interop/..."}, imports: []string{"..."}},
	{packages: []string{"internal/pcap"}, imports: []string{"internal/diagnose"}},
	{packages: []string{"internal/hostile"}, imports: []string{"amf", "media", "media/mediatest", "internal/wire/..."}},
	{packages: []string{"internal/conversation"}, imports: []string{"amf", "media", "media/mediatest", "rtmp", "internal/wire/..."}},
	{packages: []string{"internal/arch", "internal/abuse"}},
}

func TestImportTable(t *testing.T) {
	for _, r := range rooms(t) {
		i := slices.IndexFunc(importTable, func(rule rule) bool { return fitsAny(rule.packages, r.path) })
		if i < 0 {
			t.Errorf("%s is not in the import table: add it there and to ARCHITECTURE.md, in a commit that says why", r.path)
			continue
		}
		for _, name := range r.imports() {
			inner, ours := strings.CutPrefix(name, module+"/")
			if ours && !fitsAny(importTable[i].imports, inner) {
				t.Errorf("%s imports %s, which the import table does not allow", r.path, inner)
			}
		}
	}
}

func fitsAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, name) })
}

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"amf", "amf", true},
		{"amf", "amf/x", false},
		{"internal/wire/...", "internal/wire", true},
		{"internal/wire/...", "internal/wire/chunk", true},
		{"internal/wire/...", "internal/wired", false},
		{"...", "anything/at/all", true},
	}
	for _, test := range tests {
		if got := matches(test.pattern, test.name); got != test.want {
			t.Errorf("matches(%q, %q) = %v, want %v", test.pattern, test.name, got, test.want)
		}
	}
}
