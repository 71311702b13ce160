package rtmp

import (
	"errors"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	tests := []struct {
		in   string
		want URL
	}{
		{"rtmp://h/live/key", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "key", TCURL: "rtmp://h/live"}},
		{"RTMP://h:1936/live/key", URL{Scheme: "rtmp", Host: "h", Port: 1936, App: "live", Name: "key", TCURL: "rtmp://h:1936/live"}},
		{"rtmps://a.example/app/inst/key", URL{Scheme: "rtmps", Host: "a.example", Port: 443, App: "app/inst", Name: "key", TCURL: "rtmps://a.example/app/inst"}},
		{"rtmpe://h/a/b/c/d", URL{Scheme: "rtmpe", Host: "h", Port: 1935, App: "a/b/c", Name: "d", TCURL: "rtmpe://h/a/b/c"}},
		{"rtmpt://h/a/k", URL{Scheme: "rtmpt", Host: "h", Port: 80, App: "a", Name: "k", TCURL: "rtmpt://h/a"}},
		{"rtmpts://h/a/k", URL{Scheme: "rtmpts", Host: "h", Port: 443, App: "a", Name: "k", TCURL: "rtmpts://h/a"}},
		{"rtmpte://h/a/k", URL{Scheme: "rtmpte", Host: "h", Port: 80, App: "a", Name: "k", TCURL: "rtmpte://h/a"}},

		{"rtmp://h", URL{Scheme: "rtmp", Host: "h", Port: 1935, TCURL: "rtmp://h/"}},
		{"rtmp://h/", URL{Scheme: "rtmp", Host: "h", Port: 1935, TCURL: "rtmp://h/"}},
		{"rtmp://h:/live/k", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "k", TCURL: "rtmp://h/live"}},
		{"rtmp://h/live", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", TCURL: "rtmp://h/live"}},
		{"rtmp://h/live2/", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live2", TCURL: "rtmp://h/live2"}},
		{"rtmp://h/live//k", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "k", TCURL: "rtmp://h/live"}},

		{"rtmp://h/vod/mp4:dir/clip.mp4", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "vod", Name: "mp4:dir/clip.mp4", TCURL: "rtmp://h/vod"}},
		{"rtmp://h/vod/inst/flv:a/b", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "vod/inst", Name: "flv:a/b", TCURL: "rtmp://h/vod/inst"}},
		{"rtmp://h/mp3:a/b?q=1", URL{Scheme: "rtmp", Host: "h", Port: 1935, Name: "mp3:a/b?q=1", TCURL: "rtmp://h/"}},

		{"rtmp://h/live/key?a=b/c&d=e?f", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "key?a=b/c&d=e?f", TCURL: "rtmp://h/live"}},
		{"rtmp://h/live?token=x", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live?token=x", TCURL: "rtmp://h/live?token=x"}},
		{"rtmp://h/live?token=x/", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live?token=x/", TCURL: "rtmp://h/live?token=x/"}},
		{"rtmp://h/live/?token=x", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live?token=x", TCURL: "rtmp://h/live?token=x"}},
		{"rtmp://h?token=x", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "?token=x", TCURL: "rtmp://h/?token=x"}},
		{"rtmp://h/live?vhost=a.com/key", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live?vhost=a.com", Name: "key", TCURL: "rtmp://h/live?vhost=a.com"}},
		{"rtmp://h/live?vhost=a.com/key?t=b/c", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live?vhost=a.com", Name: "key?t=b/c", TCURL: "rtmp://h/live?vhost=a.com"}},

		{"rtmp://h/a/b?c=d#my%20stream", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "a/b?c=d", Name: "my stream", TCURL: "rtmp://h/a/b?c=d"}},
		{"rtmp://h/live/key#", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "key", TCURL: "rtmp://h/live"}},
		{"rtmp://h/live/my%20key", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "my%20key", TCURL: "rtmp://h/live"}},

		{"rtmp://ann:p%40ss@h:99/live/k", URL{Scheme: "rtmp", Host: "h", Port: 99, App: "live", Name: "k", User: "ann", Password: "p@ss", TCURL: "rtmp://h:99/live"}},
		{"rtmp://ann@x:b:c@h/live/k", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "k", User: "ann@x", Password: "b:c", TCURL: "rtmp://h/live"}},
		{"rtmp://ann@h/live/k@2", URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "k@2", User: "ann", TCURL: "rtmp://h/live"}},

		{"rtmp://[2001:db8::1]/live/k", URL{Scheme: "rtmp", Host: "2001:db8::1", Port: 1935, App: "live", Name: "k", TCURL: "rtmp://[2001:db8::1]/live"}},
		{"rtmp://[fe80::1%25eth0]:1936/live/k", URL{Scheme: "rtmp", Host: "fe80::1%eth0", Port: 1936, App: "live", Name: "k", TCURL: "rtmp://[fe80::1%25eth0]:1936/live"}},
	}
	for _, tt := range tests {
		got, err := ParseURL(tt.in)
		if err != nil {
			t.Errorf("ParseURL(%q): %v", tt.in, err)
			continue
		}
		if *got != tt.want {
			t.Errorf("ParseURL(%q)\n got %+v\nwant %+v", tt.in, *got, tt.want)
		}
	}
}

