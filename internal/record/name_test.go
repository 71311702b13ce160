package record

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"leat/media"
)

var born = time.Date(2026, 5, 1, 12, 30, 15, 250e6, time.UTC)

func template(t testing.TB, text string) *Template {
	t.Helper()
	tpl, err := ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestPaths(t *testing.T) {
	long := strings.Repeat("x", 400)
	tests := []struct {
		template string
		key      media.Key
		segment  int
		want     string
	}{
		{DefaultTemplate, cam, 1, "live/cam/20260501T123015.250Z.flv"},
		{DefaultTemplate, cam, 12, "live/cam/20260501T123015.250Z+12.flv"},
		{DefaultTemplate, media.Key{App: "live", Instance: "eu", Name: "cam"}, 1, "live@eu/cam/20260501T123015.250Z.flv"},
		{"{date}/{app}/rec_{name}-{time}", cam, 1, "2026-05-01/live/rec_cam-20260501T123015.250Z.flv"},
		{DefaultTemplate, media.Key{App: "..", Name: "../../etc/passwd"}, 1, "%2E%2E/%2E.%2F..%2Fetc%2Fpasswd/20260501T123015.250Z.flv"},
		{DefaultTemplate, media.Key{App: "a", Name: "x\x00y"}, 1, "a/x%00y/20260501T123015.250Z.flv"},
		{DefaultTemplate, media.Key{App: "a", Name: "x%2e"}, 1, "a/x%252e/20260501T123015.250Z.flv"},
		{DefaultTemplate, media.Key{App: "a", Name: `c:\x`}, 1, "a/c%3A%5Cx/20260501T123015.250Z.flv"},
		{DefaultTemplate, media.Key{App: "CON", Name: "nul.txt"}, 1, "%43ON/%6Eul.txt/20260501T123015.250Z.flv"},
		{DefaultTemplate, media.Key{App: "a", Name: ".hidden."}, 1, "a/%2Ehidden%2E/20260501T123015.250Z.flv"},
		{DefaultTemplate, media.Key{App: "a", Name: "+x@y~"}, 1, "a/%2Bx%40y%7E/20260501T123015.250Z.flv"},
		{DefaultTemplate, media.Key{App: "a", Name: "mühle"}, 1, "a/m%C3%BChle/20260501T123015.250Z.flv"},
		{
			DefaultTemplate,
			media.Key{App: "a", Name: long},
			1,
			"a/" + long[:180] + "/+" + long[:180] + "/+" + long[:40] + "/20260501T123015.250Z.flv",
		},
		{DefaultTemplate, media.Key{App: "", Name: ""}, 1, "%/%/20260501T123015.250Z.flv"},
	}
	for _, test := range tests {
		tpl := template(t, test.template)
		got, err := tpl.path(test.key, born, test.segment, ".flv")
		if err != nil || got != test.want {
			t.Errorf("%v: %s (%v), want %s", test.key, got, err, test.want)
		}
		key, take, segment, ok := tpl.parse(strings.TrimSuffix(got, ".flv"))
		if !ok || key != test.key || !take.Equal(born) || segment != test.segment {
			t.Errorf("%s is read as %v, %v, %d, %v", got, key, take, segment, ok)
		}
	}
	if p, err := template(t, DefaultTemplate).path(media.Key{App: "a", Name: strings.Repeat("%", 2000)}, born, 1, ".flv"); err == nil {
		t.Errorf("a path of %d bytes was made", len(p))
	}
}

func TestTemplates(t *testing.T) {
	for _, text := range []string{
		"", "{app}/{name}", "{app}/{time}", "{name}/{time}", "../{app}/{name}/{time}", "/{app}/{name}/{time}", "{app}/{name}/{time}/",
		"{app}//{name}/{time}", "{app}/.{name}/{time}", "{app}/{name}/{time}/{host}", "{app}/{name}/{name}/{time}",
		"{app}/{name}+{time}", "{app}/{name}/{time}\x00", "{app}/{name}/{time}%2e", "{app}-{name}/{time}", "{app}/{name}/{time", "{app}/{name}/./{time}",
	} {
		if tpl, err := ParseTemplate(text); err == nil {
			t.Errorf("%q was taken: %v", text, tpl)
		}
	}
	tpl := template(t, DefaultTemplate)
	if tpl.String() != DefaultTemplate {
		t.Errorf("the default is %s", tpl)
	}
	for _, path := range []string{
		"", "live/cam", "live/cam/yesterday", "live/cam/20260501T123015.250Z+1", "live/cam/20260501T123015.250Z+x", "live/c%zz/20260501T123015.250Z",
		"live/c%2/20260501T123015.250Z", "live/cam/20261301T123015.250Z", "live/cam/20260501T123015.250Z+99999999999999999999",
	} {
		if key, _, _, ok := tpl.parse(path); ok {
			t.Errorf("%q is read as %v", path, key)
		}
	}
}

var harmless = regexp.MustCompile(`^[A-Za-z0-9_%+@-][A-Za-z0-9_.%+@-]*$`)

// FuzzPath: whatever a stream is called, its path stays inside, has no part that a file system minds, and belongs to that
// stream only.
func FuzzPath(f *testing.F) {
	f.Add("live", "", "cam")
	f.Add("..", "/", "../x\x00%2e")
	f.Add("con", "a@b", strings.Repeat(".", 300))
	f.Fuzz(func(t *testing.T, app, instance, name string) {
		key := media.Key{App: app, Instance: instance, Name: name}
		tpl := template(t, DefaultTemplate)
		p, err := tpl.path(key, born, 3, ".flv")
		if err != nil {
			return
		}
		if !fs.ValidPath(p) {
			t.Fatalf("%q is no valid path", p)
		}
		for part := range strings.SplitSeq(p, "/") {
			if !harmless.MatchString(part) || len(part) > maxComponent || isDevice(part) {
				t.Fatalf("%q has the part %q", p, part)
			}
		}
		got, take, segment, ok := tpl.parse(strings.TrimSuffix(p, ".flv"))
		if !ok || got != key || !take.Equal(born) || segment != 3 {
			t.Fatalf("%q is read as %q, not %q", p, got, key)
		}
	})
}
