package config

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Push says which streams of an application are pushed to another server. default.yaml says what each field means.
type Push struct {
	Name         string       `yaml:"name"` // empty is the host of URL
	URL          RelayURL     `yaml:"url"`
	Names        NamePatterns `yaml:"names"`
	Key          Secret       `yaml:"key"` // empty: the stream's own name, or the URL's
	KeyFile      string       `yaml:"key_file"`
	User         string       `yaml:"user"`
	Password     Secret       `yaml:"password"`
	PasswordFile string       `yaml:"password_file"`
	CAFile       string       `yaml:"ca_file"`
	VideoTrack   TrackChoice  `yaml:"video_track"`
	AudioTrack   TrackChoice  `yaml:"audio_track"`
	Codecs       FourCCs      `yaml:"codecs"` // empty is all
	LegacyCodecs bool         `yaml:"legacy_codecs"`

	CA string `yaml:"-"` // what is in CAFile
}

// Pushes is all that is pushed of an application. A file alone can set it.
type Pushes []Push

// Pull says which streams of an application are fetched from other servers.
type Pull struct {
	Names        NamePatterns  `yaml:"names"`
	Origins      []RelayURL    `yaml:"origins"`
	OnDemand     bool          `yaml:"on_demand"` // else Names are names, not patterns
	Idle         time.Duration `yaml:"idle" min:"1s" max:"24h"`
	Wait         time.Duration `yaml:"wait" min:"1s" max:"5m"`
	User         string        `yaml:"user"`
	Password     Secret        `yaml:"password"`
	PasswordFile string        `yaml:"password_file"`
	CAFile       string        `yaml:"ca_file"`

	CA string `yaml:"-"` // what is in CAFile
}

// Pulls is all that is pulled into an application; the first that fits a name counts. A file alone can set it.
type Pulls []Pull

// Lookup returns the first pull on demand whose names fit name.
func (p Pulls) Lookup(name string) (Pull, bool) {
	for _, pull := range p {
		if pull.OnDemand && pull.Names.Match(name) {
			return pull, true
		}
	}
	return Pull{}, false
}

func newPush() Push { return Push{Names: NamePatterns{"*"}} }

func newPull() Pull {
	return Pull{Names: NamePatterns{"*"}, OnDemand: true, Idle: 10 * time.Second, Wait: 10 * time.Second}
}

// RelayURL is an address of streams at another server, with placeholders. It may hold a key or a password, so only Reveal shows
// all of it.
type RelayURL struct{ text string }

// NewRelayURL returns the address written so. It is not checked.
func NewRelayURL(text string) RelayURL { return RelayURL{text} }

// Reveal returns the address as it was written.
func (u RelayURL) Reveal() string { return u.text }

// String returns scheme and host.
func (u RelayURL) String() string {
	parsed, err := url.Parse(u.text)
	if err != nil || u.text == "" {
		return hidden
	}
	return parsed.Scheme + "://" + parsed.Host + "/…"
}

// Format prints String for every verb, %#v and %x included.
func (u RelayURL) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, u.String()) // fmt.State keeps what it is given and cannot fail
}

// MarshalText is String.
func (u RelayURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText takes the address as it stands; check looks at it, for an error of UnmarshalText would be printed with the address.
func (u *RelayURL) UnmarshalText(text []byte) error {
	u.text = string(text)
	return nil
}

var relaySchemes = regexp.MustCompile(`^rtmp(s|e|t|ts|te)?$`)

// check returns what the address must be; "" if it can be used.
func (u RelayURL) check() string {
	parsed, err := url.Parse(u.text)
	switch {
	case u.text == "":
		return "must be set, such as rtmps://live.example.org/app"
	case err != nil || !relaySchemes.MatchString(strings.ToLower(parsed.Scheme)) || parsed.Hostname() == "":
		return "must be an address such as rtmp://host/app/{name} or rtmps://host/app"
	case strings.Trim(parsed.Path, "/") == "":
		return "must name the application, as in rtmp://host/app/{name}"
	}
	return ""
}

// TrackChoice is all, none or the number of one track.
type TrackChoice struct {
	None   bool
	One    bool // Number is the only one
	Number uint8
}

// UnmarshalText accepts the words and numbers from 0 to 255.
func (t *TrackChoice) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "all":
		*t = TrackChoice{}
	case "none":
		*t = TrackChoice{None: true}
	default:
		n, err := strconv.ParseUint(s, 10, 8)
		if err != nil {
			return errors.New("must be all, none or the number of a track, from 0 to 255")
		}
		*t = TrackChoice{One: true, Number: uint8(n)}
	}
	return nil
}

