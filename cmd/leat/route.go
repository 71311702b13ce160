package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// routeFlags say which way connections go.
type routeFlags struct {
	Bind string `help:"Connect from this address of the machine." placeholder:"ADDRESS"`
	IPv4 bool   `name:"ipv4" short:"4" help:"Connect by IPv4 only."`
	IPv6 bool   `name:"ipv6" short:"6" help:"Connect by IPv6 only."`
}

// dialFunc opens network connections, as rtmp.DialConfig wants it.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dialer returns what opens connections; nil when no flag is set.
func (f *routeFlags) dialer() (dialFunc, error) {
	network := "tcp"
	switch {
	case f.IPv4 && f.IPv6:
		return nil, &exitError{exitUsage, errors.New("-4 and -6 exclude each other")}
	case f.IPv4:
		network = "tcp4"
	case f.IPv6:
		network = "tcp6"
	}
	var dialer net.Dialer
	if f.Bind != "" {
		address, err := netip.ParseAddr(f.Bind)
		switch {
		case err != nil:
			return nil, &exitError{exitUsage, fmt.Errorf("--bind wants an IP address of this machine, not %q", f.Bind)}
		case f.IPv4 && !address.Unmap().Is4(), f.IPv6 && address.Unmap().Is4():
			return nil, &exitError{exitUsage, fmt.Errorf("--bind %s is not of the IP version that was asked for", f.Bind)}
		}
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(address.Unmap(), 0))
	} else if network == "tcp" {
		return nil, nil
	}
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}, nil
}
