package flvfile

import (
	"testing"
	"time"

	"leat/flv"
	"leat/media"
)

// videoFrame is a frame of one of several tracks.
func videoFrame(t *testing.T, track uint8, at time.Duration, kind flv.FrameType) *media.Packet {
	t.Helper()
	body, err := flv.AppendVideoHeader(nil, &flv.VideoHeader{
		Enhanced: true, FrameType: kind, PacketType: flv.VideoCodedFramesX, FourCC: media.CodecHEVC, Multitrack: track > 0, TrackID: track,
	})
	if err != nil {
		t.Fatal(err)
	}
	packets, err := flv.AppendPackets(nil, flv.TagVideo, at, append(body, 0, 0, 0, 1, track))
	if err != nil || len(packets) != 1 || packets[0].Track != track {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	return packets[0]
}

// TestSeekAmongTracks: who seeks in a file of several video tracks begins at a key frame of the lowest one, and gets nothing of
// another one before its key frame.
func TestSeekAmongTracks(t *testing.T) {
	const second, frame = time.Second, 100 * time.Millisecond
	for name, tt := range map[string]struct {
		order []uint8       // of the tracks at one time
		later time.Duration // of the key frames of track 1
		first []uint8       // tracks of the first frames behind a seek
	}{
		"key frames at one time":               {[]uint8{0, 1}, 0, []uint8{0, 1, 0, 1}},
		"the other track in front":             {[]uint8{1, 0}, 0, []uint8{1, 0, 1, 0}},
		"key frames at different times":        {[]uint8{0, 1}, 3 * frame, []uint8{0, 0, 0, 0, 1}},
		"different times, the other one first": {[]uint8{1, 0}, 2 * frame, []uint8{0, 0, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var all []*media.Packet
			for at := time.Duration(0); at < 3*second; at += frame {
				for _, track := range tt.order {
					kind := flv.FrameInter
					if track == 0 && at%second == 0 || track == 1 && at%second == tt.later {
						kind = flv.FrameKey
					}
					all = append(all, videoFrame(t, track, at, kind))
				}
			}
			f := open(t, written(t, all))
			for i, at := range f.Info().Keys {
				if at != time.Duration(i)*second {
					t.Errorf("key frame %d is at %v", i, at)
				}
			}
			c := f.NewCursor()
			if got := frames(readAll(t, c)); len(got) != len(all) {
				t.Errorf("from the start %d frames, want %d", len(got), len(all))
			}
			for _, target := range []time.Duration{second, second + 7*frame} {
				if at, err := c.Seek(target); at != second || err != nil {
					t.Fatalf("Seek(%v) = %v, %v", target, at, err)
				}
				got := frames(readAll(t, c))
				seen := map[uint8]bool{}
				for i, track := range tt.first {
					if got[i].Track != track || !seen[track] && !got[i].Key {
						t.Fatalf("frame %d behind Seek(%v) is of track %d at %v, key=%v; want track %d", i, target, got[i].Track, got[i].Timestamp, got[i].Key, track)
					}
					seen[track] = true
				}
			}
		})
	}
}
