package rtmp

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// URL is an RTMP address taken apart into what a client needs: where to connect, what to say in connect,
// and which stream to publish or play.
//
// The parts hold what goes on the wire: App and Name keep their percent-escapes and queries unless
// the parser that made the URL says otherwise.
type URL struct {
	Scheme string // one of the Scheme constants, lower case
	Host   string // name or address; an IPv6 address without its brackets
	Port   uint16 // never 0: the scheme's default when the text had none

	App  string // connect's app, with its query if it has one; without slashes at the ends
	Name string // stream name (play path, stream key), with its query; empty if the text names no stream

	User     string // credentials for publisher authentication, percent-decoded; never part of TCURL
	Password string

	// TCURL is connect's tcUrl: the text as it was written up to the end of App, without credentials and
	// fragment. It has a port only if the text had one. Who changes App sets it anew, see FullTCURL.
	TCURL string
}

// The schemes of RTMP. SchemeRTMPE and SchemeRTMPTE encrypt with RC4 and a key agreed in the handshake, which
// keeps nobody out who can change bytes on the way; SchemeRTMPS and SchemeRTMPTS use TLS.
const (
	SchemeRTMP   = "rtmp"
	SchemeRTMPS  = "rtmps"
	SchemeRTMPE  = "rtmpe"
	SchemeRTMPT  = "rtmpt"
	SchemeRTMPTS = "rtmpts"
	SchemeRTMPTE = "rtmpte"
)

// URLError says why a text is no usable RTMP URL. It does not repeat the text, which may hold credentials
// or a stream key.
type URLError struct {
	Reason string // one plain clause, such as "no host name"
}

// Error returns the reason.
func (e *URLError) Error() string { return "rtmp: invalid URL: " + e.Reason }

// maxURLBytes bounds what ParseURL looks at: URLs come from peers as well, in redirects.
const maxURLBytes = 8 << 10

// ParseURL takes s apart as leat's client does:
//
//		scheme://[user[:password]@]host[:port]/app[/instance][/name][?query][#name]
//
//	  - The last segment of the path is the name and all before it the app, except that a segment that contains
//	    "mp4:", "mp3:" or "flv:" begins the name. A path that ends in "/" or has one segment only names no stream.
//	  - A query belongs to the name, or to the app when there is no name. In "app?vhost=example.com/key" it
//	    belongs to the app, and the name follows its last "/".
//	  - A fragment is the name, percent-decoded; then the whole path and query are the app.
//	  - User and password are percent-decoded; app and name from the path are not.
//	  - The host may be an IPv6 address in brackets. The default port is 1935, 443 with TLS, and 80 with HTTP.
//
// Unlike ParseURLLibrtmp it refuses unknown schemes, bad ports and control characters. An error is a *URLError.
func ParseURL(s string) (*URL, error) {
	if err := checkURLText(s); err != nil {
		return nil, err
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return nil, &URLError{"it has no scheme such as rtmp://"}
	}
	u := &URL{Scheme: strings.ToLower(scheme)}
	if u.Port, ok = defaultPort(u.Scheme); !ok {
		return nil, &URLError{"the scheme is not one of RTMP"}
	}
	rest, fragment, _ := strings.Cut(rest, "#")

	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], strings.TrimPrefix(rest[end:], "/")
	hostport, err := u.takeUserinfo(authority)
	if err != nil {
		return nil, err
	}
	port, err := u.takeHost(hostport)
	if err != nil {
		return nil, err
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return nil, &URLError{"the port is not a number from 1 to 65535"}
		}
		u.Port = uint16(n)
	}

	if fragment != "" {
		u.App = path
		if u.Name, err = unescape(fragment); err != nil {
			return nil, err
		}
	} else {
		u.App, u.Name = splitPath(path)
	}
	appPath, query := splitAtQuery(u.App)
	u.App = strings.Trim(appPath, "/") + query
	u.TCURL = u.Scheme + "://" + strings.TrimSuffix(hostport, ":") + "/" + u.App
	return u, nil
}

// Address returns Host and Port in the form that net.Dial takes.
func (u *URL) Address() string {
	return net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port)))
}

// FullTCURL returns scheme://host:port/app, always with the port, as rtmpdump and FFmpeg send it.
// Credentials are not part of it.
func (u *URL) FullTCURL() string {
	return u.Scheme + "://" + u.Address() + "/" + u.App
}

