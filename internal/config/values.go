package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes. Its text is a number with an optional unit: 65536, 64 KiB, 16MiB, 1 GB.
type Size int64

// sizeUnits is in the order in which String looks for the largest unit that fits, then the decimal ones.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"KB", 1e3},
	{"B", 1},
}

// UnmarshalText parses a size. It may be followed by a unit, with or without a space between.
func (s *Size) UnmarshalText(text []byte) error {
	number, factor := strings.TrimSpace(string(text)), int64(1)
	for _, unit := range sizeUnits {
		if bare, ok := strings.CutSuffix(number, unit.name); ok {
			number, factor = strings.TrimSpace(bare), unit.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return errors.New("must be a size such as 65536, 64 KiB or 16 MiB")
	}
	*s = Size(n * factor)
	return nil
}

// String returns the size with the largest binary unit that divides it.
func (s Size) String() string {
	for _, unit := range sizeUnits[:3] {
		if s != 0 && int64(s)%unit.bytes == 0 {
			return fmt.Sprintf("%d %s", int64(s)/unit.bytes, unit.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Merge says how long messages to players are gathered into one write: MergeFrame, MergeNone or a duration.
type Merge time.Duration

// The ways to gather that are not a time.
const (
	MergeFrame Merge = 0                  // audio waits for the next video frame, 33 ms at most
	MergeNone  Merge = -1                 // each message at once
	maxMerge         = Merge(time.Second) // more is delay that nobody wants
)

// UnmarshalText parses none, frame, or a duration up to one second.
func (m *Merge) UnmarshalText(text []byte) error {
	switch string(text) {
	case "none":
		*m = MergeNone
		return nil
	case "frame":
		*m = MergeFrame
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Millisecond || Merge(d) > maxMerge {
		return errors.New("must be none, frame, or a duration from 1ms to 1s such as 50ms")
	}
	*m = Merge(d)
	return nil
}

// String returns the text that UnmarshalText parses.
func (m Merge) String() string {
	switch m {
	case MergeFrame:
		return "frame"
	case MergeNone:
		return "none"
	}
	return time.Duration(m).String()
}

// MarshalText is String.
func (m Merge) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Policy says what happens to a second publisher of a stream.
type Policy string

// The policies.
const (
	PolicyReject         Policy = "reject"           // the second is refused
	PolicyTakeover       Policy = "takeover"         // the second replaces the first
	PolicyTakeoverIfDead Policy = "takeover_if_dead" // the second replaces a first that has fallen silent
)

// UnmarshalText accepts the policies by name.
func (p *Policy) UnmarshalText(text []byte) error {
	return oneOf(p, text, PolicyReject, PolicyTakeover, PolicyTakeoverIfDead)
}

// SharedObjects says which shared objects clients may make.
type SharedObjects string

// The kinds of shared objects; each allows those before it.
const (
	SharedObjectsOff        SharedObjects = "off"        // none; those that are stored cannot be read either
	SharedObjectsTemporary  SharedObjects = "temporary"  // that vanish with their last user; stored ones can be used
	SharedObjectsPersistent SharedObjects = "persistent" // that are stored
)

// UnmarshalText accepts the kinds by name.
func (o *SharedObjects) UnmarshalText(text []byte) error {
	return oneOf(o, text, SharedObjectsOff, SharedObjectsTemporary, SharedObjectsPersistent)
}

// LogFormat is how log lines look.
type LogFormat string

// The formats.
const (
	LogText LogFormat = "text" // for people; in colour on a terminal
	LogJSON LogFormat = "json" // one object a line
)

// UnmarshalText accepts the formats by name.
func (f *LogFormat) UnmarshalText(text []byte) error { return oneOf(f, text, LogText, LogJSON) }

// oneOf sets target to the value that text names.
func oneOf[T ~string](target *T, text []byte, values ...T) error {
	if slices.Contains(values, T(text)) {
		*target = T(text)
		return nil
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	last := len(names) - 1
	return fmt.Errorf("must be %s or %s", strings.Join(names[:last], ", "), names[last])
}

// LogLevel is a slog.Level that is written debug, info, warn or error.
type LogLevel slog.Level

// Level makes LogLevel a slog.Leveler.
func (l LogLevel) Level() slog.Level { return slog.Level(l) }

// UnmarshalText accepts the four levels by name, in either case.
func (l *LogLevel) UnmarshalText(text []byte) error {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(level.String(), string(text)) {
			*l = LogLevel(level)
			return nil
		}
	}
	return errors.New("must be debug, info, warn or error")
}

// MarshalText returns the level in lower case.
func (l LogLevel) MarshalText() ([]byte, error) {
	return []byte(strings.ToLower(l.Level().String())), nil
}

// A Source is a set of addresses that clients come from: a word or a CIDR. The zero value holds none.
type Source struct {
	word   string // "loopback", "private", "any", or empty
	prefix netip.Prefix
}

// UnmarshalText parses loopback, private, any, an address or a CIDR.
func (s *Source) UnmarshalText(text []byte) error {
	switch word := string(text); word {
	case "loopback", "private", "any":
		*s = Source{word: word}
		return nil
	}
	if prefix, err := netip.ParsePrefix(string(text)); err == nil {
		*s = Source{prefix: prefix.Masked()}
		return nil
	}
	if addr, err := netip.ParseAddr(string(text)); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		*s = Source{prefix: netip.PrefixFrom(addr, addr.BitLen())}
		return nil
	}
	return errors.New("must be loopback, private, any, an address or a CIDR such as 203.0.113.0/24")
}

// String returns the word or the CIDR.
func (s Source) String() string {
	if s.word != "" {
		return s.word
	}
	return s.prefix.String()
}

// MarshalText is String.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Contains reports whether addr belongs to the source. An IPv4 address mapped into IPv6 counts as IPv4; private
// addresses are those of RFC 1918 and RFC 4193, and link-local ones.
func (s Source) Contains(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	switch s.word {
	case "any":
		return true
	case "loopback":
		return addr.IsLoopback()
	case "private":
		return addr.IsPrivate() || addr.IsLinkLocalUnicast()
	}
	return s.prefix.Contains(addr)
}

// Sources is sets of addresses, any of which will do. The empty list holds none.
type Sources []Source

// Contains reports whether addr belongs to one of the sources.
func (s Sources) Contains(addr netip.Addr) bool {
	return slices.ContainsFunc(s, func(source Source) bool { return source.Contains(addr) })
}

// HLSMode is how streams are cut for HLS.
type HLSMode string

// The modes.
const (
	HLSLowLatency HLSMode = "lowlatency" // segments and parts
	HLSPlain      HLSMode = "plain"      // segments
	HLSOff        HLSMode = "off"
)

// UnmarshalText accepts the modes by name.
func (m *HLSMode) UnmarshalText(text []byte) error {
	return oneOf(m, text, HLSLowLatency, HLSPlain, HLSOff)
}
