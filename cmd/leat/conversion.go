package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"leat/internal/format/mp4"
	"leat/media"
)

// conversion copies packets from a source to a file.
type conversion struct {
	source   *source
	to       fileWriter
	name     string        // of what is written
	end      time.Duration // where to end; negative: nowhere
	progress *progress

	hasVideo, hasFrames bool
	bytes               int64
}

// run copies until the source or the part of it that is wanted is over, and completes the file.
func (c *conversion) run(ctx context.Context) error {
	for {
		p, err := c.source.ReadPacket(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted; %s was not written", c.name)
		}
		if errors.Is(err, io.EOF) || err == nil && c.isOver(p) {
			break
		}
		if err != nil {
			return err
		}
		if err := c.write(ctx, p); err != nil {
			return err
		}
	}
	if !c.hasFrames {
		return fmt.Errorf("%s holds no frames", c.source.name)
	}
	if err := c.to.Close(); err != nil {
		return fmt.Errorf("cannot write %s: %w", c.name, err)
	}
	return nil
}

// codecName returns a FourCC for people.
func codecName(c media.FourCC) string {
	if c == 0 {
		return "an old one without a name"
	}
	return c.String()
}

// isOver reports whether p is behind the end. With video that is a key frame, so that no picture lacks those it is made of.
func (c *conversion) isOver(p *media.Packet) bool {
	if p.Config || p.Kind == media.Data {
		c.hasVideo = c.hasVideo || p.Kind == media.Video
		return false
	}
	c.hasVideo = c.hasVideo || p.Kind == media.Video
	return c.end >= 0 && p.Timestamp >= c.end && (p.Key || !c.hasVideo)
}

func (c *conversion) write(ctx context.Context, p *media.Packet) error {
	err := c.to.WritePacket(ctx, p)
	lacking, isUnsupported := errors.AsType[*mp4.UnsupportedError](err)
	switch {
	case isUnsupported && lacking.Kind == media.Data:
		return nil // MP4 has no place for it, and nobody misses it
	case isUnsupported:
		return fmt.Errorf("MP4 cannot hold %v track %d of %s, its codec is %s; write an FLV file instead",
			lacking.Kind, lacking.Track, c.source.name, codecName(lacking.Codec))
	case errors.Is(err, mp4.ErrNewSegment):
		return fmt.Errorf("%s changes its tracks or their configuration at %s, which one MP4 file cannot hold; write an FLV file, or its parts by --start and --duration",
			c.source.name, clock(p.Timestamp))
	case err != nil:
		return fmt.Errorf("cannot write %s: %w", c.name, err)
	}
	c.hasFrames = c.hasFrames || !p.Config && p.Kind != media.Data
	c.bytes += int64(len(p.Body))
	_, done := c.source.progress()
	c.progress.at(done, c.source.latest, c.bytes)
	return nil
}
