package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"leat/internal/config"
)

// configCommand is `leat config`.
type configCommand struct {
	Print configPrint `cmd:"" help:"Print the annotated default configuration."`
	Check configCheck `cmd:"" help:"Look for mistakes in a configuration file, the LEAT_ environment over it."`
}

type configPrint struct{}

// Run prints the defaults as they are embedded.
func (configPrint) Run(std streams) error {
	if _, err := std.out.Write(config.DefaultYAML); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	return nil
}

type configCheck struct {
	File string `arg:"" help:"Configuration file."`
}

// Run loads the file as serve does and says what is wrong with it, a line for each mistake.
func (c configCheck) Run(std streams) error {
	if c.File == "" {
		return &exitError{exitUsage, errors.New("config check needs the name of a file")}
	}
	if _, err := config.Load(c.File, os.Environ()); err != nil {
		return mistaken(err)
	}
	if _, err := fmt.Fprintf(std.out, "%s is in order\n", c.File); err != nil {
		return fmt.Errorf("report on %s: %w", c.File, err)
	}
	return nil
}

// mistaken says what the lines of a configuration's mistakes are about. A file that cannot be read has none, and those of flags are
// of the command line.
func mistaken(err error) error {
	if errors.Is(err, config.ErrUnreadable) {
		return err
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok && !slices.ContainsFunc(all.Unwrap(), notByFlag) {
		return &exitError{exitUsage, err}
	}
	return fmt.Errorf("the configuration has mistakes:\n%w", err)
}

// notByFlag reports whether a mistake stands elsewhere than in a flag of the command line.
func notByFlag(err error) bool {
	mistake, ok := errors.AsType[*config.Error](err)
	return !ok || !strings.HasPrefix(mistake.Field, "--")
}
