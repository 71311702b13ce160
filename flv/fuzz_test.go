package flv

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

// FuzzAppendPackets: whatever a body holds, it is relayed: one packet with the same body, or one for each track.
func FuzzAppendPackets(f *testing.F) {
	for _, h := range videoHeaders {
		f.Add(uint8(TagVideo), unhex(f, h.bytes))
	}
	for _, h := range audioHeaders {
		f.Add(uint8(TagAudio), unhex(f, h.bytes))
	}
	f.Add(uint8(TagVideo), unhex(f, "96 11 61766331 00 000009 000000 00000002 65aa 01 00000a 000000 00000003 65bbcc"))
	f.Add(uint8(TagVideo), unhex(f, "96 20 61763031 00 000004 81080c00 76703039 01 00000c 01000000 000a8201 01010000"))
	f.Add(uint8(TagScript), unhex(f, setFrame+onMetaData+object))
	f.Add(uint8(TagScriptAMF3), unhex(f, "00"+clearFrame+onMetaData))
	f.Fuzz(func(t *testing.T, tag uint8, body []byte) {
		original := bytes.Clone(body)
		packets, err := AppendPackets(nil, TagType(tag), at, body)
		if !bytes.Equal(body, original) {
			t.Fatal("the body was changed")
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("error %T", err)
		}
		if len(packets) == 0 && TagType(tag).holdsPackets() {
			t.Fatal("nothing is left to relay")
		}
		if len(packets) > maxTracks {
			t.Fatalf("%d packets", len(packets))
		}
		for _, p := range packets {
			if p.Kind != media.Data && !manyTracks(p.Kind, body) && !bytes.Equal(p.Body, body) {
				t.Fatal("the body is not relayed as it is")
			}
			checkPacket(t, p)
		}
	})
}

func manyTracks(k media.Kind, body []byte) bool {
	if k == media.Audio {
		h, _, err := ParseAudioHeader(body)
		return err == nil && h.ManyTracks()
	}
	h, _, err := ParseVideoHeader(body)
	return err == nil && h.ManyTracks()
}

// checkPacket checks what holds for every packet, and that its Body means the same again.
func checkPacket(t *testing.T, p *media.Packet) {
	t.Helper()
	if !bytes.HasSuffix(p.Body, p.Data) {
		t.Fatal("Data is not the end of Body")
	}
	if p.Key && (p.Config || p.Kind != media.Video || len(p.Data) == 0) {
		t.Fatalf("this is no key frame: %s", describe(p, p.Body))
	}
	if p.Kind == media.Data {
		return
	}
	again, err := AppendPackets(nil, PacketTag(p), at, p.Body)
	if len(again) != 1 {
		return // several tracks that could not be told apart before cannot now
	}
	if d := mediatest.Diff(again[0], p); d != "" {
		t.Fatalf("parsed again: %s (%v)", d, err)
	}
}

// FuzzVideoHeader and FuzzAudioHeader: what can be parsed is written as it was.
func FuzzVideoHeader(f *testing.F) {
	for _, h := range videoHeaders {
		f.Add(unhex(f, h.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := ParseVideoHeader(b)
		if err != nil {
			return
		}
		out, err := AppendVideoHeader(nil, &h)
		if err != nil {
			t.Fatalf("Append(%+v): %v", h, err)
		}
		again, m, err := ParseVideoHeader(out)
		if err != nil || m != len(out) || !reflect.DeepEqual(again, h) {
			t.Fatalf("%x became %x: %+v, %v, want %+v", b[:n], out, again, err, h)
		}
	})
}

func FuzzAudioHeader(f *testing.F) {
	for _, h := range audioHeaders {
		f.Add(unhex(f, h.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := ParseAudioHeader(b)
		if err != nil {
			return
		}
		out, err := AppendAudioHeader(nil, &h)
		if err != nil {
			t.Fatalf("Append(%+v): %v", h, err)
		}
		again, m, err := ParseAudioHeader(out)
		if err != nil || m != len(out) || !reflect.DeepEqual(again, h) {
			t.Fatalf("%x became %x: %+v, %v, want %+v", b[:n], out, again, err, h)
		}
	})
}

// FuzzReader: no file makes it panic, loop or hold more than it was given.
func FuzzReader(f *testing.F) {
	f.Add(file(mediatest.AVC(80 * time.Millisecond)))
	f.Add(AppendHeader(nil, true, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		size := 0
		for {
			p, err := r.ReadPacket(t.Context())
			if err != nil {
				var e *Error
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &e) {
					t.Fatalf("error %v", err)
				}
				break
			}
			size += len(p.Data)
		}
		if size > len(b) {
			t.Fatalf("%d bytes of data in %d bytes", size, len(b))
		}
	})
}

// FuzzParseColorInfo: what can be parsed survives being written.
func FuzzParseColorInfo(f *testing.F) {
	b, err := AppendColorInfo(nil, &ColorInfo{ColorConfig: &ColorConfig{BitDepth: 10}, HDRCll: &HDRCll{MaxCLL: 1}, HDRMdcv: &HDRMdcv{RedX: 0.7}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, ok, _ := ParseColorInfo(b)
		if !ok {
			return
		}
		out, err := AppendColorInfo(nil, &c)
		if err != nil {
			t.Fatal(err)
		}
		if again, ok, err := ParseColorInfo(out); err != nil || !ok || !reflect.DeepEqual(again, c) {
			t.Fatalf("%+v became %+v, %v", c, again, err)
		}
	})
}

func FuzzParseChannelConfig(f *testing.F) {
	for _, config := range []string{"\x00\x02", "\x01\x06\x00\x00\x00\x3f", "\x02\x03\x00\x01\xfe", "\x02\xff", "\x07\x01"} {
		f.Add([]byte(config))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseChannelConfig(b)
		if err != nil {
			return
		}
		out, err := AppendChannelConfig(nil, &c)
		if err != nil || !bytes.HasPrefix(b, out) {
			t.Fatalf("%x becomes %+v and then %x, %v", b, c, out, err)
		}
	})
}
