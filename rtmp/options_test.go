package rtmp

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"leat/amf"
)

func TestParseOptions(t *testing.T) {
	const url = "rtmp://h/live/key"
	base := func() *Options {
		return &Options{URL: &URL{Scheme: "rtmp", Host: "h", Port: 1935, App: "live", Name: "key", TCURL: "rtmp://h/live"}}
	}
	tests := []struct {
		options string
		change  func(*Options)
	}{
		{"", func(*Options) {}},
		{"   ", func(*Options) {}},
		{" live=1", func(o *Options) { o.Live = true }},
		{" LIVE=Yes  playlist=on", func(o *Options) { o.Live, o.Playlist = true, true }},
		{" live=0 playlist=maybe swfVfy=true", func(o *Options) { o.SWFVerify = true }},
		{" app=a/b", func(o *Options) { o.URL.App, o.URL.TCURL = "a/b", "rtmp://h:1935/a/b" }},
		{" tcUrl=rtmp://x/y app=a", func(o *Options) { o.URL.App, o.URL.TCURL = "a", "rtmp://x/y" }},
		{" playpath=dir/clip.mp4", func(o *Options) { o.URL.Name = "dir/clip.mp4" }},
		{" pubUser=ann pubPasswd=a\\20b\\5cc", func(o *Options) { o.URL.User, o.URL.Password = "ann", `a b\c` }},
		{" socks=p:1080 pageUrl=http://p swfUrl=http://s flashver=LNX\\209,0", func(o *Options) {
			o.Socks, o.PageURL, o.SWFURL, o.FlashVer = "p:1080", "http://p", "http://s", "LNX 9,0"
		}},
		{" subscribe=s jtv=j token=t=u swfAge=0x10", func(o *Options) {
			o.Subscribe, o.JTV, o.Token, o.SWFAge = "s", "j", "t=u", 16
		}},
		{" start=1500 stop=2000 buffer=30000 timeout=120", func(o *Options) {
			o.Start, o.Stop, o.Buffer, o.Timeout = 1500*time.Millisecond, 2*time.Second, 30*time.Second, 2*time.Minute
		}},
		{" conn=B:1 conn=S:authMe conn=O:1 conn=NN:code:1.23 conn=NS:flag:ok conn=O:0", func(o *Options) {
			o.Conn = []any{true, "authMe", &amf.Object{Members: []amf.Member{{Name: "code", Value: 1.23}, {Name: "flag", Value: "ok"}}}}
		}},
		{" live=1 end playlist=1", func(o *Options) { o.Live = true }},
	}
	for _, tt := range tests {
		want := base()
		tt.change(want)
		got, err := ParseOptions(url + tt.options)
		if err != nil {
			t.Errorf("%q: %v", tt.options, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q\n got %+v %+v\nwant %+v %+v", tt.options, got, got.URL, want, want.URL)
		}
	}
}

func TestParseOptionsErrors(t *testing.T) {
	for _, options := range []string{
		"nosuch=1", "=1", "start=soon", "start=-1", "timeout=99999999999", "swfAge=x",
		`playpath=a\2`, `playpath=a\`, `playpath=\zz`, "conn=X:1", "conn=O:1",
	} {
		o, err := ParseOptions("rtmp://h/live/key " + options)
		var optionErr *OptionError
		if !errors.As(err, &optionErr) || o != nil {
			t.Errorf("%q: %v, %v; want an *OptionError", options, o, err)
		}
	}
	var urlErr *URLError
	if _, err := ParseOptions("nowhere live=1"); !errors.As(err, &urlErr) {
		t.Errorf("a bad URL gives %v", err)
	}
}

func FuzzParseOptions(f *testing.F) {
	f.Add(`rtmp://h/live/key live=1 playpath=a\20b conn=O:1 conn=NO:o:1 conn=NZ:z: conn=O:0 conn=O:0`)
	f.Add(`rtmp://h app=x start=0x7fffffff conn=N:nan`)
	f.Fuzz(func(t *testing.T, s string) {
		o, err := ParseOptions(s)
		if (o == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", s, o, err)
		}
	})
}
