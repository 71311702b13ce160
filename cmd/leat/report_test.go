package main

import (
	"testing"
	"time"

	"leat/internal/format/codec"
	"leat/media"
	"leat/media/mediatest"
)

func TestFraction(t *testing.T) {
	for fps, want := range map[float64]string{
		0: "0/0", 25: "25/1", 24.996: "25/1", 30: "30/1", 29.97: "30000/1001", 29.999: "30/1", 59.94: "60000/1001",
		23.976: "24000/1001", 12.5: "25/2", 7.25: "29/4", 1: "1/1",
	} {
		if got := fraction(fps); got != want {
			t.Errorf("fraction(%v) = %s, want %s", fps, got, want)
		}
	}
}

func TestLevelNumber(t *testing.T) {
	for info, want := range map[codec.Info]int{
		{Codec: "h264", Level: "4.1"}: 41, {Codec: "h264", Level: "1b"}: 9, {Codec: "hevc", Level: "4.1"}: 123, {Codec: "hevc", Level: "5.0"}: 150,
		{Codec: "av1", Level: "4.0"}: 8, {Codec: "av1", Level: "5.1"}: 13, {Codec: "vvc", Level: "4.1"}: 67, {Codec: "vp9", Level: "3.1"}: 31, {Codec: "h264"}: 0,
	} {
		if got := levelNumber(&info); got != want {
			t.Errorf("level %s of %s is %d, want %d", info.Level, info.Codec, got, want)
		}
	}
}

func TestAnalysis(t *testing.T) {
	tests := []struct {
		name        string
		packets     []*media.Packet
		tracks      int
		enough      int // packets until enough is known; 0: never
		video       int // index of the video track; -1: none
		rate        string
		keyInterval time.Duration
		reordered   int
	}{
		{"avc", mediatest.AVC(5 * time.Second), 2, 76, 0, "25/1", time.Second, 1},
		{"hevc", mediatest.HEVC(5 * time.Second), 2, 76, 0, "25/1", time.Second, 2},
		{"av1", mediatest.AV1(5 * time.Second), 2, 80, 0, "25/1", time.Second, 0},
		{"opus", mediatest.Opus(5 * time.Second), 1, 0, -1, "", 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var a analysis
			enough := 0
			for i, p := range test.packets {
				if a.add(p); enough == 0 && a.enough() {
					enough = i + 1
				}
			}
			if len(a.tracks) != test.tracks || enough != test.enough {
				t.Errorf("%d tracks, known after %d packets; want %d and %d", len(a.tracks), enough, test.tracks, test.enough)
			}
			if length := (a.end() - a.start()).Round(10 * time.Millisecond); a.start() != 0 || length < 5*time.Second || length > 5020*time.Millisecond {
				t.Errorf("from %v, %v long", a.start(), length)
			}
			if test.video < 0 {
				return
			}
			v := a.tracks[test.video]
			if got := fraction(v.frameRate()); got != test.rate || v.keyInterval() != test.keyInterval || v.reordered != test.reordered {
				t.Errorf("%s frames a second, key frames every %v, %d reordered", got, v.keyInterval(), v.reordered)
			}
		})
	}
}

// TestReportOfLittle reports what there is of streams that have hardly begun.
func TestReportOfLittle(t *testing.T) {
	var a analysis
	for _, p := range mediatest.AVC(0) {
		a.add(p)
	}
	a.add(&media.Packet{Kind: media.Video}) // an empty message
	r := newReport("x", &a)
	if len(r.Streams) != 2 || r.Format.StartTime != "" || r.Format.BitRate != "" || a.end() != 0 || a.enough() {
		t.Errorf("%+v", r)
	}
	if s := r.Streams[0]; s.CodecName != "h264" || s.AvgFrameRate != "0/0" || s.RFrameRate != "25/1" || s.BitRate != "" || s.StartTime != "" {
		t.Errorf("%+v", s)
	}
	a.add(mediatest.AVC(40 * time.Millisecond)[3])
	if s := newReport("x", &a).Streams[1]; s.BitRate != "" || s.StartTime != "0.000000" {
		t.Errorf("%+v", s)
	}
}
