package rtmp

import (
	"strconv"
	"strings"
)

// ParseURLLibrtmp takes s apart as librtmp and rtmpdump do, for commands that must find the same streams:
//
//   - The app is at most the first three segments of the path, always leaving one for the play path; a sole
//     segment is the app. "ondemand/" is an app by itself. Slashes in a query count.
//   - With "slist=" in a query the app is the whole path and query, and the play path the value of slist.
//   - The play path is percent-decoded, and an extension becomes a prefix: "dir/clip.mp4" is
//     "mp4:dir/clip", "song.mp3" is "mp3:song", and "clip.flv" is "clip".
//   - An unknown scheme is taken for rtmp, and a port that is none for the scheme's default.
//
// Beyond librtmp it takes IPv6 addresses in brackets and credentials before the host. An error is a *URLError: no "://",
// no host, one longer than 255 bytes, control characters, or rtmfp, which is another protocol.
func ParseURLLibrtmp(s string) (*URL, error) {
	if err := checkURLText(s); err != nil {
		return nil, err
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return nil, &URLError{"it has no scheme such as rtmp://"}
	}
	u := &URL{Scheme: strings.ToLower(scheme)}
	if u.Scheme == "rtmfp" {
		return nil, &URLError{"rtmfp is not supported"}
	}
	if _, ok := defaultPort(u.Scheme); !ok {
		u.Scheme = SchemeRTMP
	}
	authority, path, hasPath := strings.Cut(rest, "/")
	hostport, err := u.takeUserinfo(authority)
	if err != nil {
		return nil, err
	}
	port, err := u.takeHost(hostport)
	if err != nil {
		return nil, err
	}
	u.Port = leadingPort(port)
	if u.Port == 0 {
		u.Port, _ = defaultPort(u.Scheme)
	}

	u.TCURL = scheme + "://" + hostport
	if !hasPath {
		return u, nil
	}
	app, playPath := splitPathLibrtmp(path)
	u.App, u.Name = app, librtmpPlayPath(playPath)
	if app == "" {
		app = path // without an app librtmp's tcUrl is the whole text
	}
	u.TCURL += "/" + app
	return u, nil
}

// leadingPort returns the number that s begins with, 0 if there is none that is a port.
func leadingPort(s string) uint16 {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		s = s[:end]
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// splitPathLibrtmp finds the app in a path without its leading slash, and the text that the play path is made of.
func splitPathLibrtmp(path string) (app, playPath string) {
	if i := strings.IndexByte(path, '?'); i >= 0 && strings.Contains(path, "slist=") {
		return path, path[i:]
	}
	const onDemand = "ondemand"
	if rest, ok := strings.CutPrefix(path, onDemand+"/"); ok {
		return onDemand, rest
	}
	// The app ends before the third slash, or the last one if there are fewer.
	end := len(path)
	for at, n := 0, 0; n < 3; n++ {
		i := strings.IndexByte(path[at:], '/')
		if i < 0 {
			break
		}
		end = at + i
		at = end + 1
	}
	return path[:end], strings.TrimPrefix(path[end:], "/")
}

// librtmpPlayPath makes a stream name of the text behind the app.
func librtmpPlayPath(s string) string {
	fromList := false
	if strings.HasPrefix(s, "?") {
		if _, list, ok := strings.Cut(s, "slist="); ok {
			s, _, _ = strings.Cut(list, "&")
			fromList = true
		}
	}
	base, query := splitAtQuery(s)
	if len(base) >= 4 {
		stem, ext := base[:len(base)-4], base[len(base)-4:]
		switch {
		case ext == ".mp4" || ext == ".f4v":
			base = withPrefix(base, stem, "mp4:")
		case ext == ".mp3":
			base = withPrefix(base, stem, "mp3:")
		case ext == ".flv" && !fromList:
			base = stem
		}
	}
	return decodePercent(base + query)
}

// withPrefix returns stem with the prefix, or base as it is when it has the prefix already.
func withPrefix(base, stem, prefix string) string {
	if strings.HasPrefix(base, prefix) {
		return base
	}
	return prefix + stem
}

// decodePercent replaces well-formed percent-escapes and keeps the others as they are.
func decodePercent(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
