package multitrack

import (
	"cmp"
	"math"
	"slices"
)

// Codec is a video codec by the name that OBS has for it.
type Codec string

// The codecs that a Rung can have.
const (
	H264 Codec = "h264"
	HEVC Codec = "hevc"
	AV1  Codec = "av1"
)

// Rung is a rendition that clients should send.
type Rung struct {
	Height  int     // of the picture, of its shorter side if it stands upright
	FPS     float64 // at most; 0: as the canvas
	Bitrate int     // kbit/s
	Codec   Codec   // clients that do not know it send H.264; "" is H264
}

// rendition is a Rung as one client is to send it.
type rendition struct {
	width, height int
	rate          framerate
	bitrate       int // kbit/s
	codec         Codec
	encoder       string // by its OBS id
}

const (
	maxRenditions   = 10 // MAX_OUTPUT_VIDEO_ENCODERS of OBS
	audioBitrate    = 160
	tracksOfCPU     = 2    // processors that one track takes without a graphics card
	rounding        = 1.01 // 60 and 59.94 are one rate
	leastDifference = 0.97 // of two heights that are one size
)

// choose returns what of a ladder a client is to send, the best first. It is empty when the client's bit rate is below the least
// rung. wanted is how many there would be if its processors were not too few for more.
func choose(ladder []Rung, c canvas, q *request) (list []rendition, wanted int) {
	for _, r := range fitting(ladder, min(c.Width, c.Height)) {
		codec := cmp.Or(r.Codec, H264)
		encoder := encoderFor(codec, q)
		if encoder == "" {
			codec, encoder = H264, encoderFor(H264, q)
		}
		width, height := scale(c, r.Height)
		list = append(list, rendition{width, height, divide(c.Framerate, r.FPS), r.Bitrate, codec, encoder})
	}
	most := maxRenditions
	if n := q.Preferences.MaximumVideoTracks; n != nil && int64(*n) < int64(most) {
		most = max(int(*n), 1)
	}
	list = spread(list, most)
	wanted = len(list)
	if cores := q.Capabilities.CPU.LogicalCores; cores > 0 && slices.ContainsFunc(list, rendition.isSoftware) {
		list = spread(list, max(cores/tracksOfCPU, 1))
	}
	if limit := q.Preferences.MaximumAggregateBitrate; limit != nil {
		all := len(list)
		list = within(list, int(min(*limit, math.MaxInt32))-audioBitrate)
		wanted -= all - len(list)
	}
	return list, wanted
}

// fitting returns the rungs that a canvas, whose shorter side is given, has pixels for.
func fitting(ladder []Rung, side int) []Rung {
	var list []Rung
	larger := -1
	own := false
	for i, r := range ladder {
		if r.Height > side {
			if larger < 0 || r.Height <= ladder[larger].Height {
				larger = i
			}
			continue
		}
		own = own || float64(r.Height) >= float64(side)*leastDifference
		list = append(list, r)
	}
	if larger >= 0 && !own {
		r := ladder[larger]
		r.Height = side
		list = slices.Insert(list, 0, r)
	}
	return list
}

// scale returns the size of a picture of which the shorter side is given; encoders want even numbers.
func scale(c canvas, side int) (width, height int) {
	even := func(n float64) int { return max(int(math.Round(n/2))*2, 2) }
	factor := float64(side) / float64(min(c.Width, c.Height))
	return even(float64(c.Width) * factor), even(float64(c.Height) * factor)
}

// divide returns the rate of a canvas, or the largest even part of it that is not above most; 0 is no limit.
func divide(f framerate, most float64) framerate {
	if most <= 0 || f.perSecond() <= most*rounding {
		return f
	}
	parts := math.Ceil(f.perSecond() / (most * rounding))
	if parts*float64(f.Denominator) > math.MaxUint32 {
		return f
	}
	return framerate{f.Numerator, f.Denominator * uint32(parts)}
}

// spread returns at most n of a list, with its first and its last, and others evenly between.
func spread(list []rendition, n int) []rendition {
	if len(list) <= n {
		return list
	}
	few := make([]rendition, n)
	for i := range few {
		few[i] = list[i*(len(list)-1)/max(n-1, 1)]
	}
	return few
}

// within returns what of a list has room in a bit rate: its last, which anybody can watch, and of the others the best.
func within(list []rendition, limit int) []rendition {
	if len(list) == 0 || list[len(list)-1].bitrate > limit {
		return nil
	}
	last := len(list) - 1
	limit -= list[last].bitrate
	var some []rendition
	for _, r := range list[:last] {
		if r.bitrate <= limit {
			limit -= r.bitrate
			some = append(some, r)
		}
	}
	return append(some, list[last])
}
