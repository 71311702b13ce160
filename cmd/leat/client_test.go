package main

import (
	"strings"
	"testing"
	"time"
)

func TestTarget(t *testing.T) {
	tests := []struct {
		url, app, playpath        string
		text, stream, asked, name string
	}{
		{"rtmp://host/live/cam", "", "", "rtmp://host/live/cam", "live/cam", "live", "cam"},
		{"rtmp://user:secret@host:1936/live/cam?token=sesame", "", "", "rtmp://host:1936/live/cam", "live/cam", "live", "cam?token=sesame"},
		{"rtmps://[::1]/live?key=sesame/cam", "", "", "rtmps://[::1]/live/cam", "live/cam", "live?key=sesame", "cam"},
		{"rtmp://host/a/b/c", "", "", "rtmp://host/a/b/c", "a/b/c", "a/b", "c"},
		{"rtmp://host/a/b/c", "a", "b/c", "rtmp://host:1935/a/b/c", "a/b/c", "a", "b/c"},
		{"rtmp://host/live", "", "cam", "rtmp://host/live/cam", "live/cam", "live", "cam"},
	}
	for _, test := range tests {
		f := connectFlags{App: test.app, Playpath: test.playpath}
		got, err := f.target(test.url, time.Second, nil)
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if got.String() != test.text || got.stream() != test.stream || got.url.App != test.asked || got.url.Name != test.name {
			t.Errorf("%s: %s, %s, app %s, name %s", test.url, got, got.stream(), got.url.App, got.url.Name)
		}
		if !strings.HasSuffix(got.url.TCURL, "/"+test.asked) {
			t.Errorf("%s: tcUrl %s", test.url, got.url.TCURL)
		}
	}
}

func TestSecrets(t *testing.T) {
	target, err := new(connectFlags).target("rtmp://alice:pa55@host/live?a=app1/cam?token=sesame&e=12&sig=abcdef", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for said, want := range map[string]string{
		"cam?token=sesame&e=12&sig=abcdef is refused": "cam?… is refused",
		"the token sesame is wrong":                   "the token … is wrong",
		"alice may not, with pa55":                    "… may not, with …",
		"live?a=app1 is closed since 12":              "live?… is closed since 12",
	} {
		if got := target.secrets.Replace(said); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
}
