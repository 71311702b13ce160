package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"leat/rtmp"
)

// connectFlags are the flags of every verb that connects to a server.
type connectFlags struct {
	routeFlags

	App      string `help:"Application, where the URL does not show which part of it that is." placeholder:"APP"`
	Playpath string `help:"Stream name, likewise." placeholder:"NAME"`
	Insecure bool   `help:"Do not verify the certificate of an rtmps server."`
}

// target is a stream of a server, as a user named it.
type target struct {
	url     *rtmp.URL
	timeout time.Duration // for connecting, and for an answer to publish or play; 0: connecting has 10 s, answers have no limit
	tls     *tls.Config
	dialer  dialFunc      // nil: any way
	stall   time.Duration // how long a connection may take no byte that waits; 0: 30 s
	secrets *strings.Replacer
}

// target takes a URL apart. dial opens the connections where no flag says how.
func (f *connectFlags) target(rawURL string, timeout time.Duration, dial dialFunc) (*target, error) {
	u, err := rtmp.ParseURL(rawURL)
	if err != nil {
		reason := err.Error()
		if bad, ok := errors.AsType[*rtmp.URLError](err); ok {
			reason = bad.Reason
		}
		return nil, &exitError{exitUsage, fmt.Errorf("the URL cannot be used: %s; write it as rtmp://host/app/name", reason)}
	}
	if f.App != "" {
		u.App = f.App
		u.TCURL = u.FullTCURL()
	}
	if f.Playpath != "" {
		u.Name = f.Playpath
	}
	if u.Name == "" {
		return nil, &exitError{exitUsage, errors.New("the URL names no stream; write it as rtmp://host/app/name")}
	}
	if timeout < 0 {
		return nil, &exitError{exitUsage, errors.New("--timeout must not be negative")}
	}
	dialer, err := f.dialer()
	if err != nil {
		return nil, err
	}
	if dialer == nil {
		dialer = dial
	}
	t := &target{url: u, timeout: timeout, dialer: dialer, secrets: secretsOf(u)}
	if f.Insecure {
		t.tls = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} // the user asked for it
	}
	return t, nil
}

// isStreamURL reports whether an argument is an address of RTMP, well-formed or not, and no file.
func isStreamURL(arg string) bool {
	return strings.HasPrefix(strings.ToLower(arg), rtmp.SchemeRTMP) && strings.Contains(arg, "://")
}

// stream returns application and name without their queries, which may hold tokens.
func (t *target) stream() string {
	app, _, _ := strings.Cut(t.url.App, "?")
	name, _, _ := strings.Cut(t.url.Name, "?")
	return strings.TrimPrefix(app+"/"+name, "/")
}

// String returns the URL without credentials and queries.
func (t *target) String() string {
	host, _, _ := strings.Cut(strings.TrimPrefix(t.url.TCURL, t.url.Scheme+"://"), "/")
	return t.url.Scheme + "://" + host + "/" + t.stream()
}

// What a connection is for.
const (
	toPublish = false
	toPlay    = true
)

// dial connects, to publish or to play. Its errors are for the user.
func (t *target) dial(ctx context.Context, plays bool) (*rtmp.Conn, error) {
	conn, err := rtmp.DialURL(ctx, t.url, t.config(plays))
	if err != nil {
		return nil, t.failure(ctx, err, "connect")
	}
	return conn, nil
}

// config says how to connect.
func (t *target) config(plays bool) *rtmp.DialConfig {
	return &rtmp.DialConfig{
		Timeout: t.timeout, TLSConfig: t.tls, Dial: t.dialer, Player: plays, Limits: rtmp.Limits{WriteStall: t.stall},
	}
}

// answering bounds the wait for the answer to a command.
func (t *target) answering(ctx context.Context) (context.Context, context.CancelFunc) {
	if t.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, t.timeout, fmt.Errorf("no answer within %v", t.timeout))
}

// shortest is the length from which a text is taken for a secret: shorter ones would black out ordinary words.
const shortest = 3

// secretsOf returns what blacks out a URL's credentials and queries: servers like to repeat them in their refusals.
func secretsOf(u *rtmp.URL) *strings.Replacer {
	_, appQuery, _ := strings.Cut(u.App, "?")
	_, nameQuery, _ := strings.Cut(u.Name, "?")
	var pairs []string
	hide := func(text string) {
		if len(text) >= shortest {
			pairs = append(pairs, text, "…")
		}
	}
	for _, query := range []string{nameQuery, appQuery} {
		hide(query)
		for parameter := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
			_, value, _ := strings.Cut(parameter, "=")
			hide(value)
		}
	}
	hide(u.Password)
	hide(u.User)
	return strings.NewReplacer(pairs...)
}
