package rtmp

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrName is the error for an application or stream name that no key can be made of. The errors that wrap it say
// what is wrong, in words fit for a status description.
var ErrName = errors.New("rtmp: invalid name")

// Limits on names that peers choose. Names become map keys and log attributes; queries carry signed tokens, which
// may be longer.
const (
	MaxNameBytes  = 1 << 10 // of an application with its instance, and of a stream name, without query
	MaxQueryBytes = 8 << 10 // of a query
)

// defaultInstance is how clients write the default instance of an application (Flash Media Server's word).
const defaultInstance = "_definst_"

// oldVhost separates application and virtual host in URLs of SRS 1: "live...vhost...example.com".
const oldVhost = "...vhost..."

// SplitApp takes apart connect's app as clients write it: "app", "app/", "app/instance", "app/_definst_",
// each followed by "?query".
//
// The default instance is returned as "". The query is returned as written, for QueryValue and for hooks; parameters of
// publisher authentication are part of it. SRS's old "app...vhost...host" gives the query "vhost=host". An empty app is no
// error. Names are compared exactly and never percent-decoded. An error wraps ErrName: the name is longer than MaxNameBytes,
// the query longer than MaxQueryBytes, or there are control characters or invalid UTF-8.
func SplitApp(app string) (name, instance, query string, err error) {
	path, query, err := splitQuery(app)
	if err != nil {
		return "", "", "", err
	}
	if before, vhost, ok := strings.Cut(path, oldVhost); ok {
		path = before
		query = strings.TrimSuffix("vhost="+strings.Trim(vhost, "/")+"&"+query, "&")
	}
	path = strings.Trim(path, "/")
	path = strings.TrimSuffix(path, "/"+defaultInstance)
	name, instance, _ = strings.Cut(path, "/")
	return name, strings.TrimLeft(instance, "/"), query, nil
}

// SplitName takes apart the stream name of publish, play and their kin: "name" or "name?query". Slashes at the
// ends of the name are dropped; those inside it and prefixes such as "mp4:" stay.
//
// Its query and errors are those of SplitApp; an empty name is an error too.
func SplitName(s string) (name, query string, err error) {
	name, query, err = splitQuery(s)
	if err != nil {
		return "", "", err
	}
	if name = strings.Trim(name, "/"); name == "" {
		return "", "", fmt.Errorf("%w: it is empty", ErrName)
	}
	return name, query, nil
}

// QueryValue returns the value of the first parameter called key in a query of an app or a stream name,
// percent-decoded as far as it is well-formed.
//
// Parameters are separated by "&" and ";", and by "?", since clients append a second query to a text that has one
// already. A "+" is a plus sign: clients put unescaped Base64 into queries.
func QueryValue(query, key string) (value string, ok bool) {
	for query != "" {
		var part string
		i := strings.IndexAny(query, "&;?")
		if i < 0 {
			part, query = query, ""
		} else {
			part, query = query[:i], query[i+1:]
		}
		k, v, _ := strings.Cut(part, "=")
		if k != key {
			continue
		}
		if decoded, err := url.PathUnescape(v); err == nil {
			return decoded, true
		}
		return v, true
	}
	return "", false
}

// splitQuery cuts s at its first "?" and checks both parts.
func splitQuery(s string) (path, query string, err error) {
	path, query, _ = strings.Cut(s, "?")
	switch {
	case len(path) > MaxNameBytes:
		return "", "", fmt.Errorf("%w: it is longer than %d bytes", ErrName, MaxNameBytes)
	case len(query) > MaxQueryBytes:
		return "", "", fmt.Errorf("%w: its query is longer than %d bytes", ErrName, MaxQueryBytes)
	case hasControl(s):
		return "", "", fmt.Errorf("%w: it holds control characters or invalid UTF-8", ErrName)
	}
	return path, query, nil
}

// hasControl reports whether s holds control characters or is not UTF-8.
func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)
}
