package config

import (
	"errors"
	"regexp"
	"strings"
)

// Rendition is a pattern for the names of one content at different bit rates: a name with {name} and {rate} in it.
type Rendition string

// UnmarshalText accepts a pattern that has each of its fields once.
func (r *Rendition) UnmarshalText(text []byte) error {
	s := string(text)
	if strings.Count(s, "{name}") != 1 || strings.Count(s, "{rate}") != 1 {
		return errors.New("must be a name with {name} and {rate} in it, such as {name}_{rate}")
	}
	*r = Rendition(s)
	return nil
}

// content returns what a stream shows; ok is false if its name does not fit the pattern.
func (r Rendition) content(stream string) (name string, ok bool) {
	pattern := regexp.QuoteMeta(string(r))
	pattern = strings.Replace(pattern, `\{name\}`, `(?P<name>.+)`, 1)
	pattern = strings.Replace(pattern, `\{rate\}`, `[^/]+?`, 1)
	expression, err := regexp.Compile("^" + pattern + "$")
	if err != nil {
		return "", false // a pattern of plain text always compiles
	}
	found := expression.FindStringSubmatch(stream)
	if found == nil {
		return "", false
	}
	return found[expression.SubexpIndex("name")], true
}

// Renditions is patterns, any of which will do.
type Renditions []Rendition

// Same reports whether two streams show the same content: they differ by what is {rate} in one of the patterns, or
// one has none. Names are compared without prefix and extension.
func (r Renditions) Same(a, b string) bool {
	if a == b {
		return true
	}
	for _, pattern := range r {
		x, isX := pattern.content(a)
		y, isY := pattern.content(b)
		if isX && (x == b || isY && x == y) || isY && y == a {
			return true
		}
	}
	return false
}
