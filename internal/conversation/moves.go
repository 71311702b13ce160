package conversation

import (
	"context"
	"errors"
	"io"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// Moves are what our client does while a server of the recordings answers it.
type Moves struct {
	// Do does them, and ends with what the server says last. It returns how many frames came or slots were set.
	Do func(ctx context.Context, c *rtmp.Conn) (int, error)
	// Least is what Do returns if the server answers as recorded.
	Least int
}

// ServerMoves returns the moves that belong to each recording of a server.
func ServerMoves() map[string]Moves {
	return map[string]Moves{
		"ffmpeg-play":        {Play, 15},
		"ffmpeg-publish":     {Publish, 15},
		"leat-play":          {Play, 15},
		"leat-play-enhanced": {Play, 15},
		"leat-publish":       {Publish, 15},
		"leat-recorded":      {PlayRecorded, 15},
		"leat-shared-object": {Share, 2},
		"nginx-play":         {Play, 15},
		"nginx-publish":      {Publish, 15},
		"nginx-recorded":     {PlayRecorded, 10},
	}
}

// Stream is the name of the stream in all recordings, Film that of what was recorded, and App the application of both.
const (
	App    = "live"
	Stream = "cam"
	Film   = "film"
)

// Play plays the stream to its end.
func Play(ctx context.Context, c *rtmp.Conn) (int, error) {
	p, err := c.Play(ctx, Stream, nil)
	if err != nil {
		return 0, err
	}
	frames, err := read(ctx, p, 1<<20)
	return frames, errors.Join(err, p.Close())
}

// PlayRecorded plays the recording, pauses, seeks, and plays to its end.
func PlayRecorded(ctx context.Context, c *rtmp.Conn) (int, error) {
	p, err := c.Play(ctx, Film, &rtmp.PlayOptions{Recorded: true, BufferLength: 200 * time.Millisecond})
	if err != nil {
		return 0, err
	}
	frames, err := read(ctx, p, 5)
	if err == nil {
		err = errors.Join(p.Pause(true, 400*time.Millisecond), p.Pause(false, 400*time.Millisecond), p.Seek(time.Second))
	}
	if err != nil {
		return frames, errors.Join(err, p.Close())
	}
	more, err := read(ctx, p, 1<<20)
	return frames + more, errors.Join(err, p.Close())
}

// read reads so many frames, or to the end.
func read(ctx context.Context, p *rtmp.Player, most int) (int, error) {
	frames := 0
	for frames < most {
		pkt, err := p.ReadPacket(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return frames, nil
		case err != nil:
			return frames, err
		case pkt.Kind != media.Data:
			frames++
		}
	}
	return frames, nil
}

// Publish publishes the stream.
func Publish(ctx context.Context, c *rtmp.Conn) (int, error) {
	return publish(ctx, c, mediatest.AVC(time.Second)[:20])
}

// PublishEnhanced publishes the stream with a codec of Enhanced RTMP.
func PublishEnhanced(ctx context.Context, c *rtmp.Conn) (int, error) {
	return publish(ctx, c, mediatest.HEVC(time.Second)[:20])
}

func publish(ctx context.Context, c *rtmp.Conn, packets []*media.Packet) (int, error) {
	p, err := c.Publish(ctx, Stream, nil)
	if err != nil {
		return 0, err
	}
	for i, pkt := range packets {
		if err := p.WritePacket(ctx, pkt); err != nil {
			return i, errors.Join(err, p.Close())
		}
	}
	return len(packets), p.Close()
}

// Share uses a shared object, sets two slots, removes one and sends a message to all.
func Share(ctx context.Context, c *rtmp.Conn) (int, error) {
	o, err := c.SharedObject(ctx, "room", nil)
	if err != nil {
		return 0, err
	}
	slots := 0
	for _, name := range []string{"topic", "speaker"} {
		if err := o.Set(ctx, name, "said by "+name); err != nil {
			return slots, errors.Join(err, o.Close())
		}
		slots++
	}
	err = errors.Join(o.Remove(ctx, "speaker"), o.SendMessage("clap", 3.0))
	return slots, errors.Join(err, o.Close())
}
