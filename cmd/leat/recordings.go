package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"leat/internal/config"
	"leat/internal/node"
	"leat/media"
)

// recordingsCommand is `leat recordings`.
type recordingsCommand struct {
	Ls     recordingsList   `cmd:"" help:"List recordings."`
	Rm     recordingsRemove `cmd:"" help:"Remove recordings."`
	Repair recordingsRepair `cmd:"" help:"Repair recordings that were not finished, and the list of them."`
}

// recordingsFolder is the flags that say which recordings are meant.
type recordingsFolder struct {
	Config string  `help:"Configuration file of the server." placeholder:"FILE" type:"path"`
	Data   *string `help:"Data folder of the server (default data)." placeholder:"DIR"`
}

// open opens the archive; nil if nothing was recorded.
func (f *recordingsFolder) open(std streams) (*node.Archive, error) {
	var overrides []config.Override
	if f.Data != nil {
		overrides = append(overrides, config.Override{Field: "data", Value: *f.Data, Flag: "--data"})
	}
	cfg, err := config.Load(f.Config, os.Environ(), overrides...)
	if err != nil {
		return nil, mistaken(err)
	}
	log := newLogger(std.err, config.LogText, slog.LevelWarn)
	archive, err := node.OpenArchive(cfg, log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there are no recordings under %s", cfg.Data)
	}
	return archive, err
}

type recordingsList struct {
	recordingsFolder
	JSON bool `name:"json" help:"Print them as JSON, for programs."`
}

// recordingJSON is a recording as --json shows it. Times are in seconds.
type recordingJSON struct {
	Stream   string    `json:"stream"`
	App      string    `json:"app"`
	Instance string    `json:"instance,omitempty"`
	Name     string    `json:"name"`
	Path     string    `json:"path"`
	Format   string    `json:"format"`
	Take     time.Time `json:"take"`
	Segment  int       `json:"segment"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended,omitzero"`
	Offset   float64   `json:"offset"`
	Duration float64   `json:"duration"`
	Size     int64     `json:"size"`
	Complete bool      `json:"complete"`
	Place    string    `json:"place,omitempty"` // local, uploading or stored; nothing while a server runs
	OnDisk   bool      `json:"on_disk"`         // false when only the object store has it
}

// Run prints a line for each file.
func (c *recordingsList) Run(std streams) (err error) {
	archive, err := c.open(std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	if archive.InUse() {
		if _, err := fmt.Fprintln(std.err, "A server is running with this data folder: durations, and what only the object store has, are not known."); err != nil {
			return err
		}
	}
	if c.JSON {
		return c.printJSON(std, archive)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	var failed error
	line := func(columns ...any) bool {
		_, failed = fmt.Fprintf(table, "%v\t%v\t%v\t%v\t%v\t%v\n", columns...)
		return failed == nil
	}
	line("STREAM", "STARTED", "DURATION", "SIZE", "PLACE", "FILE")
	err = archive.List(func(r *node.Recording) bool {
		duration := "-"
		if r.Complete {
			duration = r.Duration.Round(10 * time.Millisecond).String()
		}
		return line(plain(media.Key(r.StreamKey).String()), r.Started.Local().Format(time.DateTime), duration, r.Size, cmp.Or(place(archive, r), "-"), r.Path)
	})
	return errors.Join(err, failed, table.Flush())
}

// place says where a recording is; nothing if that is not known.
func place(archive *node.Archive, r *node.Recording) string {
	if archive.InUse() {
		return ""
	}
	return r.Place.String()
}

// plain keeps characters that a terminal would obey out of a line.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, name)
}

func (c *recordingsList) printJSON(std streams, archive *node.Archive) error {
	list := []recordingJSON{}
	err := archive.List(func(r *node.Recording) bool {
		list = append(list, recordingJSON{
			Stream: media.Key(r.StreamKey).String(), App: r.App, Instance: r.Instance, Name: r.Name, Path: r.Path, Format: r.Format,
			Take: r.Take, Segment: r.Segment, Started: r.Started, Ended: r.Ended,
			Offset: r.Offset.Seconds(), Duration: r.Duration.Seconds(), Size: r.Size, Complete: r.Complete,
			Place: place(archive, r), OnDisk: !r.OffDisk,
		})
		return true
	})
	if err != nil {
		return err
	}
	out := json.NewEncoder(std.out)
	out.SetIndent("", "  ")
	return out.Encode(list)
}

type recordingsRemove struct {
	recordingsFolder
	Names []string `arg:"" name:"name" help:"FILE as ls shows it, or STREAM for all of its recordings."`
}

// Run removes files, and says which.
func (c *recordingsRemove) Run(std streams) (err error) {
	archive, err := c.open(std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	for _, name := range c.Names {
		gone, err := archive.Remove(name)
		for _, path := range gone {
			if _, err := fmt.Fprintf(std.out, "removed %s\n", path); err != nil {
				return err
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no recording %q; see leat recordings ls", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type recordingsRepair struct {
	recordingsFolder
}

// Run repairs what was not finished, and says what it has done.
func (c *recordingsRepair) Run(ctx context.Context, std streams) (err error) {
	archive, err := c.open(std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	report, err := archive.Repair(ctx)
	for _, part := range []struct {
		what  string
		paths []string
	}{
		{"repaired", report.Repaired},
		{"found again", report.Added},
		{"removed, it was empty", report.Removed},
		{"forgotten, there is no file", report.Missing},
		{"failed", report.Failed},
	} {
		for _, path := range part.paths {
			if _, err := fmt.Fprintf(std.out, "%s: %s\n", path, part.what); err != nil {
				return err
			}
		}
	}
	if err == nil && len(report.Failed) > 0 {
		err = fmt.Errorf("%d recordings could not be repaired", len(report.Failed))
	}
	return err
}
