package rtmp

import (
	"errors"
	"testing"
)

func TestParseURLLibrtmp(t *testing.T) {
	tests := []struct {
		in   string
		want URL
	}{
		{"rtmp://h/live/key", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "key", TCURL: "rtmp://h/live"}},
		{"rtmp://h/app/inst/a/b/c", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "app/inst/a", Name: "b/c", TCURL: "rtmp://h/app/inst/a"}},
		{"rtmp://h/a/b/c/d", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "a/b/c", Name: "d", TCURL: "rtmp://h/a/b/c"}},
		{"rtmp://h/a/b/c", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "a/b", Name: "c", TCURL: "rtmp://h/a/b"}},
		{"rtmp://h/live", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", TCURL: "rtmp://h/live"}},
		{"rtmp://h/live/", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", TCURL: "rtmp://h/live"}},
		{"rtmp://h", URL{Scheme: "rtmp", Host: "h", Port: 1935, TCURL: "rtmp://h"}},
		{"rtmp://h/", URL{Scheme: "rtmp", Host: "h", Port: 1935, TCURL: "rtmp://h/"}},
		{"rtmp://h//key", URL{Scheme: "rtmp", Host: "h", Port: 1935, Name: "key", TCURL: "rtmp://h//key"}},

		{"rtmp://h/live/key?t=a/b", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live/key?t=a", Name: "b", TCURL: "rtmp://h/live/key?t=a"}},
		{"rtmp://h/ondemand/dir/clip.mp4", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "ondemand", Name: "mp4:dir/clip", TCURL: "rtmp://h/ondemand"}},
		{"rtmp://h/a/b?x=1&slist=dir/clip.flv&y=2", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "a/b?x=1&slist=dir/clip.flv&y=2", Name: "dir/clip.flv", TCURL: "rtmp://h/a/b?x=1&slist=dir/clip.flv&y=2"}},

		{"RTMPTE://h/a/k", URL{Scheme: "rtmpte", Host: "h", Port: 80, App: "a", Name: "k", TCURL: "RTMPTE://h/a"}},
		{"rtmpts://h/a/k", URL{Scheme: "rtmpts", Host: "h", Port: 443, App: "a", Name: "k", TCURL: "rtmpts://h/a"}},
		{"gopher://h/a/k", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "a", Name: "k", TCURL: "gopher://h/a"}},
		{"rtmp://h:1936/a/k", URL{Scheme: "rtmp", Host: "h", Port: 1936, App: "a", Name: "k", TCURL: "rtmp://h:1936/a"}},
		{"rtmp://h:1936x/a/k", URL{Scheme: "rtmp", Host: "h", Port: 1936, App: "a", Name: "k", TCURL: "rtmp://h:1936x/a"}},
		{"rtmp://h:65536/a/k", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "a", Name: "k", TCURL: "rtmp://h:65536/a"}},
		{"rtmp://[::1]:1936/a/k", URL{Scheme: "rtmp", Host: "::1", Port: 1936, App: "a", Name: "k", TCURL: "rtmp://[::1]:1936/a"}},
		{"rtmp://u:p@h/a/k", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "a", Name: "k", User: "u", Password: "p", TCURL: "rtmp://h/a"}},
	}
	for _, tt := range tests {
		got, err := ParseURLLibrtmp(tt.in)
		if err != nil {
			t.Errorf("ParseURLLibrtmp(%q): %v", tt.in, err)
			continue
		}
		if *got != tt.want {
			t.Errorf("ParseURLLibrtmp(%q)\n got %+v\nwant %+v", tt.in, *got, tt.want)
		}
	}
	for _, in := range badURLs {
		u, err := ParseURLLibrtmp(in)
		var urlErr *URLError
		if !errors.As(err, &urlErr) || u != nil {
			t.Errorf("ParseURLLibrtmp(%.60q) = %v, %v; want a *URLError", in, u, err)
		}
	}
}

func TestLibrtmpPlayPath(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"key", "key"},
		{"dir/clip.mp4", "mp4:dir/clip"},
		{"dir/clip.f4v", "mp4:dir/clip"},
		{"mp4:clip.mp4", "mp4:clip.mp4"},
		{"song.mp3?x=1", "mp3:song?x=1"},
		{"mp3:song.mp3", "mp3:song.mp3"},
		{"clip.flv", "clip"},
		{"clip.flv?x=1", "clip?x=1"},
		{"clip.FLV", "clip.FLV"},
		{".mp4", "mp4:"},
		{"mp4", "mp4"},
		{"?slist=a.flv&b", "a.flv"},
		{"?x=1&slist=a.mp4", "mp4:a"},
		{"?x=1", "?x=1"},
		{"a%20b%2Fc.mp4", "mp4:a b/c"},
		{"100%", "100%"},
		{"%zz%4", "%zz%4"},
	}
	for _, tt := range tests {
		if got := librtmpPlayPath(tt.in); got != tt.want {
			t.Errorf("librtmpPlayPath(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