// badURLs are refused by both parsers.
var badURLs = []string{
	"",
	"h/live/key",
	"rtmp:/h/live/key",
	"rtmp:///live/key",
	"rtmp://:1935/live/key",
	"rtmp://user@/live/key",
	"rtmp://[::1/live/key",
	"rtmp://[::1]x/live/key",
	"rtmp://a b/live/key",
	"rtmp://%zz@h/live/key",
	"rtmp://a:%00@h/live/key",
	"rtmp://h/live/k\ney",
	"rtmp://h/live/\xff",
	"rtmp://" + strings.Repeat("h", 256) + "/live/key",
	"rtmp://h/live/" + strings.Repeat("k", 8<<10),
	"rtmfp://h/live/key",
}

func TestParseURLErrors(t *testing.T) {
	bad := append([]string{
		"http://h/live/key",
		"rtmp://h:0/live/key",
		"rtmp://h:65536/live/key",
		"rtmp://h:1a/live/key",
		"rtmp://::1/live/key",
		"rtmp://h/live#%0a",
		"rtmp://h/live#%f",
	}, badURLs...)
	for _, in := range bad {
		u, err := ParseURL(in)
		var urlErr *URLError
		if !errors.As(err, &urlErr) || u != nil {
			t.Errorf("ParseURL(%.60q) = %v, %v; want a *URLError", in, u, err)
		}
	}
}

func TestURLErrorHidesSecrets(t *testing.T) {
	_, err := ParseURL("rtmp://ann:secret@h:0/live/key")
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "key") {
		t.Errorf("error = %v; want one without the URL", err)
	}
}

func TestURLMethods(t *testing.T) {
	tests := []struct {
		in, address, full        string
		tls, tunneled, encrypted bool
	}{
		{"rtmp://u:p@h/live/k", "h:1935", "rtmp://h:1935/live", false, false, false},
		{"rtmps://[::1]/live/k", "[::1]:443", "rtmps://[::1]:443/live", true, false, false},
		{"rtmpt://h:81/live/k", "h:81", "rtmpt://h:81/live", false, true, false},
		{"rtmpe://h/live/k", "h:1935", "rtmpe://h:1935/live", false, false, true},
		{"rtmpte://h/live/k", "h:80", "rtmpte://h:80/live", false, true, true},
		{"rtmpts://h/live/k", "h:443", "rtmpts://h:443/live", true, true, false},
	}
	for _, tt := range tests {
		u, err := ParseURL(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Address(); got != tt.address {
			t.Errorf("%s: Address() = %q, want %q", tt.in, got, tt.address)
		}
		if got := u.FullTCURL(); got != tt.full {
			t.Errorf("%s: FullTCURL() = %q, want %q", tt.in, got, tt.full)
		}
		if u.TLS() != tt.tls || u.Tunneled() != tt.tunneled || u.Encrypted() != tt.encrypted {
			t.Errorf("%s: TLS, Tunneled, Encrypted = %v, %v, %v", tt.in, u.TLS(), u.Tunneled(), u.Encrypted())
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range badURLs {
		f.Add(s)
	}
	f.Add("rtmp://u:p@[::1]:1935/a/b/mp4:c?d=e/f?g#h")
	f.Add("rtmp://h/live?vhost=a.com/key?t=b/c")
	f.Fuzz(func(t *testing.T, s string) {
		checkFuzzedURL(t, s, ParseURL)
		checkFuzzedURL(t, s, ParseURLLibrtmp)
	})
}

func checkFuzzedURL(t *testing.T, s string, parse func(string) (*URL, error)) {
	u, err := parse(s)
	if err != nil {
		if u != nil {
			t.Fatalf("%q: a URL and the error %v", s, err)
		}
		return
	}
	if u.Host == "" || u.Port == 0 {
		t.Fatalf("%q: no host or port: %+v", s, u)
	}
	again, err := parse(u.TCURL)
	if err != nil {
		t.Fatalf("%q: tcUrl %q does not parse: %v", s, u.TCURL, err)
	}
	if again.Host != u.Host || again.Port != u.Port || again.User != "" || again.Password != "" {
		t.Fatalf("%q: tcUrl %q leads elsewhere: %+v", s, u.TCURL, again)
	}
}
