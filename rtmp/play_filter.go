package rtmp

import (
	"time"

	"leat/media"
)

// playFilter decides what of a live stream a player gets that may have paused, or turned a kind of media off, or
// asked for a limited duration.
type playFilter struct {
	duration time.Duration // negative: no limit
	over     bool          // the duration is reached
	began    bool
	first    time.Duration // timestamp that the duration counts from

	paused, noAudio, noVideo bool
	waitKey                  bool // video goes on at the next key frame
	resend                   bool // headers are due before the next packet
	headers                  media.Headers
	one                      [1]*media.Packet
}

func (f *playFilter) command(cmd Command) {
	switch cmd := cmd.(type) {
	case PauseCommand:
		if f.paused && !cmd.Paused {
			f.resume()
		}
		f.paused = cmd.Paused
	case ReceiveAudioCommand:
		f.noAudio = !cmd.On
	case ReceiveVideoCommand:
		if f.noVideo && cmd.On {
			f.resume()
		}
		f.noVideo = !cmd.On
	}
}

// handOver returns what the client has asked for, as commands to who obeys it from now on, and obeys it no longer.
func (f *playFilter) handOver() []Command {
	var commands []Command
	if f.paused {
		commands = append(commands, PauseCommand{Paused: true})
	}
	if f.noAudio {
		commands = append(commands, ReceiveAudioCommand{})
	}
	if f.noVideo {
		commands = append(commands, ReceiveVideoCommand{})
	}
	f.paused, f.noAudio, f.noVideo = false, false, false
	return commands
}

func (f *playFilter) resume() { f.waitKey, f.resend = true, true }

// pass returns what is to be sent for p: nothing, p, or the headers in force and p. The slice is valid until the next call.
func (f *playFilter) pass(p *media.Packet) []*media.Packet {
	isHeader := f.headers.Apply(p)
	if !isHeader && !f.began {
		f.began, f.first = true, p.Timestamp
	}
	switch {
	case f.over:
		return nil
	case f.duration > 0 && f.began && p.Timestamp-f.first >= f.duration:
		f.over = true
		return nil
	case f.duration == 0 && f.began: // a single frame
		f.over = true
	}
	switch {
	case f.paused, p.Kind == media.Audio && f.noAudio, p.Kind == media.Video && f.noVideo:
		return nil
	case p.Kind == media.Video && f.waitKey && !isHeader:
		if !p.Key {
			return nil
		}
		f.waitKey = false
	}
	f.one[0] = p
	if !f.resend || isHeader || p.Kind == media.Video && !p.Key {
		return f.one[:]
	}
	if p.Kind == media.Audio && f.waitKey {
		return f.one[:]
	}
	f.resend = false
	var packets []*media.Packet
	for _, h := range f.headers.Packets() {
		again := *h
		again.Timestamp = p.Timestamp
		packets = append(packets, &again)
	}
	return append(packets, p)
}
