package media

import (
	"slices"
	"testing"
)

func names(h *Headers) []string {
	var out []string
	for _, p := range h.Packets() {
		name := p.Kind.String()
		if p.Track > 0 {
			name += string('0' + rune(p.Track))
		}
		if p.Name != "" {
			name += ":" + p.Name
		}
		out = append(out, name+"="+string(p.Body))
	}
	return out
}

func header(k Kind, track uint8, name, body string) *Packet {
	return &Packet{Kind: k, Track: track, Name: name, Config: true, Body: []byte(body)}
}

func TestHeaders(t *testing.T) {
	tests := []struct {
		name    string
		packets []*Packet
		want    []string
	}{
		{"none", nil, nil},
		{
			"in sending order, whatever order they came in",
			[]*Packet{
				header(Audio, 0, NameChannelConfig, "c"), header(Audio, 0, "", "a"), header(Video, 0, NameColorInfo, "h"),
				header(Video, 0, "", "v"), header(Data, 0, "onTextData", "t"), header(Data, 0, NameMetadata, "m"),
			},
			[]string{"data:onMetaData=m", "data:onTextData=t", "video=v", "video:colorInfo=h", "audio=a", "audio:channelConfig=c"},
		},
		{
			"a newer one replaces that of the same kind, track and name",
			[]*Packet{header(Video, 0, "", "1"), header(Video, 1, "", "2"), header(Audio, 0, "", "3"), header(Video, 0, "", "4")},
			[]string{"video=4", "video1=2", "audio=3"},
		},
		{
			"frames are no headers",
			[]*Packet{{Kind: Video, Key: true, Body: []byte("k")}, header(Video, 0, "", "v")},
			[]string{"video=v"},
		},
		{
			"an empty data header removes the stored message",
			[]*Packet{header(Data, 0, NameMetadata, "m"), header(Data, 0, "other", "o"), header(Data, 0, NameMetadata, "")},
			[]string{"data:other=o"},
		},
		{
			"what is not there can be removed",
			[]*Packet{header(Data, 0, NameMetadata, "")},
			nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var h Headers
			for _, p := range test.packets {
				if got := h.Apply(p); got != p.Config {
					t.Errorf("Apply(%v %q) = %v", p.Kind, p.Name, got)
				}
			}
			if got := names(&h); !slices.Equal(got, test.want) {
				t.Errorf("headers %q, want %q", got, test.want)
			}
		})
	}
}

func TestHeadersPacketsStay(t *testing.T) {
	var h Headers
	h.Apply(header(Video, 0, "", "old"))
	h.Apply(header(Data, 0, NameMetadata, "m"))
	kept := h.Packets()
	h.Apply(header(Video, 0, "", "new"))
	h.Apply(header(Data, 0, NameMetadata, ""))
	h.Apply(header(Audio, 0, "", "a"))
	if len(kept) != 2 || string(kept[0].Body) != "m" || string(kept[1].Body) != "old" {
		t.Errorf("the slice changed under its owner: %q, %q", kept[0].Body, kept[1].Body)
	}
	h.Reset()
	if len(h.Packets()) != 0 {
		t.Error("headers are left after Reset")
	}
}

func TestHeadersAreBounded(t *testing.T) {
	var h Headers
	for i := range maxHeaders + 10 {
		h.Apply(header(Data, 0, string(rune('\U00010000'+i)), "x"))
	}
	if got := len(h.Packets()); got != maxHeaders {
		t.Errorf("%d headers, want %d", got, maxHeaders)
	}
	h.Apply(header(Data, 0, string(rune('\U00010000')), "y"))
	if string(h.Packets()[0].Body) != "y" {
		t.Error("a full set does not take a newer header")
	}
}

func TestFourCC(t *testing.T) {
	for _, test := range []struct {
		c    FourCC
		want string
	}{
		{CodecAVC, "avc1"},
		{CodecAC3, "ac-3"},
		{CodecMP3, ".mp3"},
		{CodecFLAC, "fLaC"},
		{CodecOpus, "Opus"},
		{0, ""},
		{0x61000a7f, "a???"},
	} {
		if got := test.c.String(); got != test.want {
			t.Errorf("FourCC %#x = %q, want %q", uint32(test.c), got, test.want)
		}
	}
	if c, ok := ParseFourCC("hvc1"); c != CodecHEVC || !ok {
		t.Errorf("ParseFourCC(hvc1) = %#x, %v", uint32(c), ok)
	}
	if _, ok := ParseFourCC("av1"); ok {
		t.Error("three bytes are taken as a FourCC")
	}
}

func TestKey(t *testing.T) {
	for _, test := range []struct {
		key  Key
		want string
	}{
		{Key{App: "live", Name: "cam"}, "live/cam"},
		{Key{App: "live", Instance: "eu", Name: "a/b"}, "live/eu/a/b"},
	} {
		if got := test.key.String(); got != test.want {
			t.Errorf("%#v = %q, want %q", test.key, got, test.want)
		}
	}
}

// TestHeadersBounded: with long bodies and many names no more is kept than may be, and what there is can still be replaced and removed.
func TestHeadersBounded(t *testing.T) {
	var h Headers
	body := string(make([]byte, 1<<20))
	for i := range 100 {
		h.Apply(header(Data, 0, string('a'+rune(i)), body))
	}
	if got := size(h.Packets()); got > maxHeaderBytes || len(h.Packets()) != 3 {
		t.Errorf("%d headers of %d bytes are kept, more than %d", len(h.Packets()), got, maxHeaderBytes)
	}
	h.Apply(header(Data, 0, "a", "short"))
	h.Apply(header(Data, 0, "b", ""))
	h.Apply(header(Data, 0, "z", body))
	if got := len(h.Packets()); got != 3 || string(h.Packets()[0].Body) != "short" {
		t.Errorf("%d headers, want three of which the first is short", got)
	}
}
