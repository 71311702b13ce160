package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"leat/rtmp"
)

// dumpFlashVer is what rtmpdump calls itself.
const dumpFlashVer = "LNX 10,0,32,18"

// dumpSettings is what a command line of `leat dump` means.
type dumpSettings struct {
	*rtmp.Options
	swf    *rtmp.SWF
	swfAge int // days

	output   string
	isLive   bool // nothing can be played again
	realtime bool
	hurry    bool // the server, by pauses
	resume   bool
	skip     int
	insecure bool
	buffer   time.Duration
	settled  bool // the user has said how much buffer
	timeout  time.Duration
}

// protocols are the schemes in the order of their numbers.
var protocols = []string{
	rtmp.SchemeRTMP, rtmp.SchemeRTMPT, rtmp.SchemeRTMPE, rtmp.SchemeRTMPTE, rtmp.SchemeRTMPS, rtmp.SchemeRTMPTS,
}

// settings finds out what a means. warn tells what was left out of it.
func (a *dumpArgs) settings(warn func(format string, args ...any)) (*dumpSettings, error) {
	for _, complaint := range a.complaints {
		warn("%s", complaint)
	}
	for _, word := range a.ignored {
		warn("ignoring %q", word)
	}
	s := &dumpSettings{
		output: a.output, resume: a.resume, skip: a.skip, insecure: a.insecure,
		buffer: a.buffer, settled: a.hasBuffer, timeout: a.timeout, swfAge: 30,
	}
	var err error
	if a.options != "" {
		s.Options, err = rtmp.ParseOptions(a.options)
	} else {
		s.Options, err = a.librtmpOptions(warn)
	}
	if err != nil {
		return nil, err
	}
	if s.URL.Name == "" {
		return nil, errors.New("say what to play: -y NAME, or a URL like rtmp://host/app/name")
	}
	if a.options != "" {
		if err := s.fromOptions(a); err != nil {
			return nil, err
		}
	}
	if a.hasSWFAge {
		s.swfAge = a.swfAge
	}
	if s.FlashVer == "" {
		s.FlashVer = dumpFlashVer
	}
	s.isLive = a.live || s.Live
	s.realtime = a.realtime
	s.hurry = !s.isLive && !a.realtime && !s.URL.Tunneled()
	s.agree(warn)
	a.swf(s, warn)
	return s, nil
}

// fromOptions takes the options that have flags of other units or defaults, and the flags that count beside options.
func (s *dumpSettings) fromOptions(a *dumpArgs) error {
	first, err := rtmp.ParseConn(a.conn)
	if err != nil {
		return err
	}
	s.Conn = append(first, s.Conn...)
	s.Playlist = s.Playlist || a.playlist
	if a.start > 0 {
		s.Start = a.start
	}
	if a.stop > 0 {
		s.Stop = a.stop
	}
	if s.Buffer > 0 {
		s.buffer, s.settled = s.Buffer, true
	}
	if s.Timeout > 0 {
		s.timeout = s.Timeout
	}
	if s.SWFAge > 0 {
		s.swfAge = s.SWFAge
	}
	return nil
}

// agree settles what does not go together, as rtmpdump does.
func (s *dumpSettings) agree(warn func(format string, args ...any)) {
	if s.output == "" {
		warn("You haven't specified an output file (-o filename), using stdout")
		s.output = standard
	}
	if s.resume && s.output == standard {
		warn("Can't resume in stdout mode, ignoring --resume option")
		s.resume = false
	}
	if s.resume && s.isLive {
		warn("Can't resume live stream, ignoring --resume option")
		s.resume = false
	}
	if s.Start > 0 && s.isLive {
		warn("Can't seek in a live stream, ignoring --start option")
		s.Start = 0
	}
	if s.Start > 0 && s.resume {
		warn("Can't seek a resumed stream, ignoring --start option")
		s.Start = 0
	}
	if s.Subscribe == "" && s.Live {
		s.Subscribe = s.URL.Name
	}
}

// librtmpOptions makes options of the flags. What a flag says goes over what the URL does.
func (a *dumpArgs) librtmpOptions(warn func(format string, args ...any)) (*rtmp.Options, error) {
	u, err := a.address(warn)
	if err != nil {
		return nil, err
	}
	o := &rtmp.Options{
		URL: u, Socks: a.socks, PageURL: a.pageURL, SWFURL: a.swfURL, FlashVer: a.flashVer, Playlist: a.playlist, Live: a.live,
		Subscribe: a.subscribe, JTV: a.jtv, Token: a.token, Start: a.start, Stop: a.stop,
	}
	if a.swfVerify != "" {
		o.SWFURL, o.SWFVerify = a.swfVerify, true
	}
	if o.Conn, err = rtmp.ParseConn(a.conn); err != nil {
		return nil, err
	}
	if a.auth != "" {
		o.Conn = append([]any{true, a.auth}, o.Conn...)
	}
	return o, nil
}

