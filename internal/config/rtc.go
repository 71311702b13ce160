package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// RTCSame is the value of RTC.UDP that means the address of the public door.
const RTCSame = "same"

// RTC says how WebRTC is reached, by which streams are played (WHEP) and published (WHIP) at the public door.
type RTC struct {
	UDP    string    `yaml:"udp" reload:"restart"` // listen address, or RTCSame; empty turns WebRTC off
	TCP    string    `yaml:"tcp" reload:"restart"` // listen address; empty turns it off
	Public []Address `yaml:"public" reload:"restart"`

	ICEServers      []ICEServer `yaml:"ice_servers" reload:"hot"`
	ICEUser         string      `yaml:"ice_user" reload:"hot"`
	ICEPassword     Secret      `yaml:"ice_password" reload:"hot"`
	ICEPasswordFile string      `yaml:"ice_password_file" reload:"hot"`
}

// Address is an IP address.
type Address struct{ netip.Addr }

// UnmarshalText accepts one without zone.
func (a *Address) UnmarshalText(text []byte) error {
	addr, err := netip.ParseAddr(string(text))
	if err != nil || addr.Zone() != "" || addr.IsUnspecified() {
		return errors.New("must be an IP address such as 203.0.113.7")
	}
	a.Addr = addr.Unmap()
	return nil
}

// ICEServer is the URI of a STUN or TURN server (RFC 7064, RFC 7065).
type ICEServer string

// UnmarshalText accepts stun:host, turn:host:port?transport=tcp and the like.
func (s *ICEServer) UnmarshalText(text []byte) error {
	scheme, rest, _ := strings.Cut(string(text), ":")
	switch scheme {
	case "stun", "stuns", "turn", "turns":
		if rest != "" && !strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"/@\`, r) }) {
			*s = ICEServer(text)
			return nil
		}
	}
	return errors.New("must be the URI of a STUN or TURN server, such as stun:stun.example.org or turn:turn.example.org:3478")
}

// NeedsUser reports whether it is a TURN server.
func (s ICEServer) NeedsUser() bool { return strings.HasPrefix(string(s), "turn") }

// validateRTC checks what the fields of WebRTC mean together.
func (l *loader) validateRTC() {
	c := &l.config.RTC
	for _, listener := range []struct{ field, network, address string }{{"rtc.udp", "udp", c.UDP}, {"rtc.tcp", "tcp", c.TCP}} {
		if listener.address == "" || listener.field == "rtc.udp" && listener.address == RTCSame {
			continue
		}
		_, port, err := net.SplitHostPort(listener.address)
		if err == nil {
			_, err = net.LookupPort(listener.network, port)
		}
		if err != nil {
			l.fail(listener.field, fmt.Sprintf("must be an address such as \":8189\", or \"\", not %q", listener.address))
		}
	}
	if c.TCP != "" && c.UDP == "" {
		l.fail("rtc.tcp", "needs rtc.udp beside it")
	}
	for _, server := range c.ICEServers {
		if server.NeedsUser() && (c.ICEUser == "" || !c.ICEPassword.IsSet()) {
			l.fail("rtc.ice_servers", "needs rtc.ice_user and rtc.ice_password or rtc.ice_password_file beside it, for "+string(server))
			break
		}
	}
}
