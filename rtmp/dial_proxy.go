package rtmp

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/net/proxy"
)

// dialFunc has the form of net.Dialer.DialContext.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Dial and DialContext make a dialFunc what golang.org/x/net/proxy takes.
func (f dialFunc) Dial(network, address string) (net.Conn, error) {
	return f(context.Background(), network, address)
}

func (f dialFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

// proxyDialer connects through a proxy.
type proxyDialer struct {
	proxy  *url.URL
	direct dialFunc
}

func (d *proxyDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var open func(ctx context.Context, nc net.Conn, address string) (net.Conn, error)
	port := "1080"
	switch d.proxy.Scheme {
	case "socks5", "socks5h":
	case "socks4", "socks4a":
		open = d.socks4
	case "http":
		open, port = d.connect, "80"
	default:
		return nil, fmt.Errorf("the proxy's scheme is %q, not one of socks5, socks4, socks4a and http", d.proxy.Scheme)
	}
	host := d.proxy.Host
	if d.proxy.Port() == "" {
		host = net.JoinHostPort(d.proxy.Hostname(), port)
	}
	if open == nil {
		return d.socks5(ctx, host, network, address)
	}
	nc, err := d.direct(ctx, network, host)
	if err != nil {
		return nil, fmt.Errorf("the proxy does not answer: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) }) // ends the exchange; it fails then
	through, err := open(ctx, nc, address)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("through the proxy: %w", err), nc.Close())
	}
	return through, nil
}

func (d *proxyDialer) socks5(ctx context.Context, host, network, address string) (net.Conn, error) {
	var auth *proxy.Auth
	if u := d.proxy.User; u != nil {
		password, _ := u.Password()
		auth = &proxy.Auth{User: u.Username(), Password: password}
	}
	dialer, err := proxy.SOCKS5(network, host, auth, d.direct)
	if err != nil {
		return nil, err
	}
	withContext, ok := dialer.(proxy.ContextDialer)
	if !ok {
		return nil, errors.New("the SOCKS5 client takes no context")
	}
	return withContext.DialContext(ctx, network, address)
}

// SOCKS 4 has one request and one answer of eight bytes. The variant 4a gives the proxy a name to resolve.
const (
	socks4Version = 4
	socks4Connect = 1
	socks4Granted = 90
)

func (d *proxyDialer) socks4(ctx context.Context, nc net.Conn, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	ip := [4]byte{0, 0, 0, 1} // no address: 4a has a name behind the user
	if d.proxy.Scheme == "socks4" {
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		if err != nil {
			return nil, err
		}
		ip = addrs[0].Unmap().As4()
	}
	b := binary.BigEndian.AppendUint16([]byte{socks4Version, socks4Connect}, uint16(port))
	b = append(b, ip[:]...)
	b = append(b, d.proxy.User.Username()...)
	b = append(b, 0)
	if d.proxy.Scheme == "socks4a" {
		b = append(append(b, host...), 0)
	}
	if _, err := nc.Write(b); err != nil {
		return nil, err
	}
	var answer [8]byte
	if _, err := io.ReadFull(nc, answer[:]); err != nil {
		return nil, err
	}
	if answer[1] != socks4Granted {
		return nil, fmt.Errorf("it refuses, code %d", answer[1])
	}
	return nc, nil
}

// maxConnectAnswer is the length of the longest answer of an HTTP proxy, bytes.
const maxConnectAnswer = 16 << 10

// connect asks an HTTP proxy for a tunnel (RFC 9110 9.3.6).
func (d *proxyDialer) connect(ctx context.Context, nc net.Conn, address string) (net.Conn, error) {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if u := d.proxy.User; u != nil {
		password, _ := u.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(u.Username() + ":" + password))
		request.Header.Set("Proxy-Authorization", "Basic "+credentials)
	}
	if err := request.WithContext(ctx).Write(nc); err != nil {
		return nil, err
	}
	r := bufio.NewReader(io.LimitReader(nc, maxConnectAnswer))
	response, err := http.ReadResponse(r, request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", response.Status)
	}
	rest, err := r.Peek(r.Buffered())
	if err != nil || len(rest) == 0 {
		return nc, err
	}
	return &openedConn{Conn: nc, first: rest}, nil
}