// String returns the word or the number.
func (t TrackChoice) String() string {
	switch {
	case t.None:
		return "none"
	case t.One:
		return strconv.Itoa(int(t.Number))
	}
	return "all"
}

// FourCC is a codec by its four characters, as Enhanced RTMP has it: avc1, hvc1, mp4a.
type FourCC string

// UnmarshalText accepts four characters.
func (c *FourCC) UnmarshalText(text []byte) error {
	if len(text) != 4 {
		return errors.New("must be the four characters of a codec, such as avc1, hvc1, av01, mp4a or Opus")
	}
	*c = FourCC(text)
	return nil
}

// FourCCs is codecs, any of which will do.
type FourCCs []FourCC

// relays decodes the push or pull of an application: a list of mappings.
func relays[T any](l *loader, node ast.Node, path string, from origin, fresh func() T) []T {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		l.failAt(from, path, "must be a list, each entry of which begins with \"- \""+tooClever(node))
		return nil
	}
	all := make([]T, len(list.Values))
	for i, item := range list.Values {
		at := from
		at.line = lineOf(item)
		name := fmt.Sprintf("%s[%d]", path, i)
		l.origins[name] = at
		all[i] = fresh()
		l.section(item, reflect.ValueOf(&all[i]).Elem(), name, at)
	}
	return all
}

// relayFiles reads the files that the pushes and pulls of an application name. Those of the defaults are read once.
func (l *loader) relayFiles(app *App, path string) {
	if l.origins[path+".push"] != (origin{}) {
		for i := range app.Push {
			p, name := &app.Push[i], fmt.Sprintf("%s.push[%d]", path, i)
			l.token(&p.Key, &p.KeyFile, name+".key")
			l.token(&p.Password, &p.PasswordFile, name+".password")
			l.certificates(&p.CA, &p.CAFile, name+".ca_file")
		}
	}
	if l.origins[path+".pull"] != (origin{}) {
		for i := range app.Pull {
			p, name := &app.Pull[i], fmt.Sprintf("%s.pull[%d]", path, i)
			l.token(&p.Password, &p.PasswordFile, name+".password")
			l.certificates(&p.CA, &p.CAFile, name+".ca_file")
		}
	}
}

// certificates reads a file of PEM certificates.
func (l *loader) certificates(pem, file *string, path string) {
	if *file == "" {
		return
	}
	l.resolve(file)
	text, err := os.ReadFile(*file)
	switch {
	case err != nil:
		l.fail(path, "cannot be read: "+err.Error())
	case !strings.Contains(string(text), "-----BEGIN CERTIFICATE-----"):
		l.fail(path, "holds no PEM certificate: "+*file)
	}
	*pem = string(text)
}

// validateRelays checks the pushes and pulls of an application that it has not taken over from the defaults.
func (l *loader) validateRelays(app *App, path, pattern string) {
	if l.origins[path+".push"] != (origin{}) {
		for i := range app.Push {
			l.validatePush(&app.Push[i], fmt.Sprintf("%s.push[%d]", path, i))
		}
	}
	static := l.origins[path+".pull"] != (origin{})
	for i := range app.Pull {
		if name := fmt.Sprintf("%s.pull[%d]", path, i); static {
			l.validatePull(&app.Pull[i], name, pattern)
		}
	}
}

func (l *loader) validatePush(p *Push, path string) {
	if reason := p.URL.check(); reason != "" {
		l.fail(path, "url "+reason)
	}
	if len(p.Names) == 0 {
		l.fail(path, "names must name a stream or a pattern")
	}
	if p.Password.IsSet() && p.User == "" {
		l.fail(path, "password needs user beside it")
	}
}

func (l *loader) validatePull(p *Pull, path, pattern string) {
	if len(p.Origins) == 0 {
		l.fail(path, "origins must name a server, such as rtmp://host/app/{name}")
	}
	for _, u := range p.Origins {
		if reason := u.check(); reason != "" {
			l.fail(path, "origins "+reason)
		}
	}
	for _, f := range leavesOf(reflect.ValueOf(p).Elem(), path) {
		l.validateRange(f)
	}
	if len(p.Names) == 0 {
		l.fail(path, "names must name a stream or a pattern")
	}
	if p.OnDemand {
		return
	}
	if strings.ContainsAny(pattern, `*?[\`) {
		l.fail(path, "needs on_demand: true in an application that is a pattern: nobody can tell which one is meant")
	}
	for _, name := range p.Names {
		if strings.ContainsAny(string(name), `*?[\`) {
			l.fail(path, fmt.Sprintf("names must be names, not patterns such as %q, when on_demand is false", string(name)))
		}
	}
}
