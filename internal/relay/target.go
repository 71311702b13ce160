package relay

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"

	"leat/media"
	"leat/rtmp"
)

// Target is another server that streams are pushed to. It is not changed once it is in use.
type Target struct {
	// Name is what logs and metrics call the target. "" means the host of URL.
	Name string
	// URL is rtmp://host/app/name or the like, in which {app}, {instance} and {name} stand for those of the stream. Without a name
	// the stream keeps its own. User and password may stand before the host.
	URL string
	// Key is the name of the stream at the target if that is a secret; URL then ends with the application. "" takes URL's.
	Key string
	// User and Password are for targets that ask publishers for them; "" takes those of URL.
	User, Password string
	// CA is PEM certificates that are trusted for rtmps instead of the system's. "" trusts the system's.
	CA string

	// Video and Audio choose tracks. A chosen one is sent as the only one, in a plain message, as targets want it that know
	// nothing of multitrack streams.
	Video, Audio Track
	// Codecs are sent, and no others; empty sends all. Codecs without a FourCC are always sent.
	Codecs []media.FourCC
	// LegacyCodecs writes HEVC and its kin by their old numbers for a target that announces nothing of Enhanced RTMP.
	LegacyCodecs bool
}

// Track chooses among the tracks of one kind: TrackAll, TrackNone, or what Only returns.
type Track int

// The choices that are no single track.
const (
	TrackAll  Track = 0
	TrackNone Track = -1
)

// Only chooses the track with that number (E-RTMP v2, multitrack).
func Only(number uint8) Track { return Track(number) + 1 }

// takes reports whether the choice has the track with that number.
func (t Track) takes(number uint8) bool { return t == TrackAll || t == Only(number) }

// name is what logs and metrics call the target.
func (t *Target) name() string {
	if t.Name != "" {
		return t.Name
	}
	u, err := rtmp.ParseURL(t.URL)
	if err != nil {
		return "unknown"
	}
	return u.Host
}

// place is where a stream goes or comes from.
type place struct {
	url     *rtmp.URL
	tls     *tls.Config // nil: the system's roots
	secrets *strings.Replacer
}

// address fills in where a stream goes at the target.
func (t *Target) address(key media.Key) (*place, error) {
	return newPlace(t.URL, t.Key, t.User, t.Password, t.CA, key)
}

// newPlace fills in a template. streamKey, user and password are taken instead of the template's unless they are "".
func newPlace(template, streamKey, user, password, ca string, key media.Key) (*place, error) {
	if streamKey != "" && !strings.ContainsAny(template, "?#") {
		template = strings.TrimRight(template, "/") + "/" // all of its path is the application
	}
	u, err := rtmp.ParseURL(template)
	if err != nil {
		return nil, err
	}
	fill := strings.NewReplacer("{app}", key.App, "{instance}", key.Instance, "{name}", key.Name)
	u.App, u.TCURL, u.Name = fill.Replace(u.App), fill.Replace(u.TCURL), fill.Replace(u.Name)
	u.Name = cmp.Or(streamKey, u.Name, key.Name)
	if user != "" {
		u.User, u.Password = user, password
	}
	p := &place{url: u}
	if ca != "" {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(ca)) {
			return nil, errors.New("relay: ca_file holds no PEM certificate")
		}
		p.tls = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	p.secrets = secretsOf(u, streamKey)
	return p, nil
}

// secretsOf hides what servers like to quote in their refusals.
func secretsOf(u *rtmp.URL, streamKey string) *strings.Replacer {
	var pairs []string
	_, nameQuery, _ := strings.Cut(u.Name, "?")
	_, appQuery, _ := strings.Cut(u.App, "?")
	name, _, _ := strings.Cut(streamKey, "?")
	for _, secret := range []string{streamKey, name, nameQuery, appQuery, u.Password} {
		if secret != "" {
			pairs = append(pairs, secret, "[hidden]")
		}
	}
	return strings.NewReplacer(pairs...)
}

// String is the address without the name of the stream, which may be a key, and without queries and credentials.
func (p *place) String() string {
	app, _, _ := strings.Cut(p.url.App, "?")
	return p.url.Scheme + "://" + p.url.Address() + "/" + app
}
