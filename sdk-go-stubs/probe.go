// Finds out why a hub can't be reached. gRPC only says that it is unavailable, and TLS 1.3 tells a client that its
// certificate was refused only after the handshake: so the connection is made once more, by hand.

package cadge

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"
)

const (
	// The longest that finding out may take.
	probeTimeout = 3 * time.Second
	// How long a server may keep silent before it is spoken to: a refusal comes before that.
	probeSilence = time.Second
)

// The client's first bytes in HTTP/2: its greeting and empty settings.
const http2Greeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// What HTTP/2 servers answer begins with settings: a frame of type 4 on stream 0.
const http2Header = 9

// What older servers answer to, which hang up on that greeting.
const http1Request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

// probe answers what keeps a connection from being made; nil is nothing.
func (p *place) probe(ctx context.Context) *Error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, found := p.secured(ctx)
	if found != nil {
		return found
	}
	defer conn.Close()
	found = p.greet(conn)
	if found != nil && found.Kind == HubDown && p.isHTTP1(ctx) {
		return p.noHTTP2(nil)
	}
	return found
}

// secured makes the connection, and TLS on it where that belongs there.
func (p *place) secured(ctx context.Context) (net.Conn, *Error) {
	conn, err := p.reach(ctx)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, failure(PermissionDenied, err, "may not open `%s`: ask to be in the socket's group", p.shown)
	case err != nil:
		return nil, failure(HubDown, err, "can't reach the hub at `%s`: %v: see that it runs and listens there", p.shown, err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if p.tls == nil {
		return conn, nil
	}
	config := p.tls.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(p.address)
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, p.handshake(err)
	}
	if secured.ConnectionState().NegotiatedProtocol != "h2" {
		_ = conn.Close()
		return nil, p.noHTTP2(nil)
	}
	return secured, nil
}

func (p *place) noHTTP2(err error) *Error {
	return failure(ProtocolMismatch, err, "`%s` does not speak HTTP/2: it is no hub", p.shown)
}

// isHTTP1 tells whether an older HTTP is spoken.
func (p *place) isHTTP1(ctx context.Context) bool {
	conn, found := p.secured(ctx)
	if found != nil {
		return false
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(http1Request)); err != nil {
		return false
	}
	start := make([]byte, len("HTTP/1."))
	_, err := io.ReadFull(conn, start)
	return err == nil && string(start) == "HTTP/1."
}

// handshake says why TLS was not agreed on.
func (p *place) handshake(err error) *Error {
	var plain tls.RecordHeaderError
	var wrong *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &plain):
		return failure(ProtocolMismatch, err, "`%s` does not speak TLS: see whether it is the hub's gRPC address", p.shown)
	case errors.As(err, &wrong), errors.As(err, &invalid):
		return failure(WrongCertificate, err,
			"the certificate of the hub at `%s` is not to be trusted: %v: give the authority that has signed it, and the "+
				"name that is in it", p.shown, err)
	case isAlert(err):
		return p.refused(err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return failure(WrongCertificate, err, "can't read the certificate for `%s`: %v", p.shown, err)
	}
	return failure(HubDown, err, "the hub at `%s` breaks the connection off: %v: try again later", p.shown, err)
}

// isAlert tells whether the other side has said what it does not like. Go has no type for that.
func isAlert(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "remote error"
}

// refused says what an alert of TLS means.
func (p *place) refused(err error) *Error {
	// What can't be decrypted is the signature of another authority with the same name.
	for _, word := range []string{"certificate", "access denied", "error decrypting"} {
		if strings.Contains(err.Error(), word) {
			return failure(WrongCertificate, err,
				"the hub at `%s` has refused our certificate: %v: give one that its authority has signed", p.shown, err)
		}
	}
	return failure(ProtocolMismatch, err, "can't agree on TLS with `%s`: %v", p.shown, err)
}

// greet sees whether HTTP/2 is spoken, and whether our certificate is taken.
func (p *place) greet(conn net.Conn) *Error {
	reader := bufio.NewReader(conn)
	// Whoever refuses a certificate says so at once, and what is written then may get that lost.
	_ = conn.SetReadDeadline(time.Now().Add(probeSilence))
	_, err := reader.Peek(1)
	_ = conn.SetReadDeadline(time.Now().Add(probeTimeout - probeSilence))
	var waited net.Error
	if errors.As(err, &waited) && waited.Timeout() {
		if _, err = conn.Write([]byte(http2Greeting)); err == nil {
			_, err = reader.Peek(1)
		}
	}
	if isAlert(err) {
		return p.refused(err)
	}
	if err != nil {
		return failure(HubDown, err, "the hub at `%s` does not answer: %v: try again later", p.shown, err)
	}
	header, err := reader.Peek(http2Header)
	if err != nil || header[3] != 4 || string(header[5:]) != "\x00\x00\x00\x00" {
		return p.noHTTP2(err)
	}
	return nil
}
