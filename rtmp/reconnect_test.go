package rtmp

import (
	"testing"
)

func TestResolveTCURL(t *testing.T) {
	base, err := ParseURL("rtmp://ann:secret@old.example:1936/live/room/key?token=1")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ ref, tcURL, address, app string }{
		{"", "rtmp://old.example:1936/live/room", "old.example:1936", "live/room"},
		{"rtmp://new.example/app", "rtmp://new.example/app", "new.example:1935", "app"},
		{"rtmps://new.example/app/inst?x=a/b", "rtmps://new.example/app/inst?x=a/b", "new.example:443", "app/inst?x=a/b"},
		{"//new.example/app", "rtmp://new.example/app", "new.example:1935", "app"},
		{"/app", "rtmp://old.example:1936/app", "old.example:1936", "app"},
		{"other", "rtmp://old.example:1936/live/other", "old.example:1936", "live/other"},
		{"//[2001:db8::1]:1940/app", "rtmp://[2001:db8::1]:1940/app", "[2001:db8::1]:1940", "app"},
	}
	for _, test := range tests {
		u, err := resolveTCURL(base, "", test.ref)
		if err != nil {
			t.Errorf("%q: %v", test.ref, err)
			continue
		}
		if u.TCURL != test.tcURL || u.Address() != test.address || u.App != test.app || u.Name != "key?token=1" || u.User != "ann" || u.Password != "secret" {
			t.Errorf("%q: %+v at %s", test.ref, u, u.Address())
		}
	}
	if u, err := resolveTCURL(base, "rtmp://said.example/x", "/app"); err != nil || u.TCURL != "rtmp://said.example/app" {
		t.Errorf("against a tcUrl of the application's own: %+v, %v", u, err)
	}
	for _, ref := range []string{"http://new.example/app", "rtmp://", "rtmp://h:99999/app", "rtmp://h/\x00", "://", "rtmp://%zz/"} {
		if u, err := resolveTCURL(base, "", ref); err == nil {
			t.Errorf("%q gives %+v", ref, u)
		}
	}
}
