package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"leat/flv"
	"leat/internal/format"
	"leat/internal/format/container"
	"leat/internal/format/flvfile"
	"leat/internal/format/mp4"
	"leat/media"
)

// convertCommand is `leat convert`.
type convertCommand struct {
	In  string `arg:"" name:"in" help:"FLV, MP4 or MP3 file, whole or damaged, or - for FLV or MP3 on standard input."`
	Out string `arg:"" name:"out" optional:"" help:"FLV or MP4 file to write, by its extension, or - for an FLV stream on standard output."`

	To       string        `help:"What to write where the extension does not say it: flv or mp4." enum:",flv,mp4" default:""`
	Start    time.Duration `help:"Begin at the last key frame at or before this time." placeholder:"TIME"`
	Duration time.Duration `help:"End at the first key frame so much later; 0 is all." placeholder:"TIME"`
	Force    bool          `help:"Replace OUT if there is one."`
	Repair   bool          `help:"Without OUT: repair the file itself."`

	Fragmented bool `help:"Write MP4 in fragments, which play while the file grows, instead of with one movie box in front."`
}

// Run copies the streams of a file into another, or repairs one. OUT appears when it is whole, and not before.
func (c *convertCommand) Run(ctx context.Context, std streams) error {
	kind, err := c.check()
	if err != nil {
		return err
	}
	if c.Repair {
		return c.repair()
	}
	src, err := openSource(ctx, c.In, std.in)
	if err != nil {
		return err
	}
	err = c.convert(ctx, src, kind, std)
	return errors.Join(err, src.Close())
}

// check looks at the arguments, and says what is to be written.
func (c *convertCommand) check() (container.Kind, error) {
	wrong := ""
	kind := c.kind()
	switch {
	case c.Start < 0 || c.Duration < 0:
		wrong = "--start and --duration must not be negative"
	case c.Repair && (c.Out != "" || c.Start != 0 || c.Duration != 0 || c.In == standard):
		wrong = "--repair is for a file alone, without OUT, --start and --duration"
	case c.Repair:
		return kind, nil
	case c.Out == "":
		wrong = "say where to write: leat convert IN OUT, or repair the file itself by --repair"
	case kind == container.Unknown:
		wrong = fmt.Sprintf("the extension of %s does not say what to write; add --to flv or --to mp4", c.Out)
	case c.Out == standard && kind != container.FLV:
		wrong = "only FLV can be written to standard output"
	case c.Fragmented && kind != container.MP4:
		wrong = "--fragmented is for MP4 files"
	}
	if wrong != "" {
		return kind, &exitError{exitUsage, errors.New(wrong)}
	}
	if err := checkFolder(c.Out); err != nil {
		return kind, err
	}
	return kind, c.checkExists()
}

// kind is what OUT is to be.
func (c *convertCommand) kind() container.Kind {
	switch {
	case c.To == "flv":
		return container.FLV
	case c.To == "mp4":
		return container.MP4
	case c.Out == standard:
		return container.FLV
	}
	switch strings.ToLower(filepath.Ext(c.Out)) {
	case ".flv":
		return container.FLV
	case ".mp4", ".m4v", ".m4a", ".mov", ".f4v":
		return container.MP4
	}
	return container.Unknown
}

// checkExists keeps a file that is there.
func (c *convertCommand) checkExists() error {
	if c.Force || c.Out == standard {
		return nil
	}
	if _, err := os.Lstat(c.Out); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s exists; replace it by --force", c.Out)
	}
	return nil
}

