package rtmp

import (
	"time"

	"leat/amf"
	"leat/internal/wire/message"
)

// The special values of PlayRequest.Start (RTMP 7.2.2.1).
const (
	StartAny  time.Duration = -2 * time.Second // the live stream; without one the recording; without one wait for the live stream
	StartLive time.Duration = -1 * time.Second // the live stream, or wait for it
)

// PlayRequest is what a client asks for with play (RTMP 7.2.2.1).
type PlayRequest struct {
	Name  string // stream name as sent, with its prefix ("mp4:") and without query
	Query string // what followed "?" in the name, as written

	// Start is StartAny (the default), StartLive, or, from 0 on, a position in a recording.
	Start time.Duration
	// Duration is how much to play: negative (the default) is all, 0 one frame.
	Duration time.Duration
	// Reset says to end what plays on this stream now; else the request is added to the playlist.
	Reset bool
	// AtOnce says to send all messages at once instead of at their times (reset 2 and 3).
	AtOnce bool

	// Resumed says that a new connection goes on with what another has begun (play2, "resume"): the timeline is the
	// recording's own.
	Resumed bool
	// Swapped says that play2 has put this into another's place in the playlist ("swap").
	Swapped bool
}

// parsePlay reads play's arguments. The specification counts in seconds, clients send milliseconds; for the
// special values both are taken.
func parsePlay(text string, cmd *message.Command) (PlayRequest, error) {
	name, query, err := SplitName(text)
	if err != nil {
		return PlayRequest{}, err
	}
	r := PlayRequest{Name: name, Query: query, Start: StartAny, Duration: -1, Reset: true}
	if v, ok := number(arg(cmd, 1)); ok {
		r.Start = parseStart(v)
	}
	if v, ok := number(arg(cmd, 2)); ok && v >= 0 {
		r.Duration = milliseconds(v)
	}
	switch v := arg(cmd, 3).(type) {
	case bool:
		r.Reset = v
	case float64, int:
		n, _ := number(v)
		r.Reset = n == 1 || n == 3
		r.AtOnce = n == 2 || n == 3
	}
	return r, nil
}

func parseStart(v float64) time.Duration {
	switch {
	case v >= 0:
		return milliseconds(v)
	case v == -1 || v == -1000:
		return StartLive
	}
	return StartAny
}

// maxMilliseconds is the longest time that a 32-bit timestamp can tell.
const maxMilliseconds = 1<<32 - 1

func milliseconds(v float64) time.Duration {
	return time.Duration(min(max(v, 0), maxMilliseconds)) * time.Millisecond
}

// Command is what a client asks of a stream that it plays, in one of the types below.
type Command interface{ isCommand() }

// The commands of a playing client.
type (
	// PauseCommand pauses or resumes (RTMP 7.2.2.8).
	PauseCommand struct {
		Paused   bool
		Position time.Duration // where the client was, on the timeline of what it received; negative: it does not say
	}
	// SeekCommand goes to another position of a recording (RTMP 7.2.2.7).
	SeekCommand struct {
		Position      time.Duration
		TransactionID float64 // 0: onStatus is the only answer
	}
	// ReceiveAudioCommand turns audio on or off (RTMP 7.2.2.4).
	ReceiveAudioCommand struct{ On bool }
	// ReceiveVideoCommand turns video on or off (RTMP 7.2.2.5).
	ReceiveVideoCommand struct{ On bool }
	// BufferLengthCommand tells how much the client buffers (RTMP 7.1.7, SetBufferLength).
	BufferLengthCommand struct{ Length time.Duration }
	// StepCommand steps single frames while paused.
	StepCommand struct{ Frames int }
	// Play2Command switches to another rendition of what plays (RTMP 7.2.2.2). The other transitions concern the playlist
	// and are obeyed before they come to who plays.
	Play2Command struct {
		Transition string        // "switch"
		Name       string        // stream to play, as sent
		OldName    string        // stream to replace; "" is the one that plays
		Start      time.Duration // StartAny, StartLive or a position
		Length     time.Duration // negative: all
		Offset     time.Duration // negative: as soon as possible
	}
	// QueuedCommand says that something has been added to the playlist while this stream is the one that plays: who has
	// come to the end of a recording already calls Outlet.Next. It has no answer.
	QueuedCommand struct{}
	// CloseCommand says that the stream has ended: the client closed it or the connection is gone. It is the last.
	CloseCommand struct{ Reason error }
)

func (PauseCommand) isCommand()        {}
func (SeekCommand) isCommand()         {}
func (ReceiveAudioCommand) isCommand() {}
func (ReceiveVideoCommand) isCommand() {}
func (BufferLengthCommand) isCommand() {}
func (StepCommand) isCommand()         {}
func (Play2Command) isCommand()        {}
func (QueuedCommand) isCommand()       {}
func (CloseCommand) isCommand()        {}

// parseCommand returns nil for arguments that make no sense.
func parseCommand(cmd *message.Command) Command {
	switch cmd.Name {
	case "pause", "pauseRaw":
		paused, ok := truth(arg(cmd, 0))
		if !ok {
			return nil
		}
		position, named := number(arg(cmd, 1))
		if !named {
			return PauseCommand{Paused: paused, Position: -1}
		}
		return PauseCommand{Paused: paused, Position: milliseconds(position)}
	case "seek":
		v, ok := number(arg(cmd, 0))
		if !ok {
			return nil
		}
		return SeekCommand{Position: milliseconds(v), TransactionID: cmd.TransactionID}
	case "receiveAudio":
		if on, ok := truth(arg(cmd, 0)); ok {
			return ReceiveAudioCommand{On: on}
		}
	case "receiveVideo": // a number is a wish for frames per second
		if on, ok := truth(arg(cmd, 0)); ok {
			return ReceiveVideoCommand{On: on}
		}
	case "step":
		if v, ok := number(arg(cmd, 0)); ok {
			return StepCommand{Frames: int(min(max(v, -1e6), 1e6))}
		}
	case "play2":
		return parsePlay2(cmd)
	}
	return nil
}

// parsePlay2 reads NetStreamPlayOptions, whose times are in seconds.
func parsePlay2(cmd *message.Command) Command {
	o, ok := arg(cmd, 0).(*amf.Object)
	if !ok {
		return nil
	}
	c := Play2Command{
		Transition: o.Text("transition"),
		Name:       o.Text("streamName"),
		OldName:    o.Text("oldStreamName"),
		Start:      StartAny,
		Length:     -1,
		Offset:     -1,
	}
	if v, ok := o.Number("start"); ok && v < 0 {
		c.Start = parseStart(v)
	} else if ok {
		c.Start = milliseconds(v * 1000)
	}
	if v, ok := o.Number("len"); ok && v >= 0 {
		c.Length = milliseconds(v * 1000)
	}
	if v, ok := o.Number("offset"); ok && v >= 0 {
		c.Offset = milliseconds(v * 1000)
	}
	return c
}
