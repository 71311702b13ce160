package diagnose

import (
	"fmt"
	"io"
	"strings"
	"time"

	"leat/media"
)

// Summary is what a Session knows of a connection.
type Summary struct {
	Duration time.Duration   `json:"duration"` // until the last event
	Streams  []StreamSummary `json:"streams"`  // with media, in the order in which they began
	Findings []Finding       `json:"findings"`

	of string // " of connection 1", for people
}

// StreamSummary is the media of one message stream in one direction.
type StreamSummary struct {
	From     Direction      `json:"from"`
	StreamID uint32         `json:"msid"`
	Tracks   []TrackSummary `json:"tracks"`
	// Skew is by how much video was ahead of audio that came with it, at most; negative: audio was ahead.
	Skew time.Duration `json:"skew"`
}

// TrackSummary is the first track of audio or video.
type TrackSummary struct {
	Kind       string        `json:"kind"`
	Codec      string        `json:"codec"` // with what the sequence header says
	Frames     int64         `json:"frames"`
	Bytes      int64         `json:"bytes"`    // of frames
	Duration   time.Duration `json:"duration"` // of the timeline
	FrameRate  float64       `json:"frame_rate"`
	BitRate    float64       `json:"bit_rate"`     // per second
	MaxBitRate float64       `json:"max_bit_rate"` // of the fullest 10 s; 0 for a shorter stream
	MaxGap     time.Duration `json:"max_gap"`      // between the timestamps of two frames
	KeyFrames  int64         `json:"key_frames,omitempty"`
	GOPMin     time.Duration `json:"gop_min,omitempty"` // from one key frame to the next; 0 before the second
	GOPMax     time.Duration `json:"gop_max,omitempty"`
	GOPMean    time.Duration `json:"gop_mean,omitempty"`
}

// Summary returns the sums as they are now.
func (s *Session) Summary() Summary {
	findings := s.Findings()
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := Summary{Duration: s.now, Streams: []StreamSummary{}, Findings: findings}
	for _, f := range s.flows {
		of := StreamSummary{From: f.from, StreamID: f.streamID, Skew: f.maxSkew}
		for _, t := range []*track{&f.video, &f.audio} {
			if t.seen {
				of.Tracks = append(of.Tracks, t.summary())
			}
		}
		if len(of.Tracks) > 0 {
			sum.Streams = append(sum.Streams, of)
		}
	}
	return sum
}

func (t *track) summary() TrackSummary {
	of := TrackSummary{
		Kind: t.kind.String(), Codec: t.name(), Frames: t.frames, Bytes: t.bytes, Duration: t.last - t.begun,
		FrameRate: t.frameRate(), MaxBitRate: t.maxBitRate, MaxGap: t.maxGap,
	}
	if of.Duration > 0 {
		of.BitRate = float64(t.bytes) * 8 / of.Duration.Seconds()
	}
	if t.kind == media.Video {
		of.KeyFrames = t.keys
	}
	if t.gops > 0 {
		of.GOPMin, of.GOPMax, of.GOPMean = t.gopMin, t.gopMax, t.gopSum/time.Duration(t.gops)
	}
	return of
}

// WriteTo writes the summary for people.
func (s Summary) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "summary%s after %v\n", s.of, rounded(s.Duration))
	if len(s.Streams) == 0 {
		b.WriteString("  no audio and no video was sent\n")
	}
	for _, of := range s.Streams {
		fmt.Fprintf(&b, "  from the %v, message stream %d\n", of.From, of.StreamID)
		for _, t := range of.Tracks {
			t.write(&b)
		}
		if len(of.Tracks) == 2 {
			fmt.Fprintf(&b, "    video and audio apart by %v at most\n", rounded(abs(of.Skew)))
		}
	}
	if len(s.Findings) == 0 && len(s.Streams) > 0 {
		b.WriteString("  nothing was found to be wrong\n")
	}
	for _, f := range s.Findings {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (t *TrackSummary) write(b *strings.Builder) {
	fmt.Fprintf(b, "    %s: %s\n", t.Kind, t.Codec)
	fmt.Fprintf(b, "      %d frames in %v", t.Frames, rounded(t.Duration))
	if t.FrameRate > 0 {
		fmt.Fprintf(b, ", %.4g a second, %.0f kbit/s", t.FrameRate, t.BitRate/1000)
	}
	if t.MaxBitRate > 0 {
		fmt.Fprintf(b, " (%.0f at most)", t.MaxBitRate/1000)
	}
	fmt.Fprintf(b, ", longest gap %v\n", rounded(t.MaxGap))
	switch {
	case t.Kind != media.Video.String():
	case t.GOPMax > 0:
		fmt.Fprintf(b, "      %d key frames, one every %v (%v to %v)\n", t.KeyFrames, rounded(t.GOPMean), rounded(t.GOPMin), rounded(t.GOPMax))
	default:
		fmt.Fprintf(b, "      key frames: %d\n", t.KeyFrames)
	}
}

// String returns the finding on one line: severity, code, who and when, the sentence, and how often.
func (f Finding) String() string {
	text := fmt.Sprintf("%s [%s] %v at %v: %s", strings.ToUpper(string(f.Severity)), f.Code, f.From, rounded(f.At), f.Text)
	if f.Count > 1 {
		text += fmt.Sprintf(" (%d times)", f.Count)
	}
	return text
}
