package rtmp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Options is a stream as rtmpdump, and every program that uses librtmp, writes it in one text: a URL and settings.
// Zero fields were not given.
type Options struct {
	// URL is the address, changed by the options app, tcUrl, playpath, pubUser and pubPasswd.
	URL *URL

	Socks     string        // host[:port] of a SOCKS4 proxy
	PageURL   string        // connect's pageUrl
	SWFURL    string        // connect's swfUrl
	FlashVer  string        // connect's flashVer
	Conn      []any         // values that follow connect's object, see ParseConn
	Playlist  bool          // send set_playlist before play
	Live      bool          // play as live
	Subscribe string        // name for FCSubscribe
	JTV       string        // token of Justin.tv
	Token     string        // key of SecureToken
	SWFVerify bool          // hash the file at SWFURL and answer SWF verification with it
	SWFAge    int           // days for which a hash is kept; librtmp's default is 30
	Start     time.Duration // where to begin
	Stop      time.Duration // where to end; 0: at the end
	Buffer    time.Duration // told to the server; librtmp's default is 30 s
	Timeout   time.Duration // without a byte; librtmp's default is 30 s
}

// OptionError says which option of an option text is wrong.
type OptionError struct {
	Option string // as it was written
	Reason string // one plain clause
}

// Error returns the option and the reason.
func (e *OptionError) Error() string {
	return "rtmp: option " + strconv.Quote(e.Option) + ": " + e.Reason
}

// ParseOptions reads "url key=value key=value …" as librtmp does. The URL is read by ParseURLLibrtmp.
//
// Keys are case-insensitive: socks, app, tcUrl, pageUrl, swfUrl, flashver, conn (repeatable), playpath, playlist, live, subscribe, jtv,
// token, swfVfy, swfAge, start, stop, buffer (milliseconds), timeout (seconds), pubUser and pubPasswd. In values \xx is a
// byte in hexadecimal digits: \20 is a space, \5c a backslash. Booleans are true for 1, on, yes and true. A word
// without "=" ends the options. An error is a *URLError or *OptionError.
func ParseOptions(s string) (*Options, error) {
	address, rest, _ := strings.Cut(s, " ")
	u, err := ParseURLLibrtmp(address)
	if err != nil {
		return nil, err
	}
	o := &Options{URL: u}
	p := optionParser{o: o}
	for word := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == ' ' }) {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			break
		}
		if value, err = unescapeOption(value); err == nil {
			err = p.set(strings.ToLower(key), value)
		}
		if err != nil {
			return nil, &OptionError{Option: key, Reason: err.Error()}
		}
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return o, nil
}

type optionParser struct {
	o     *Options
	conn  []string
	app   bool // app was given
	tcURL bool // tcUrl was given
}

func (p *optionParser) set(key, value string) (err error) {
	o := p.o
	switch key {
	case "socks":
		o.Socks = value
	case "app":
		o.URL.App, p.app = value, true
	case "tcurl":
		o.URL.TCURL, p.tcURL = value, true
	case "pageurl":
		o.PageURL = value
	case "swfurl":
		o.SWFURL = value
	case "flashver":
		o.FlashVer = value
	case "conn":
		p.conn = append(p.conn, value)
	case "playpath":
		o.URL.Name = value
	case "playlist":
		o.Playlist = optionTrue(value)
	case "live":
		o.Live = optionTrue(value)
	case "subscribe":
		o.Subscribe = value
	case "jtv":
		o.JTV = value
	case "token":
		o.Token = value
	case "swfvfy":
		o.SWFVerify = optionTrue(value)
	case "swfage":
		o.SWFAge, err = optionNumber(value)
	case "start":
		o.Start, err = optionTime(value, time.Millisecond)
	case "stop":
		o.Stop, err = optionTime(value, time.Millisecond)
	case "buffer":
		o.Buffer, err = optionTime(value, time.Millisecond)
	case "timeout":
		o.Timeout, err = optionTime(value, time.Second)
	case "pubuser":
		o.URL.User = value
	case "pubpasswd":
		o.URL.Password = value
	default:
		return errors.New("there is no such option")
	}
	return err
}

// finish does what needs all options.
func (p *optionParser) finish() (err error) {
	if p.app && !p.tcURL {
		p.o.URL.TCURL = p.o.URL.FullTCURL()
	}
	p.o.Conn, err = ParseConn(p.conn)
	return err
}

func optionTrue(value string) bool {
	switch strings.ToLower(value) {
	case "1", "on", "yes", "true":
		return true
	}
	return false
}

func optionNumber(value string) (int, error) {
	n, err := strconv.ParseUint(value, 0, 31)
	if err != nil {
		return 0, fmt.Errorf("not a number from 0 to %d", 1<<31-1)
	}
	return int(n), nil
}

func optionTime(value string, unit time.Duration) (time.Duration, error) {
	n, err := optionNumber(value)
	return time.Duration(n) * unit, err
}

var errOptionEscape = errors.New("two hexadecimal digits must follow a backslash")

// unescapeOption replaces \xx by the byte of these hexadecimal digits.
func unescapeOption(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errOptionEscape
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", errOptionEscape
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}
