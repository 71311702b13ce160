package rtmp_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"leat/media/mediatest"
	"leat/rtmp"
)

// proxyServer takes one connection after the other, lets greet say where they want to go, and connects them.
func proxyServer(t *testing.T, greet func(nc net.Conn, r *bufio.Reader) (target, answer string, err error)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with the listener
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go splice(nc, greet) // ends with its connections
		}
	}()
	return l.Addr().String()
}

func splice(nc net.Conn, greet func(net.Conn, *bufio.Reader) (string, string, error)) {
	defer nc.Close()
	r := bufio.NewReader(nc)
	target, answer, err := greet(nc, r)
	if _, werr := io.WriteString(nc, answer); err != nil || werr != nil {
		return
	}
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		_, _ = io.Copy(far, r) // what ends it ends the other direction too
		far.Close()
	}()
	_, _ = io.Copy(nc, far)
}

func socks4(_ net.Conn, r *bufio.Reader) (target, answer string, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", "", err
	}
	user, err := r.ReadString(0)
	if err != nil || user != "me\x00" {
		return "", "\x00\x5d\x00\x00\x00\x00\x00\x00", fmt.Errorf("user %q", user)
	}
	host := net.IP(head[4:8]).String()
	if host == "0.0.0.1" {
		if host, err = r.ReadString(0); err != nil {
			return "", "", err
		}
	}
	target = net.JoinHostPort(strings.TrimSuffix(host, "\x00"), fmt.Sprint(binary.BigEndian.Uint16(head[2:])))
	return target, "\x00\x5a\x00\x00\x00\x00\x00\x00", nil
}

func socks5(nc net.Conn, r *bufio.Reader) (target, answer string, err error) {
	methods, err := readPrefixed(r, 1)
	if err != nil {
		return "", "", err
	}
	if !strings.ContainsRune(methods, 2) {
		return "", "\x05\xff", fmt.Errorf("methods %x", methods)
	}
	if _, err := nc.Write([]byte{5, 2}); err != nil {
		return "", "", err
	}
	user, err := readPrefixed(r, 1)
	if err != nil {
		return "", "", err
	}
	password, err := readPrefixed(r, 0)
	if err != nil || user != "me" || password != "secret" {
		return "", "\x01\x01", fmt.Errorf("user %q", user)
	}
	if _, err := nc.Write([]byte{1, 0}); err != nil {
		return "", "", err
	}
	var head [10]byte // version, connect, reserved, IPv4, address, port
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", "", err
	}
	target = fmt.Sprintf("%v:%d", net.IP(head[4:8]), binary.BigEndian.Uint16(head[8:]))
	return target, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", nil
}

// readPrefixed reads a text behind its length, and skips so many bytes before that.
func readPrefixed(r *bufio.Reader, skip int) (string, error) {
	if _, err := r.Discard(skip); err != nil {
		return "", err
	}
	n, err := r.ReadByte()
	if err != nil {
		return "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return string(b), err
}

func httpConnect(_ net.Conn, r *bufio.Reader) (target, answer string, err error) {
	request, err := http.ReadRequest(r)
	if err != nil {
		return "", "", err
	}
	if request.Method != http.MethodConnect || request.Header.Get("Proxy-Authorization") != "Basic bWU6c2VjcmV0" {
		return "", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", fmt.Errorf("method %s", request.Method)
	}
	return request.Host, "HTTP/1.1 200 Connection established\r\n\r\n", nil
}

func TestDialThroughProxies(t *testing.T) {
	p := openPort(t, nil)
	for _, tt := range []struct {
		scheme string
		greet  func(net.Conn, *bufio.Reader) (string, string, error)
	}{{"socks4", socks4}, {"socks4a", socks4}, {"socks5", socks5}, {"http", httpConnect}} {
		host := proxyServer(t, tt.greet)
		for _, scheme := range []string{rtmp.SchemeRTMP, rtmp.SchemeRTMPS, rtmp.SchemeRTMPT} {
			t.Run(tt.scheme+" "+scheme, func(t *testing.T) {
				cfg := p.config()
				cfg.Proxy = &url.URL{Scheme: tt.scheme, Host: host, User: url.UserPassword("me", "secret")}
				p.publish(t, scheme, cfg, mediatest.AVC(100*time.Millisecond))
			})
		}
		t.Run(tt.scheme+" refuses", func(t *testing.T) {
			c, err := rtmp.Dial(t.Context(), "rtmp://"+p.addr+"/live", &rtmp.DialConfig{Proxy: &url.URL{Scheme: tt.scheme, Host: host}})
			if err == nil {
				c.Close()
				t.Fatal("connected without credentials")
			}
		})
	}
}

// TestProxyThatSaysNothing: a proxy is part of what the timeout bounds.
func TestProxyThatSaysNothing(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	host := proxyServer(t, func(net.Conn, *bufio.Reader) (string, string, error) {
		<-over
		return "", "", io.EOF
	})
	for _, scheme := range []string{"socks4a", "socks5", "http", "gopher"} {
		_, err := rtmp.Dial(t.Context(), "rtmp://127.0.0.1:1/live", &rtmp.DialConfig{
			Timeout: 50 * time.Millisecond,
			Proxy:   &url.URL{Scheme: scheme, Host: host},
		})
		if err == nil {
			t.Errorf("%s: connected", scheme)
		}
	}
}
