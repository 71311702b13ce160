package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"leat/rtmp"
)

// failure turns an error of package rtmp into a sentence for the user, with the exit code that belongs to it. doing is
// what was asked of the server: "connect", "publish" or "play".
func (t *target) failure(ctx context.Context, err error, doing string) error {
	code, text := t.explain(ctx, err, doing)
	return &exitError{code, errors.New(t.secrets.Replace(text))}
}

func (t *target) explain(ctx context.Context, err error, doing string) (code int, text string) {
	if ctx.Err() != nil {
		return exitFailed, errInterrupted.Error()
	}
	switch {
	case errors.Is(err, rtmp.ErrAuthRequired):
		return exitRefused, fmt.Sprintf("%s wants a user and a password for %s; write them in the URL: rtmp://user:password@host/app/name",
			t.url.Address(), t.stream())
	case errors.Is(err, rtmp.ErrAuthFailed):
		return exitRefused, fmt.Sprintf("%s refused the user or the password for %s; correct them in the URL", t.url.Address(), t.stream())
	}
	if refused, ok := errors.AsType[*rtmp.StatusError](err); ok {
		if refused.Redirect != "" {
			return exitRefused, fmt.Sprintf("%s sends us elsewhere to %s %s, which cannot be followed: %s",
				t.url.Address(), doing, t.stream(), strings.TrimPrefix(err.Error(), "rtmp: "))
		}
		return exitRefused, fmt.Sprintf("%s refused to %s %s: %s%s",
			t.url.Address(), doing, t.stream(), strings.TrimSuffix(refused.Error(), "."), advice(refused))
	}
	if failed, ok := errors.AsType[*rtmp.DialError](err); ok {
		return exitNoConnect, fmt.Sprintf("cannot connect to %s: %s", failed.Addr, explainDial(failed))
	}
	if closed, ok := errors.AsType[*rtmp.CloseReason](err); ok && closed.Side == rtmp.SidePeer {
		return exitRefused, fmt.Sprintf("%s closed the connection when asked to %s %s; servers do so when they refuse a stream key",
			t.url.Address(), doing, t.stream())
	}
	return exitFailed, fmt.Sprintf("cannot %s %s at %s: %s", doing, t.stream(), t.url.Address(), connectionText(err))
}

// advice says what to do about a refusal.
func advice(e *rtmp.StatusError) string {
	switch rtmp.Code(e.Code) {
	case rtmp.CodePublishBadName:
		return "; check the stream key, and whether somebody else publishes under it"
	case rtmp.CodeConnectInvalidApp:
		return "; check the application in the URL"
	case rtmp.CodeConnectRejected:
		return "; check the application and the credentials in the URL"
	case rtmp.CodePlayStreamNotFound, rtmp.CodePlayFailed:
		return "; check the stream name, and whether it needs a token"
	}
	return ""
}

// explainDial says at which step a connection failed, why, and what to look at.
func explainDial(e *rtmp.DialError) string {
	timedOut := errors.Is(e.Err, context.DeadlineExceeded)
	if ne, ok := errors.AsType[net.Error](e.Err); ok {
		timedOut = timedOut || ne.Timeout()
	}
	closed, isClosed := errors.AsType[*rtmp.CloseReason](e.Err)
	switch dns, isDNS := errors.AsType[*net.DNSError](e.Err); {
	case isDNS && dns.IsNotFound:
		return fmt.Sprintf("there is no host %q; check the URL", dns.Name)
	case isDNS:
		return fmt.Sprintf("the host %q cannot be looked up: %s; check the network and its DNS, or write an address", dns.Name, dns.Err)
	case e.Step == "TLS":
		return explainTLS(e.Err)
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "nothing listens there; check host and port, and whether the server runs"
	case timedOut && e.Step == "connecting":
		return "no answer; check host, port and firewall"
	case isClosed && closed.Side == rtmp.SideLocal:
		return closed.Text
	case isClosed && e.Step == "handshake":
		return closed.Text + "; is this an RTMP server's port, and does it want rtmps:// instead?"
	case isClosed && closed.Side == rtmp.SidePeer:
		return closed.Text + "; some servers do that when there is no such application"
	case isClosed:
		return closed.Text
	case e.Step == "handshake":
		return innermost(e.Err).Error() + " to the RTMP handshake; is this an RTMP server's port, and does it want rtmps:// instead?"
	}
	return innermost(e.Err).Error()
}

// explainTLS tells a certificate that is not trusted, a server that refuses and one that does not speak TLS from each other.
func explainTLS(err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS on this port; try rtmp:// instead of rtmps://"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		text := err.Error()
		if host, ok := errors.AsType[x509.HostnameError](err); ok {
			text = host.Error()
		}
		return text + "; correct the certificate, or trust it without verification by --insecure"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return fmt.Sprintf("the server refused the TLS handshake: %s; check the host name, and which versions of TLS it takes",
			strings.TrimPrefix(op.Err.Error(), "tls: "))
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server closed the connection during the TLS handshake; try rtmp:// instead of rtmps://"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer to the TLS handshake; is this an RTMPS server's port, or does it want rtmp:// instead?"
	}
	return "TLS failed: " + innermost(err).Error()
}

// innermost takes off what the net package says about the operation: the sentence around it says that already.
func innermost(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return err
}
