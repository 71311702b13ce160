package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"leat/amf"
)

// Peers choose how large values are, and objects may refer to each other: without bounds a small message fills a disk.
const (
	maxValues = 64   // members of an object, elements of an array
	maxDepth  = 6    // of objects in objects
	maxLine   = 8192 // bytes; the value that passes it is the last
)

// appendValue writes an AMF value as people write JavaScript.
func (p *Printer) appendValue(b *strings.Builder, v any, depth int) {
	if depth > maxDepth || b.Len() > maxLine {
		b.WriteString("…")
		return
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case amf.Undefined:
		b.WriteString("undefined")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int:
		b.WriteString(strconv.Itoa(v))
	case float64:
		b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	case string:
		b.WriteString(printable(p.masked(v)))
	case amf.XML:
		b.WriteString("xml " + printable(p.masked(string(v))))
	case amf.XMLDocument:
		b.WriteString("xml " + printable(p.masked(string(v))))
	case time.Time:
		b.WriteString(v.UTC().Format(time.RFC3339Nano))
	case []byte:
		b.WriteString(inBytes(len(v)))
	case []any:
		b.WriteByte('[')
		for i, e := range v[:min(len(v), maxValues)] {
			if b.Len() > maxLine {
				break
			}
			comma(b, i)
			p.appendValue(b, e, depth+1)
		}
		more(b, len(v))
		b.WriteByte(']')
	case *amf.Object:
		p.appendObject(b, v, depth)
	default:
		fmt.Fprintf(b, "a value of %T", v)
	}
}

func (p *Printer) appendObject(b *strings.Builder, o *amf.Object, depth int) {
	if o == nil {
		b.WriteString("null")
		return
	}
	if o.Class != "" {
		b.WriteString(printable(o.Class) + " ")
	}
	b.WriteByte('{')
	for i, m := range o.Members[:min(len(o.Members), maxValues)] {
		if b.Len() > maxLine {
			break
		}
		comma(b, i)
		name := m.Name
		if !isWord(name) {
			name = printable(name)
		}
		b.WriteString(name + ": ")
		p.appendValue(b, m.Value, depth+1)
	}
	more(b, len(o.Members))
	b.WriteByte('}')
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

func more(b *strings.Builder, n int) {
	if n > maxValues {
		fmt.Fprintf(b, ", … %d more", n-maxValues)
	}
}

// isWord reports names that need no quotes.
func isWord(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '$' {
			return false
		}
	}
	return s != "" && len(s) <= maxPrinted
}

// maxSecrets is how many keys a Printer remembers.
const maxSecrets = 32

// hide remembers a stream name as a secret: as it was sent, and as servers repeat it, without query and outer slashes.
func (p *Printer) hide(key string) {
	name, _, _ := strings.Cut(key, "?")
	for _, s := range []string{key, strings.TrimSpace(name), strings.Trim(strings.TrimSpace(name), "/")} {
		if s != "" && len(p.secrets) < maxSecrets && !slices.Contains(p.secrets, s) {
			p.secrets = append(p.secrets, s)
		}
	}
}

// mask stands for a secret.
const mask = "•••"

// masked takes secrets out of a text: stream keys that have been seen, what follows a question mark, and a password in a URL.
func (p *Printer) masked(s string) string {
	if p.ShowSecrets {
		return s
	}
	for _, secret := range p.secrets {
		s = replaceWord(s, secret)
	}
	if before, _, ok := strings.Cut(s, "?"); ok && !strings.ContainsAny(before, " ") {
		s = before + "?" + mask
	}
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		host, path, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			s = scheme + "://" + mask + host[at:] + "/" + path
		}
	}
	return s
}

// replaceWord masks a secret where it stands alone: short keys are parts of words.
func replaceWord(s, secret string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, secret)
		if i < 0 {
			return b.String() + s
		}
		end := i + len(secret)
		if i > 0 && isWord(s[i-1:i]) && isWord(secret[:1]) || end < len(s) && isWord(s[end:end+1]) && isWord(secret[len(secret)-1:]) {
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		b.WriteString(s[:i] + mask)
		s = s[end:]
	}
}