// TLS reports whether the scheme runs inside TLS.
func (u *URL) TLS() bool { return u.Scheme == SchemeRTMPS || u.Scheme == SchemeRTMPTS }

// Tunneled reports whether the scheme carries RTMP in HTTP requests.
func (u *URL) Tunneled() bool { return strings.HasPrefix(u.Scheme, SchemeRTMPT) }

// Encrypted reports whether the scheme asks for the RTMPE handshake.
func (u *URL) Encrypted() bool { return u.Scheme == SchemeRTMPE || u.Scheme == SchemeRTMPTE }

// takeUserinfo takes the credentials from the front of authority and returns what follows them.
func (u *URL) takeUserinfo(authority string) (hostport string, err error) {
	i := strings.LastIndexByte(authority, '@')
	if i < 0 {
		return authority, nil
	}
	user, password, _ := strings.Cut(authority[:i], ":")
	if u.User, err = unescape(user); err != nil {
		return "", err
	}
	if u.Password, err = unescape(password); err != nil {
		return "", err
	}
	return authority[i+1:], nil
}

// maxHostBytes is the longest host name that librtmp and the domain name system take.
const maxHostBytes = 255

// takeHost sets Host from hostport and returns the text of the port, empty if there is none.
func (u *URL) takeHost(hostport string) (port string, err error) {
	if rest, ok := strings.CutPrefix(hostport, "["); ok {
		host, after, ok := strings.Cut(rest, "]")
		if !ok {
			return "", &URLError{"a bracket around the host is not closed"}
		}
		// RFC 6874 writes the zone of an address behind an escaped percent sign.
		u.Host = strings.Replace(host, "%25", "%", 1)
		if port, ok = strings.CutPrefix(after, ":"); !ok && after != "" {
			return "", &URLError{"text between host and port"}
		}
	} else {
		u.Host, port, _ = strings.Cut(hostport, ":")
	}
	switch {
	case u.Host == "":
		return "", &URLError{"no host name"}
	case len(u.Host) > maxHostBytes:
		return "", &URLError{fmt.Sprintf("the host name is longer than %d bytes", maxHostBytes)}
	case strings.ContainsAny(u.Host, " []?"):
		return "", &URLError{"the host name holds a space, bracket or question mark"}
	}
	return port, nil
}

// splitPath applies ParseURL's rule for app and name to a path without its leading slash.
func splitPath(path string) (app, name string) {
	plain, query := splitAtQuery(path)
	for at := 0; ; {
		segment, _, more := strings.Cut(plain[at:], "/")
		if namesFile(segment) {
			return path[:at], path[at:]
		}
		if !more {
			break
		}
		at += len(segment) + 1
	}
	if i := strings.LastIndexByte(plain, '/'); i >= 0 {
		if i == len(plain)-1 {
			return plain[:i] + query, ""
		}
		return path[:i], path[i+1:]
	}
	// SRS writes app?vhost=host/name; the name may have a query of its own.
	if query != "" {
		first, _ := splitAtQuery(query[1:])
		if i := strings.LastIndexByte(first, '/'); i >= 0 && i < len(first)-1 {
			i += len(plain) + 1
			return path[:i], path[i+1:]
		}
	}
	return path, ""
}

// splitAtQuery cuts s before its first "?".
func splitAtQuery(s string) (path, query string) {
	if i := strings.IndexByte(s, '?'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// namesFile reports whether a path segment has one of the prefixes by which Flash Media Server knows files.
func namesFile(segment string) bool {
	return strings.Contains(segment, "mp4:") || strings.Contains(segment, "mp3:") || strings.Contains(segment, "flv:")
}

func defaultPort(scheme string) (port uint16, ok bool) {
	switch scheme {
	case SchemeRTMP, SchemeRTMPE:
		return 1935, true
	case SchemeRTMPS, SchemeRTMPTS:
		return 443, true
	case SchemeRTMPT, SchemeRTMPTE:
		return 80, true
	}
	return 0, false
}

func checkURLText(s string) error {
	switch {
	case len(s) > maxURLBytes:
		return &URLError{fmt.Sprintf("longer than %d bytes", maxURLBytes)}
	case hasControl(s):
		return &URLError{"control characters or invalid UTF-8"}
	}
	return nil
}

func unescape(s string) (string, error) {
	t, err := url.PathUnescape(s)
	if err != nil {
		return "", &URLError{"bad percent-escape"}
	}
	if hasControl(t) {
		return "", &URLError{"control characters or invalid UTF-8 in a percent-escape"}
	}
	return t, nil
}