func (a *dumpArgs) address(warn func(format string, args ...any)) (*rtmp.URL, error) {
	u := &rtmp.URL{Scheme: rtmp.SchemeRTMP}
	hasPort := false
	if a.rtmp != "" {
		parsed, err := rtmp.ParseURLLibrtmp(a.rtmp)
		if err != nil {
			warn("Couldn't parse the specified url: %v", err)
		} else {
			u = parsed
			_, after, _ := strings.Cut(a.rtmp, "://")
			authority, _, _ := strings.Cut(after, "/")
			hasPort = strings.HasSuffix(authority, ":"+strconv.Itoa(int(u.Port)))
		}
	}
	if a.host != "" {
		u.Host = a.host
	}
	if u.Host == "" {
		return nil, errNoHost
	}
	if a.protocol != "" {
		if err := setProtocol(u, a.protocol); err != nil {
			return nil, err
		}
	}
	switch {
	case a.hasPort && a.port > 0 && a.port <= 65535:
		u.Port = uint16(a.port)
	case !hasPort:
		standard, err := rtmp.ParseURLLibrtmp(u.Scheme + "://host")
		if err != nil {
			return nil, err
		}
		u.Port = standard.Port
	}
	if a.app != "" {
		u.App = a.app
	}
	if a.playpath != "" {
		u.Name = a.playpath
	}
	u.TCURL = a.tcURL
	if a.tcURL == "" {
		u.TCURL = u.FullTCURL()
	}
	return u, nil
}

// setProtocol takes a scheme by its name or its number in librtmp.
func setProtocol(u *rtmp.URL, text string) error {
	for number, scheme := range protocols {
		if strings.EqualFold(text, scheme) || text == strconv.Itoa(number) {
			u.Scheme = scheme
			return nil
		}
	}
	return fmt.Errorf("unknown protocol %q: it is one of %s, or a number from 0 to %d", text, strings.Join(protocols, ", "), len(protocols)-1)
}

// swf takes hash and size of a SWF file from the flags.
func (a *dumpArgs) swf(s *dumpSettings, warn func(format string, args ...any)) {
	hash, err := hex.DecodeString(a.swfHash)
	if a.swfHash != "" && (err != nil || len(hash) != sha256.Size) {
		warn("Couldn't parse swf hash hex string, not hexstring or not %d bytes, ignoring!", sha256.Size)
		hash = nil
	}
	switch {
	case len(hash) == 0 && a.swfSize == 0:
		return
	case len(hash) == 0:
		warn("Ignoring SWF size, supply also the hash with --swfhash")
		return
	case a.swfSize == 0:
		warn("Ignoring SWF hash, supply also the swf size  with --swfsize")
		return
	}
	s.swf = &rtmp.SWF{Hash: [32]byte(hash), Size: uint32(a.swfSize)}
}

// dialConfig connects as librtmp does.
func (s *dumpSettings) dialConfig() *rtmp.DialConfig {
	cfg := &rtmp.DialConfig{
		Player: true, FlashVer: s.FlashVer, SWFURL: s.SWFURL, PageURL: s.PageURL, Args: s.Conn, Token: s.Token, SWF: s.swf,
		Capabilities: &rtmp.Capabilities{}, ChunkSize: 128, Timeout: s.timeout,
	}
	if s.Socks != "" {
		cfg.Proxy = &url.URL{Scheme: "socks4", Host: s.Socks}
	}
	if s.insecure {
		cfg.TLSConfig = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} // the user asked for it
	}
	return cfg
}

// playOptions plays from a time as librtmp does.
func (s *dumpSettings) playOptions(from time.Duration) *rtmp.PlayOptions {
	o := &rtmp.PlayOptions{
		Start: from, Recorded: true, BufferLength: s.buffer,
		LibRTMP: &rtmp.LibRTMPPlay{Subscribe: s.Subscribe, UsherToken: s.JTV, Playlist: s.Playlist, Unstall: s.hurry},
	}
	if s.Live {
		o.Start = rtmp.StartLive
	}
	if s.Stop > 0 {
		o.Duration = s.Stop - from
	}
	return o
}

// verified hashes the SWF file that the client claims to be.
func (s *dumpSettings) verified(ctx context.Context) error {
	if !s.SWFVerify || s.swf != nil {
		return nil
	}
	if s.SWFURL == "" {
		return errors.New("swfVfy wants swfUrl")
	}
	f, err := swfOf(ctx, s.SWFURL, s.swfAge, s.timeout)
	if err != nil {
		return err
	}
	s.swf = f
	return nil
}

// target returns the stream for sentences about it.
func (s *dumpSettings) target() *target {
	u := *s.URL
	if u.TCURL == "" || !strings.Contains(u.TCURL, "://") {
		u.TCURL = u.Scheme + "://" + net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port)))
	}
	return &target{url: &u, timeout: s.timeout, secrets: secretsOf(&u)}
}
