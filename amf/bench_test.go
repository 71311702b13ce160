package amf

import (
	"testing"
)

// obsMetadata is what OBS publishes.
func obsMetadata() []any {
	members := NewObject(
		"duration", 0, "fileSize", 0, "width", 1920, "height", 1080, "videocodecid", 7, "videodatarate", 2500, "framerate", 30,
		"audiocodecid", 10, "audiodatarate", 160, "audiosamplerate", 44100, "audiosamplesize", 16, "audiochannels", 2,
		"stereo", true, "2.1", false, "3.1", false, "4.0", false, "4.1", false, "5.1", false, "7.1", false,
		"encoder", "obs-output module (libobs version 30.0.0)",
	)
	members.ECMA = true
	return []any{"@setDataFrame", "onMetaData", members}
}

func BenchmarkDecodeMetadata(b *testing.B) {
	body, err := AppendValues(nil, obsMetadata()...)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(body, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeConnect(b *testing.B) {
	body := readHex(b, "amf0/connect")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(body, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode3(b *testing.B) {
	body := readHex(b, "amf3/points")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode3(body, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendObject(b *testing.B) {
	status := NewObject("level", "status", "code", "NetStream.Publish.Start", "description", "Started publishing stream.")
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Append(buf, status); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendHelpers(b *testing.B) {
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		out := AppendString(buf, "onStatus")
		out = AppendNumber(out, 0)
		AppendNull(out)
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	body, err := Marshal(obsMetadata()[2])
	if err != nil {
		b.Fatal(err)
	}
	var v struct {
		Width   int     `amf:"width"`
		Height  int     `amf:"height"`
		Rate    float64 `amf:"framerate"`
		Encoder string  `amf:"encoder"`
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Unmarshal(body, &v); err != nil {
			b.Fatal(err)
		}
	}
}
