package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"leat/media"
	"leat/rtmp"
)

// seekPoints are the places of a recording that are sought, in tenths of its length: back and forth, and the one near the
// end last, as a client that is sent the end leaves.
var seekPoints = [...]time.Duration{0, 5, 2, 7, 1, 6, 3, 8, 4, 9}

// seekTest seeks through a recording and says where a player gets to.
type seekTest struct {
	player   *rtmp.Player
	patience time.Duration // for what comes behind a seek; 0: for ever
	length   time.Duration
	out      io.Writer
}

// run seeks places from the start to the end, back and forth. The error says how many were wrong.
func (s *seekTest) run(ctx context.Context) error {
	wrong := 0
	for _, tenth := range seekPoints {
		target := s.length / 10 * tenth
		at, err := s.seek(ctx, target)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			wrong++
			_, err = fmt.Fprintf(s.out, "seek to %9.3f s: %v\n", target.Seconds(), err)
		default:
			_, err = fmt.Fprintf(s.out, "seek to %9.3f s: plays from %.3f s\n", target.Seconds(), at.Seconds())
		}
		if err != nil {
			return fmt.Errorf("report on the seeks: %w", err)
		}
	}
	if wrong > 0 {
		return &exitError{exitFailed, fmt.Errorf("%d of %d seeks went wrong", wrong, len(seekPoints))}
	}
	return nil
}

// seek returns where the stream goes on: at a key frame at or before the target, if it has video.
func (s *seekTest) seek(ctx context.Context, target time.Duration) (time.Duration, error) {
	if err := s.player.Seek(target); err != nil {
		return 0, err
	}
	patience := patience{limit: s.patience}
	ctx, stop := patience.begin(ctx)
	defer stop()
	hasVideo := false
	var audio *media.Packet
	for {
		p, err := s.player.ReadPacket(ctx)
		if errors.Is(err, io.EOF) && audio != nil {
			p, err = audio, nil
		}
		switch {
		case err != nil:
			return 0, fmt.Errorf("the stream ended: %w", err)
		case p.Kind == media.Video && p.Config:
			hasVideo = true
			continue
		case p.Config, p.Kind == media.Data, p.Kind == media.Video && p.Data == nil:
			continue
		case p.Kind == media.Audio && hasVideo && p != audio:
			audio = p
			continue
		case p.Kind == media.Video && !p.Key:
			return 0, fmt.Errorf("it goes on at %.3f s with a frame that is no key frame", p.Timestamp.Seconds())
		case p.Timestamp > target+time.Millisecond:
			return 0, fmt.Errorf("it goes on behind that, at %.3f s", p.Timestamp.Seconds())
		}
		return p.Timestamp, nil
	}
}

// recordingLength asks the server how long a recording is (getStreamLength).
func recordingLength(ctx context.Context, conn *rtmp.Conn, name string) (time.Duration, error) {
	value, err := conn.Call(ctx, "getStreamLength", name)
	if err != nil {
		return 0, fmt.Errorf("the server does not say how long the recording is: %w", err)
	}
	seconds, ok := value.(float64)
	if !ok || !(seconds > 0) || seconds > 1<<32 {
		return 0, errors.New("the server does not say how long the recording is; is the stream live, or the name wrong?")
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
