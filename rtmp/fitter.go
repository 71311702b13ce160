package rtmp

import (
	"fmt"
	"slices"

	"leat/media"
)

// Fitter makes of the packets of one stream what a Form wants: it chooses tracks, leaves out codecs that are not taken, and
// writes bodies anew where the layout must change. It is not safe for concurrent use.
type Fitter struct {
	form    Form
	name    string
	headers media.Headers
	audio   choice
	video   choice
	left    []absence // tracks that are left out now
	told    []absence // those that players were told of since Reset
}

// choice is the track of a kind that is sent as the only one.
type choice struct {
	made  bool
	track uint8
}

// absence is a track whose codec is not taken.
type absence struct {
	kind  media.Kind
	track uint8
	codec media.FourCC
}

// maxTold bounds what players are told of one publisher, who could change codecs with every packet.
const maxTold = 32

// NewFitter returns a Fitter for a stream; name is what players know it by.
func NewFitter(form Form, name string) *Fitter { return &Fitter{form: form, name: name} }

// Fit appends to dst what is to be sent for p: p itself if nothing has to change, packets made of it, or nothing. When a
// track is begun in mid-stream its headers come first. A status that is not nil is for the player: a track is left out from
// here on.
func (f *Fitter) Fit(dst []*media.Packet, p *media.Packet) ([]*media.Packet, *Status) {
	if f.form == (Form{}) || p.Kind == media.Data {
		return append(dst, p), nil
	}
	f.headers.Apply(p)
	if !f.form.takes(p) {
		return dst, f.leaveOut(p)
	}
	if p.Config && len(f.left) > 0 {
		f.left = slices.DeleteFunc(f.left, func(a absence) bool { return a.kind == p.Kind && a.track == p.Track })
	}
	isMedia := p.Data != nil || p.Config
	if !f.form.OneTrack || !isMedia && p.Track == 0 || f.chosen(p) {
		return f.append(dst, p), nil
	}
	if !f.choose(p) {
		return dst, nil
	}
	for _, h := range f.headers.Packets() {
		if h.Kind == p.Kind && h.Track == p.Track && h != p && f.form.takes(h) {
			again := *h
			again.Timestamp = p.Timestamp
			dst = f.append(dst, &again)
		}
	}
	return f.append(dst, p), nil
}

// append adds p in the layout of the form.
func (f *Fitter) append(dst []*media.Packet, p *media.Packet) []*media.Packet {
	if q := f.form.rewrite(p); q != nil {
		dst = append(dst, q)
	}
	return dst
}

// Notices returns what Fit has said of tracks that are still left out, for a player that joins now. It is empty for most
// streams.
func (f *Fitter) Notices() []Status {
	var all []Status
	for _, a := range f.left {
		all = append(all, a.status(f.name))
	}
	return all
}

// Reset forgets the stream: another publisher begins.
func (f *Fitter) Reset() {
	*f = Fitter{form: f.form, name: f.name}
}

func (f *Fitter) choice(kind media.Kind) *choice {
	if kind == media.Audio {
		return &f.audio
	}
	return &f.video
}

func (f *Fitter) chosen(p *media.Packet) bool {
	c := f.choice(p.Kind)
	return c.made && c.track == p.Track
}

// choose makes p's track the one that is sent if there is none yet, or it is lower, and it can be begun at p.
func (f *Fitter) choose(p *media.Packet) bool {
	c := f.choice(p.Kind)
	if c.made && c.track < p.Track || p.Kind == media.Video && !p.Key && !p.Config {
		return false
	}
	*c = choice{made: true, track: p.Track}
	return true
}

// leaveOut takes note of a track whose codec is not taken. It returns what to say the first time, unless a better
// track is being sent instead.
func (f *Fitter) leaveOut(p *media.Packet) *Status {
	c := f.choice(p.Kind)
	if c.made && c.track == p.Track {
		c.made = false // it has changed its codec
	}
	if c.made && c.track < p.Track {
		return nil
	}
	a := absence{kind: p.Kind, track: p.Track, codec: p.Codec}
	if slices.Contains(f.left, a) {
		return nil
	}
	f.left = slices.DeleteFunc(f.left, func(b absence) bool { return b.kind == a.kind && b.track == a.track })
	f.left = append(f.left, a)
	if slices.Contains(f.told, a) || len(f.told) == maxTold {
		return nil
	}
	f.told = append(f.told, a)
	s := a.status(f.name)
	return &s
}

// status is the notice to a player. It is a warning: what is left of the stream goes on, and players leave at errors.
func (a absence) status(name string) Status {
	return Status{
		Level: LevelWarning,
		Code:  string(CodePlayNoSupportedTrackFound),
		Description: fmt.Sprintf("The %v track %d of %s is left out: its codec %v is not among those that the client announced.",
			a.kind, a.track, name, a.codec),
		Details: name,
	}
}
