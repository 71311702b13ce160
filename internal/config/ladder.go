package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// Ladder is the renditions that encoders are told to send, the best first.
type Ladder []Rung

// Rung is one of them. Its text is height, frame rate, bit rate and codec: 1080p60 6000k hevc. Frame rate and codec may be missing.
type Rung struct {
	Height  int
	FPS     int    // 0: as the encoder's canvas
	Bitrate int    // kbit/s
	Codec   string // h264, hevc or av1
}

const (
	leastHeight, mostHeight   = 90, 4320
	mostFPS                   = 240
	leastBitrate, mostBitrate = 50, 200_000 // kbit/s
)

var rungForm = regexp.MustCompile(`^(\d{1,5})p(\d{1,3})? (\d{1,6}(?:\.\d{1,3})?)([kM])(?: (h264|hevc|av1))?$`)

// UnmarshalText parses a rung.
func (r *Rung) UnmarshalText(text []byte) error {
	found := rungForm.FindStringSubmatch(string(text))
	if found == nil {
		return errors.New("must be height, frame rate, bit rate and codec, such as 1080p60 6000k, 720p 2.5M or 1440p60 9M hevc")
	}
	height, _ := strconv.Atoi(found[1]) // digits, as the expression has it; so are the others
	fps, _ := strconv.Atoi(found[2])
	rate, _ := strconv.ParseFloat(found[3], 64)
	if found[4] == "M" {
		rate *= 1000
	}
	codec := found[5]
	if codec == "" {
		codec = "h264"
	}
	switch {
	case height < leastHeight || height > mostHeight:
		return fmt.Errorf("must have a height from %d to %d", leastHeight, mostHeight)
	case fps > mostFPS:
		return fmt.Errorf("must have a frame rate of at most %d", mostFPS)
	case rate < leastBitrate || rate > mostBitrate:
		return fmt.Errorf("must have a bit rate from %dk to %dM", leastBitrate, mostBitrate/1000)
	}
	*r = Rung{Height: height, FPS: fps, Bitrate: int(rate), Codec: codec}
	return nil
}

// String returns the text that UnmarshalText parses.
func (r Rung) String() string {
	s := strconv.Itoa(r.Height) + "p"
	if r.FPS > 0 {
		s += strconv.Itoa(r.FPS)
	}
	s += fmt.Sprintf(" %dk", r.Bitrate)
	if r.Codec != "h264" {
		s += " " + r.Codec
	}
	return s
}

// MarshalText is String.
func (r Rung) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
