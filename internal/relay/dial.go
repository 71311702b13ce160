package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"leat/rtmp"
)

const (
	// deadAfter is how long another server may take no byte, acknowledge none, or as an origin send none.
	deadAfter = 10 * time.Second
	// answerTime is how long it may take to connect, and to answer publish or play.
	answerTime = 10 * time.Second
	// partingTime is how long it may take to receive the last frames and the end of the stream.
	partingTime = time.Second
)

// dialer opens TCP connections that notice a dead peer.
func dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{
		Control:         breakWhenDead,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: deadAfter / 2, Interval: deadAfter / 10, Count: 5},
	}
	return d.DialContext
}

// refusal reports whether an error is one that only people can mend: the other server has refused, or cannot be trusted.
func refusal(err error) bool {
	if _, ok := errors.AsType[*rtmp.StatusError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*rtmp.URLError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	for _, final := range []error{rtmp.ErrAuthFailed, rtmp.ErrAuthRequired, ErrLoop, ErrTooFar} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// explain puts an error into words for a log line, with what to do about it, and without secrets.
func (p *place) explain(err error) string { return p.secrets.Replace(reason(err)) }

func reason(err error) string {
	for _, own := range []error{rtmp.ErrAuthFailed, rtmp.ErrAuthRequired} {
		if errors.Is(err, own) {
			return own.Error() + "; correct user and password"
		}
	}
	if said, ok := errors.AsType[*rtmp.StatusError](err); ok {
		return said.Error() + advice(said)
	}
	closed, isClosed := errors.AsType[*rtmp.CloseReason](err)
	failed, isDial := errors.AsType[*rtmp.DialError](err)
	switch {
	case isDial:
		return reasonNotConnected(failed)
	case isClosed:
		return closed.Text
	}
	return err.Error()
}

// advice says what to do about a refusal.
func advice(e *rtmp.StatusError) string {
	switch rtmp.Code(e.Code) {
	case rtmp.CodePublishBadName, rtmp.CodePublishDenied, rtmp.CodePublishRejected:
		return "; check the stream key, and whether somebody else publishes under it"
	case rtmp.CodeConnectInvalidApp:
		return "; check the application in the URL"
	case rtmp.CodeConnectRejected:
		return "; check the URL and the credentials"
	}
	return ""
}

func reasonNotConnected(e *rtmp.DialError) string {
	dns, isDNS := errors.AsType[*net.DNSError](e.Err)
	closed, isClosed := errors.AsType[*rtmp.CloseReason](e.Err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](e.Err)
	switch {
	case isDNS && dns.IsNotFound:
		return "there is no host " + dns.Name + "; check the URL"
	case isDNS:
		return "the host " + dns.Name + " cannot be looked up: " + dns.Err + "; check the network and its DNS, or write an address"
	case untrusted:
		text := e.Err.Error()
		if host, ok := errors.AsType[x509.HostnameError](e.Err); ok {
			text = host.Error()
		}
		return text + "; the server must have a certificate for its name, of an authority that is trusted here or in ca_file"
	case e.Step == "TLS":
		return reasonNoTLS(e.Err)
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "nothing listens there; check host and port, and whether the server runs"
	case isClosed:
		return closed.Text + " at step " + e.Step
	}
	if op, ok := errors.AsType[*net.OpError](e.Err); ok {
		if call, ok := errors.AsType[*os.SyscallError](op.Err); ok {
			return e.Step + ": " + call.Err.Error()
		}
		return e.Step + ": " + op.Err.Error()
	}
	return e.Step + ": " + e.Err.Error()
}

// reasonNoTLS tells a server that refuses from one that does not speak TLS.
func reasonNoTLS(err error) string {
	op, isOp := errors.AsType[*net.OpError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case noTLS:
		return "the server does not speak TLS on this port; try rtmp:// instead of rtmps://"
	case isOp && op.Op == "remote error":
		return "the server refused the TLS handshake: " + strings.TrimPrefix(op.Err.Error(), "tls: ") +
			"; check the host name, and which versions of TLS it takes"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server closed the connection during the TLS handshake; try rtmp:// instead of rtmps://"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer to the TLS handshake; is this an RTMPS server's port, or does it want rtmp:// instead?"
	}
	return "TLS: " + err.Error()
}
