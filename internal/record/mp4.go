package record

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"leat/internal/format"
	"leat/internal/format/mp4"
	"leat/media"
)

// fragmented is a Muxer of fragmented MP4.
type fragmented struct {
	file  File
	out   *mp4.Writer
	log   *slog.Logger
	stale map[trackID]bool // tracks whose new header waits for another file

	framed      bool
	first, last time.Duration // timestamps of frames
}

type trackID struct {
	kind  media.Kind
	track uint8
}

func newFragmented(file File, log *slog.Logger) *fragmented {
	return &fragmented{file: file, out: mp4.NewWriter(io.NewOffsetWriter(file, 0), nil), log: log, stale: map[trackID]bool{}}
}

// WritePacket implements Muxer. What MP4 has no form for is left out, and logged once.
func (m *fragmented) WritePacket(ctx context.Context, p *media.Packet) error {
	id := trackID{p.Kind, p.Track}
	if m.stale[id] && p.Kind != media.Data {
		return format.ErrNewFile
	}
	err := m.out.WritePacket(ctx, p)
	if errors.Is(err, mp4.ErrNewSegment) {
		m.stale[id] = true
		return format.ErrNewFile
	}
	if left, ok := errors.AsType[*mp4.UnsupportedError](err); ok {
		level := slog.LevelWarn
		if left.Kind == media.Data {
			level = slog.LevelDebug
		}
		m.log.Log(ctx, level, "the recording does not hold all of the stream; record it as flv", "missing", left.Error())
		return nil
	}
	if err == nil && !p.Config && p.Kind != media.Data {
		if !m.framed {
			m.framed, m.first, m.last = true, p.Timestamp, p.Timestamp
		}
		m.last = max(m.last, p.Timestamp)
	}
	return err
}

// Duration implements Muxer.
func (m *fragmented) Duration() time.Duration { return m.last - m.first }

// Close implements Muxer. A file whose end could not be written is cut off behind its last whole fragment.
func (m *fragmented) Close() error {
	if m.out.Close() == nil || m.file.Size() == 0 {
		return nil
	}
	_, err := mp4.Repair(m.file, m.file.Size())
	return err
}

func repairFragmented(file File) (time.Duration, error) {
	if _, err := mp4.Repair(file, file.Size()); err != nil {
		return 0, err
	}
	f, err := mp4.Open(file)
	if err != nil {
		return 0, err
	}
	return f.Info().Duration, nil
}
