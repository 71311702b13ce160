package container

import (
	"bytes"
	"errors"
	"testing"

	"leat/internal/format"
)

func TestDetect(t *testing.T) {
	tests := []struct {
		name string
		head string
		want Kind
	}{
		{"FLV", "FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00", FLV},
		{"MP4", "\x00\x00\x00\x20ftypisom", MP4},
		{"old QuickTime", "\x00\x00\x00\x08wide\x00\x00\x00\x00", MP4},
		{"movie in front without a type", "\x00\x01\x00\x00moov\x00\x00\x00\x00", MP4},
		{"MP3 with tags", "ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00", MP3},
		{"MP3 frame", "\xff\xfb\x90\x64\x00\x00\x00\x00\x00\x00\x00\x00", MP3},
		{"text", "This is a text", Unknown},
		{"cut off", "\x00\x00\x00\x20fty", Unknown},
		{"empty", "", Unknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Detect([]byte(test.head)); got != test.want {
				t.Errorf("Detect = %v, want %v", got, test.want)
			}
		})
	}
}

func TestOpenUnknown(t *testing.T) {
	for _, text := range []string{"", "This is a text."} {
		if _, err := Open(bytes.NewReader([]byte(text))); !errors.Is(err, format.ErrStructure) {
			t.Errorf("opening %q: %v", text, err)
		}
	}
}
