package config

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Recordings says how files of recordings are written, whichever application they are of.
type Recordings struct {
	Sync    time.Duration `yaml:"sync" reload:"restart" min:"0s" max:"1h"`     // 0: only when a file is complete
	MinFree int           `yaml:"min_free" reload:"restart" min:"0" max:"100"` // percent; 0: a disk may be filled up

	S3 S3 `yaml:"s3"`
}

// Record says which streams of an application are recorded, and how. default.yaml says what each field means.
type Record struct {
	When         RecordWhen     `yaml:"when" reload:"hot"`
	Names        NamePatterns   `yaml:"names" reload:"hot"` // with RecordAlways
	Format       RecordFormat   `yaml:"format" reload:"hot"`
	Template     RecordTemplate `yaml:"template" reload:"hot"`
	SegmentTime  time.Duration  `yaml:"segment_time" reload:"hot" min:"0s" max:"168h"` // 0: no limit
	SegmentSize  Size           `yaml:"segment_size" reload:"hot"`                     // 0: no limit
	KeepVersions int            `yaml:"keep_versions" reload:"hot" min:"0" max:"1000"`
	KeepAge      time.Duration  `yaml:"keep_age" reload:"hot" min:"0s"` // 0: for ever
	KeepSize     Size           `yaml:"keep_size" reload:"hot"`         // 0: no limit
}

// RecordWhen says which streams are recorded.
type RecordWhen string

// The choices.
const (
	RecordNever  RecordWhen = "never"  // also those whose publishers ask for it
	RecordAsked  RecordWhen = "asked"  // those whose publishers ask for it
	RecordAlways RecordWhen = "always" // and those with certain names
)

// UnmarshalText accepts the choices by name.
func (w *RecordWhen) UnmarshalText(text []byte) error {
	return oneOf(w, text, RecordNever, RecordAsked, RecordAlways)
}

// RecordFormat is a container for recordings.
type RecordFormat string

// The formats.
const (
	RecordFLV RecordFormat = "flv"
	RecordMP4 RecordFormat = "mp4" // fragmented
)

// UnmarshalText accepts the formats by name.
func (f *RecordFormat) UnmarshalText(text []byte) error { return oneOf(f, text, RecordFLV, RecordMP4) }

// RecordTemplate makes names of files: a path with placeholders.
type RecordTemplate string

var (
	templateField = regexp.MustCompile(`\{(app|name|time|date)\}`)
	templatePart  = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)
)

// UnmarshalText accepts a path of letters, digits, "-", "_", "." and placeholders.
func (t *RecordTemplate) UnmarshalText(text []byte) error {
	s := string(text)
	for part := range strings.SplitSeq(s, "/") {
		if !templatePart.MatchString(templateField.ReplaceAllString(part, "x")) {
			return errors.New("must be a path of letters, digits, -, _, . and {app}, {name}, {time}, {date}, such as {app}/{name}/{time}")
		}
		if strings.Contains(part, "{app}") && strings.Contains(part, "{name}") {
			return errors.New("must have a / between {app} and {name}, so that all recordings have different names")
		}
	}
	for _, field := range []string{"{app}", "{name}", "{time}"} {
		if strings.Count(s, field) != 1 {
			return errors.New("must have each of {app}, {name} and {time} once, so that all recordings have different names")
		}
	}
	*t = RecordTemplate(s)
	return nil
}

// NamePattern is for names of streams, as path.Match has it: "*" stands for everything but "/".
type NamePattern string

// UnmarshalText accepts a pattern.
func (p *NamePattern) UnmarshalText(text []byte) error {
	if _, err := path.Match(string(text), ""); err != nil {
		return errors.New("must be a name or a pattern such as cam-*: a bracket is not closed")
	}
	*p = NamePattern(text)
	return nil
}

// NamePatterns is patterns any of which will do. "*" alone fits names with "/" as well.
type NamePatterns []NamePattern

// Match reports whether one of the patterns fits name.
func (p NamePatterns) Match(name string) bool {
	return slices.ContainsFunc(p, func(pattern NamePattern) bool { return pattern == "*" || fits(string(pattern), name) })
}