func (c *convertCommand) convert(ctx context.Context, src *source, kind container.Kind, std streams) error {
	from, err := c.begin(src)
	if err != nil {
		return err
	}
	total, _ := src.progress()
	job := &conversion{source: src, end: -1, progress: newProgress(std.err, "converting", total)}
	if c.Duration > 0 {
		job.end = from + c.Duration
	}
	if c.Out == standard {
		job.to, job.name = flv.NewWriter(std.out), "standard output"
		err := job.run(ctx)
		job.progress.end()
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(c.Out), "."+filepath.Base(c.Out)+".*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", c.Out, err)
	}
	job.name = c.Out
	job.to = newFileWriter(file, kind, c.Fragmented)
	err = job.run(ctx)
	job.progress.end()
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if err := c.publish(file.Name()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// publish gives a finished file its name, and the rights that new files have.
func (c *convertCommand) publish(name string) error {
	if err := c.checkExists(); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(c.Out); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.Chmod(name, mode); err != nil {
		return fmt.Errorf("cannot write %s: %w", c.Out, err)
	}
	if err := os.Rename(name, c.Out); err != nil {
		return fmt.Errorf("cannot write %s: %w", c.Out, err)
	}
	return nil
}

// begin goes to the key frame that the output begins with, and returns its time.
func (c *convertCommand) begin(src *source) (time.Duration, error) {
	if src.isLive() {
		if c.Start != 0 {
			return 0, &exitError{exitUsage, fmt.Errorf("--start needs a file: there is no way back in %s", src.name)}
		}
		return 0, nil
	}
	if src.opened == nil { // an FLV file: to begin anywhere, and to pass over damage, takes its index
		if err := src.index(); err != nil {
			return 0, src.failure(err)
		}
	}
	cursor := src.opened.NewCursor()
	src.packets = cursor
	if c.Start == 0 {
		return 0, nil // a seek would pass over sound in front of the first picture
	}
	if length := src.opened.Info().Duration; c.Start > length {
		return 0, fmt.Errorf("%s ends at %s, before --start", src.name, clock(length))
	}
	from, err := cursor.Seek(c.Start)
	if err != nil {
		return 0, src.failure(err)
	}
	return from, nil
}

// repair mends the file itself.
func (c *convertCommand) repair() (err error) {
	file, err := os.OpenFile(c.In, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cannot repair the file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("cannot repair the file: %w", err)
	}
	kind, err := container.DetectIn(io.NewSectionReader(file, 0, info.Size()))
	if err != nil {
		return fmt.Errorf("reading %s: %w", c.In, err)
	}
	switch kind {
	case container.FLV:
		_, err = flvfile.Repair(&storage{File: file, size: info.Size()})
	case container.MP4:
		_, err = mp4.Repair(file, info.Size())
	default:
		return fmt.Errorf("%s is neither an FLV nor an MP4 file, nothing else can be repaired", c.In)
	}
	switch {
	case errors.Is(err, format.ErrNoTrack):
		return fmt.Errorf("%s holds no audio and no video that could be saved", c.In)
	case errors.Is(err, format.ErrStructure):
		return fmt.Errorf("%s cannot be repaired: %s", c.In, withoutRoom(err))
	case err != nil:
		return fmt.Errorf("cannot repair %s: %w", c.In, err)
	}
	return nil
}

// fileWriter is a writer of a container.
type fileWriter interface {
	media.Writer
	Close() error
}

func newFileWriter(file *os.File, kind container.Kind, fragmented bool) fileWriter {
	switch {
	case kind == container.MP4 && fragmented:
		return mp4.NewWriter(file, nil)
	case kind == container.MP4:
		return mp4.NewProgressiveWriter(file)
	}
	return flvfile.NewWriter(&storage{File: file})
}

// storage is a file that is being written, whose size is known without asking for it.
type storage struct {
	*os.File

	size int64
}

// Size returns the number of bytes in the file.
func (s *storage) Size() int64 { return s.size }

// WriteAt writes at an offset.
func (s *storage) WriteAt(b []byte, offset int64) (int, error) {
	n, err := s.File.WriteAt(b, offset)
	s.size = max(s.size, offset+int64(n))
	return n, err
}

// Truncate changes the size of the file.
func (s *storage) Truncate(size int64) error {
	if err := s.File.Truncate(size); err != nil {
		return err
	}
	s.size = size
	return nil
}
