package rtmp

import (
	"errors"
	"strings"
	"testing"
)

func TestSplitApp(t *testing.T) {
	tests := []struct{ in, name, instance, query string }{
		{"", "", "", ""},
		{"live", "live", "", ""},
		{"live/", "live", "", ""},
		{"/live", "live", "", ""},
		{"live/_definst_", "live", "", ""},
		{"live/_definst_/", "live", "", ""},
		{"live/room", "live", "room", ""},
		{"live//room", "live", "room", ""},
		{"live/room/_definst_", "live", "room", ""},
		{"live/a/b", "live", "a/b", ""},
		{"Live", "Live", "", ""},
		{"live?a=b", "live", "", "a=b"},
		{"live/?a=b/c", "live", "", "a=b/c"},
		{"live/_definst_?a=b", "live", "", "a=b"},
		{"live?k=v?authmod=adobe&user=ann", "live", "", "k=v?authmod=adobe&user=ann"},
		{"live?authmod=adobe&user=ann&challenge=AQI+/w==&response=a/b+c==", "live", "", "authmod=adobe&user=ann&challenge=AQI+/w==&response=a/b+c=="},
		{"live...vhost...a.com", "live", "", "vhost=a.com"},
		{"live/...vhost...a.com/", "live", "", "vhost=a.com"},
		{"live...vhost...a.com?t=1", "live", "", "vhost=a.com&t=1"},
		{"live...x", "live...x", "", ""},
		{"live%2fx", "live%2fx", "", ""},
	}
	for _, tt := range tests {
		name, instance, query, err := SplitApp(tt.in)
		if err != nil || name != tt.name || instance != tt.instance || query != tt.query {
			t.Errorf("SplitApp(%q) = %q, %q, %q, %v; want %q, %q, %q", tt.in, name, instance, query, err, tt.name, tt.instance, tt.query)
		}
	}
}

func TestSplitName(t *testing.T) {
	tests := []struct{ in, name, query string }{
		{"key", "key", ""},
		{"/key/", "key", ""},
		{"dir/key", "dir/key", ""},
		{"mp4:dir/clip.mp4", "mp4:dir/clip.mp4", ""},
		{"key?", "key", ""},
		{"key?a=1&b=2?c=3", "key", "a=1&b=2?c=3"},
		{"ключ", "ключ", ""},
		{strings.Repeat("k", MaxNameBytes), strings.Repeat("k", MaxNameBytes), ""},
		{"k?" + strings.Repeat("q", MaxQueryBytes), "k", strings.Repeat("q", MaxQueryBytes)},
	}
	for _, tt := range tests {
		name, query, err := SplitName(tt.in)
		if err != nil || name != tt.name || query != tt.query {
			t.Errorf("SplitName(%.60q) = %.60q, %.60q, %v; want %.60q, %.60q", tt.in, name, query, err, tt.name, tt.query)
		}
	}
}

func TestNameErrors(t *testing.T) {
	both := []string{
		strings.Repeat("k", MaxNameBytes+1),
		"k?" + strings.Repeat("q", MaxQueryBytes+1),
		"a\x00b", "a\nb", "a\x7fb", "a\u0085b", "a\xffb", "k?a=\x1b[2J",
	}
	for _, in := range append(both, "", "/", "//", "?a=b", "/?a") {
		if _, _, err := SplitName(in); !errors.Is(err, ErrName) {
			t.Errorf("SplitName(%.60q): error %v, want ErrName", in, err)
		}
	}
	for _, in := range both {
		if _, _, _, err := SplitApp(in); !errors.Is(err, ErrName) {
			t.Errorf("SplitApp(%.60q): error %v, want ErrName", in, err)
		}
	}
}

func TestQueryValue(t *testing.T) {
	tests := []struct {
		query, key, want string
		ok               bool
	}{
		{"", "a", "", false},
		{"a=1&b=2", "b", "2", true},
		{"a=1;b=2", "b", "2", true},
		{"a=1?b=2", "b", "2", true},
		{"a=1&a=2", "a", "1", true},
		{"a", "a", "", true},
		{"ab=1", "a", "", false},
		{"t=a=b", "t", "a=b", true},
		{"t=AQ+/w==", "t", "AQ+/w==", true},
		{"t=a%20b%2Bc", "t", "a b+c", true},
		{"t=100%", "t", "100%", true},
	}
	for _, tt := range tests {
		if got, ok := QueryValue(tt.query, tt.key); got != tt.want || ok != tt.ok {
			t.Errorf("QueryValue(%q, %q) = %q, %v; want %q, %v", tt.query, tt.key, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzSplitApp(f *testing.F) {
	f.Add("live/_definst_?a=b?c")
	f.Add("live/...vhost...a.com/?t=1")
	f.Add("//a//b//")
	f.Fuzz(func(t *testing.T, s string) {
		name, instance, query, err := SplitApp(s)
		if err == nil {
			if strings.ContainsAny(name, "/?") || strings.Contains(instance, "?") || hasControl(name+instance+query) {
				t.Fatalf("SplitApp(%q) = %q, %q, %q", s, name, instance, query)
			}
			QueryValue(query, "vhost")
		}
		if name, query, err := SplitName(s); err == nil {
			again, query2, err := SplitName(name + "?" + query)
			if err != nil || again != name || query2 != query {
				t.Fatalf("SplitName(%q) = %q, %q, then %q, %q, %v", s, name, query, again, query2, err)
			}
		}
	})
}
