package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"path"
	"reflect"
	"strings"
)

// validate checks what the fields of a complete configuration mean.
func (l *loader) validate() {
	c := &l.config
	for _, f := range leavesOf(reflect.ValueOf(c).Elem(), "") {
		l.validateRange(f)
	}
	l.validateAddresses()
	l.validateRTC()
	l.validateTLS()
	l.validateS3()
	if c.Limits.PartialSize < c.Limits.MediaMessage {
		l.fail("limits.partial_size", fmt.Sprintf("must be at least limits.media_message (%s), not %s: a message of that length "+
			"could not be received", c.Limits.MediaMessage, c.Limits.PartialSize))
	}
	l.validateRelays(&c.Defaults, "defaults", "*")
	l.validateApps(c.Apps, "apps")
	for _, v := range c.VHosts {
		name := "vhosts." + v.Host
		l.validatePattern(v.Host, name)
		l.validateApps(v.Apps, name+".apps")
	}
}

// validateRange holds a number to the min and max of its struct tag.
func (l *loader) validateRange(f field) {
	for _, bound := range []struct {
		tag, words string
		sign       int64
	}{{"min", "must be at least", 1}, {"max", "must be at most", -1}} {
		text, ok := f.info.Tag.Lookup(bound.tag)
		if !ok {
			continue
		}
		limit := reflect.New(f.value.Type()).Elem()
		if err := setText(limit, text); err != nil {
			panic("config: the " + bound.tag + " of " + f.path + " " + err.Error())
		}
		if bound.sign*(number(f.value)-number(limit)) < 0 {
			l.fail(f.path, fmt.Sprintf("%s %v, not %v", bound.words, limit.Interface(), f.value.Interface()))
		}
	}
}

func number(v reflect.Value) int64 {
	if v.CanUint() {
		return int64(v.Uint()) // 32 bits at most
	}
	return v.Int()
}

func (l *loader) validateAddresses() {
	c := &l.config
	takenBy := make(map[string]string) // address → field
	for _, listener := range []struct{ field, address string }{
		{"rtmp", c.RTMP}, {"rtmps", c.RTMPS}, {"http", c.HTTP}, {"admin", c.Admin},
	} {
		if listener.address == "" {
			continue
		}
		_, port, err := net.SplitHostPort(listener.address)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			l.fail(listener.field, fmt.Sprintf("must be an address such as \":1935\" or \"127.0.0.1:8081\", or \"\", not %q",
				listener.address))
			continue
		}
		if other, ok := takenBy[listener.address]; ok && port != "0" {
			l.fail(listener.field, "listens where "+other+" does: "+listener.address)
		}
		takenBy[listener.address] = listener.field
	}
	if c.RTMP == "" && c.RTMPS == "" && c.HTTP == "" && c.Admin == "" {
		l.fail("rtmp", "is turned off, and so are rtmps, http and admin: the server would have nothing to do")
	}
}

func (l *loader) validateTLS() {
	c := &l.config
	switch {
	case len(c.TLS.Domains) > 0:
		l.validateDomains()
	case c.TLS.Cert == "" && c.TLS.Key == "":
		if c.RTMPS != "" {
			l.fail("rtmps", "needs a certificate: set tls.cert and tls.key, or tls.domains")
		}
	case c.TLS.Key == "":
		l.fail("tls.cert", "needs tls.key beside it")
	case c.TLS.Cert == "":
		l.fail("tls.key", "needs tls.cert beside it")
	default:
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			l.fail("tls.cert", "cannot be used with tls.key: "+strings.TrimPrefix(err.Error(), "tls: "))
		}
	}
}

// validateDomains checks what a certificate authority is asked for.
func (l *loader) validateDomains() {
	t := &l.config.TLS
	if t.Cert != "" || t.Key != "" {
		l.fail("tls.domains", "cannot be set together with tls.cert and tls.key")
	}
	for _, domain := range t.Domains {
		if _, err := netip.ParseAddr(domain); err == nil || !strings.Contains(domain, ".") || strings.ContainsAny(domain, "*/: ") {
			l.fail("tls.domains", fmt.Sprintf("must be names of hosts such as live.example.org, not %q", domain))
		}
	}
	if t.Email != "" && !strings.Contains(t.Email, "@") {
		l.fail("tls.email", fmt.Sprintf("must be an address such as you@example.org, not %q", t.Email))
	}
}

func (l *loader) validateApps(apps Apps, name string) {
	for _, app := range apps {
		l.validatePattern(app.Pattern, name+"."+app.Pattern)
		for _, f := range leavesOf(reflect.ValueOf(&app.App).Elem(), name+"."+app.Pattern) {
			if _, own := l.origins[f.path]; own { // the others were checked in defaults
				l.validateRange(f)
			}
		}
		l.validateRelays(&app.App, name+"."+app.Pattern, app.Pattern)
		if strings.Contains(app.Pattern, "/") {
			l.fail(name+"."+app.Pattern, "must be an application without instance or stream: no \"/\"")
		}
	}
}

func (l *loader) validatePattern(pattern, name string) {
	if _, err := path.Match(pattern, ""); err != nil {
		l.fail(name, "must be a name or a pattern such as cam-*: a bracket is not closed")
	}
}
