package record

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"leat/media"
)

const (
	timeLayout = "20060102T150405.000Z" // UTC; no character that a file system minds
	dateLayout = "2006-01-02"

	// maxPiece is how long a name may be until it becomes several folders; a file's name has 255 bytes at most, and
	// there must be room for the time and the ending.
	maxPiece = 180
	// maxComponent bounds a part of a path, bytes.
	maxComponent = 250
	// maxPath bounds a path, bytes, as the index does.
	maxPath = 4096
)

// Template makes the paths of recordings, without the ending. In it stand {app} (with "@" and the instance if that is not
// the default one), {name}, {time} (when the take began, UTC) and {date}; what is around them is letters, digits, "-", "_", "."
// and "/". The first three must be there, so that different takes have different paths.
type Template struct {
	text    string
	pattern *regexp.Regexp // finds key and time in a path
	groups  []string       // what the groups of pattern are
}

// DefaultTemplate is the text of the template for who asks for no other.
const DefaultTemplate = "{app}/{name}/{time}"

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// literal is what may stand around the placeholders: no part of a path begins with a dot.
var literal = regexp.MustCompile(`^[A-Za-z0-9_./-]*$`)

// element is how a name looks in a path, see escape.
const element = `[^/+@]+(?:/\+[^/@]+)*`

// ParseTemplate returns the template of a text. An error is a sentence about what the text must be.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{text: text}
	around := placeholder.ReplaceAllString(text, "x")
	for part := range strings.SplitSeq(text, "/") {
		if strings.Contains(part, "{app}") && strings.Contains(part, "{name}") {
			return nil, errors.New("must have a / between {app} and {name}, so that recordings have different names")
		}
	}
	for part := range strings.SplitSeq(around, "/") {
		if part == "" || strings.HasPrefix(part, ".") || !literal.MatchString(part) {
			return nil, fmt.Errorf("must be a path of letters, digits, -, _ and ., such as %s", DefaultTemplate)
		}
	}
	var pattern strings.Builder
	at := 0
	for _, m := range placeholder.FindAllStringIndex(text, -1) {
		pattern.WriteString(regexp.QuoteMeta(text[at:m[0]]))
		name := text[m[0]:m[1]]
		switch name {
		case "{app}":
			pattern.WriteString("(" + element + "(?:@" + element + ")?)")
		case "{name}":
			pattern.WriteString("(" + element + ")")
		case "{time}":
			pattern.WriteString(`(\d{8}T\d{6}\.\d{3}Z)`)
		case "{date}":
			pattern.WriteString(`(\d{4}-\d{2}-\d{2})`)
		default:
			return nil, fmt.Errorf("must have {app}, {name}, {time} or {date} in braces, not %s", name)
		}
		t.groups = append(t.groups, name)
		at = m[1]
	}
	pattern.WriteString(regexp.QuoteMeta(text[at:]))
	for _, name := range []string{"{app}", "{name}", "{time}"} {
		if strings.Count(text, name) != 1 {
			return nil, fmt.Errorf("must have %s once, so that recordings have different names", name)
		}
	}
	t.pattern = regexp.MustCompile("^" + pattern.String() + `(?:\+(\d+))?$`)
	return t, nil
}

// String returns the text.
func (t *Template) String() string { return t.text }

// path returns the path of a segment, counted from 1, with the ending ext.
func (t *Template) path(key media.Key, take time.Time, segment int, ext string) (string, error) {
	app := escape(key.App)
	if key.Instance != "" {
		app += "@" + escape(key.Instance)
	}
	take = take.UTC()
	p := strings.NewReplacer(
		"{app}", app, "{name}", escape(key.Name), "{time}", take.Format(timeLayout), "{date}", take.Format(dateLayout),
	).Replace(t.text)
	if segment > 1 {
		p += "+" + strconv.Itoa(segment)
	}
	p += ext
	if len(p) > maxPath {
		return "", fmt.Errorf("record: a path of %d bytes is too long", len(p))
	}
	for part := range strings.SplitSeq(p, "/") {
		if len(part) > maxComponent {
			return "", fmt.Errorf("record: a part of a path of %d bytes is too long", len(part))
		}
	}
	return p, nil
}

// parse is the reverse of path, without the ending.
func (t *Template) parse(path string) (key media.Key, take time.Time, segment int, ok bool) {
	m := t.pattern.FindStringSubmatch(path)
	if m == nil {
		return key, take, 0, false
	}
	segment = 1
	if last := m[len(m)-1]; last != "" {
		n, err := strconv.Atoi(last)
		if err != nil || n < 2 {
			return key, take, 0, false
		}
		segment = n
	}
	for i, name := range t.groups {
		var ok bool
		switch value := m[i+1]; name {
		case "{app}":
			app, instance, _ := strings.Cut(value, "@")
			if key.App, ok = unescape(app); !ok {
				return key, take, 0, false
			}
			key.Instance, ok = unescape(instance)
		case "{name}":
			key.Name, ok = unescape(value)
		case "{time}":
			var err error
			take, err = time.Parse(timeLayout, value)
			ok = err == nil
		default:
			ok = true
		}
		if !ok {
			return key, take, 0, false
		}
	}
	return key, take, segment, true
}

// escape returns s as one or more parts of a path; the second and further ones begin with "+". No two names have the
// same, and none is special to any file system.
func escape(s string) string {
	if s == "" {
		return "%"
	}
	var b strings.Builder
	piece := 0
	device := isDevice(s)
	for i := range len(s) {
		c := s[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' ||
			c == '.' && i > 0 && i < len(s)-1 && piece > 0 && piece < maxPiece-8
		if plain && (i > 0 || !device) {
			b.WriteByte(c)
			piece++
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
			piece += 3
		}
		if piece >= maxPiece && i < len(s)-1 {
			b.WriteString("/+")
			piece = 0
		}
	}
	return b.String()
}

var device = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// isDevice reports names that mean a device on some systems, whatever they end in.
func isDevice(s string) bool { return device.MatchString(s) }

// unescape is the reverse of escape. It takes what other escaping would have made, too.
func unescape(s string) (string, bool) {
	if s == "%" || s == "" {
		return "", true
	}
	s = strings.ReplaceAll(s, "/+", "")
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 > len(s) {
			return "", false
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), true
}
