// Where the hub is and who asks: given to Connect, or in the environment.

package cadge

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strings"
)

// defaultHub is where a hub listens on its own machine.
const defaultHub = "unix:///run/cadge/cadge.sock"

// Option sets what [Connect] would otherwise take from the environment.
type Option func(*settings)

type settings struct {
	hub           string
	ca, cert, key string
	token         string
	tls           *tls.Config
}

// WithHub says where the hub is: `unix:///run/cadge/cadge.sock` or `https://HOST:PORT`. Otherwise CADGE_HUB does, and
// without it the hub is at that socket.
func WithHub(address string) Option { return func(s *settings) { s.hub = address } }

// WithCertificates names PEM files: the authority of the hub's certificate, and the caller's certificate and key.
// Otherwise CADGE_CA, CADGE_CERT and CADGE_KEY do. Each may be empty: without an authority it is the system's, and
// with a token no certificate is needed. Certificate and key are read again for each connection.
func WithCertificates(ca, cert, key string) Option {
	return func(s *settings) { s.ca, s.cert, s.key = ca, cert, key }
}

// WithTLS sets all of TLS at once: files and their variables then don't count.
func WithTLS(config *tls.Config) Option { return func(s *settings) { s.tls = config.Clone() } }

// WithToken sets the bearer token that is sent with each call. Otherwise CADGE_TOKEN does.
func WithToken(token string) Option { return func(s *settings) { s.token = token } }

// place is where the hub is, with what connecting to it takes.
type place struct {
	// As it was given, for errors.
	shown string
	// What net.Dialer takes: `unix` and a path, or `tcp`, a host and a port.
	network, address string
	// What HTTP calls the hub.
	authority string
	// Nil for a socket.
	tls   *tls.Config
	token string
}

// settled is where the options or the environment say that the hub is.
func settled(options []Option) (*place, error) {
	var s settings
	for _, option := range options {
		option(&s)
	}
	for value, variable := range map[*string]string{
		&s.hub: "CADGE_HUB", &s.ca: "CADGE_CA", &s.cert: "CADGE_CERT", &s.key: "CADGE_KEY", &s.token: "CADGE_TOKEN",
	} {
		if *value == "" {
			*value = os.Getenv(variable)
		}
	}
	if s.hub == "" {
		s.hub = defaultHub
	}
	if strings.ContainsAny(s.token, "\r\n") {
		return nil, failure(InvalidRequest, nil, "the token has a line end in it: give it without")
	}
	if path, ok := strings.CutPrefix(s.hub, "unix://"); ok && strings.HasPrefix(path, "/") {
		return &place{shown: s.hub, network: "unix", address: path, authority: "localhost", token: s.token}, nil
	}
	return s.remote()
}

func (s *settings) remote() (*place, error) {
	address, err := url.Parse(s.hub)
	if err != nil || address.Scheme != "https" || address.Hostname() == "" || address.Port() == "" ||
		strings.Trim(address.Path, "/") != "" {
		return nil, failure(InvalidRequest, err,
			"`%s` is no address of a hub: write `https://HOST:PORT` or `unix:///PATH`", s.hub)
	}
	config := s.tls
	if config == nil {
		if config, err = s.files(); err != nil {
			return nil, err
		}
	}
	config.NextProtos = []string{"h2"}
	host := net.JoinHostPort(address.Hostname(), address.Port())
	return &place{shown: s.hub, network: "tcp", address: host, authority: host, tls: config, token: s.token}, nil
}

// files makes TLS of PEM files.
func (s *settings) files() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.ca != "" {
		pem, err := os.ReadFile(s.ca)
		if err != nil {
			return nil, failure(WrongCertificate, err, "can't read the authority `%s`: %v", s.ca, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, failure(WrongCertificate, nil, "no certificate is in the authority `%s`: give a PEM file", s.ca)
		}
	}
	if s.cert == "" && s.key == "" {
		return config, nil
	}
	if s.cert == "" || s.key == "" {
		return nil, failure(WrongCertificate, nil,
			"a certificate and its key are given together: certificate `%s`, key `%s`", s.cert, s.key)
	}
	cert, key := s.cert, s.key
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		return nil, failure(WrongCertificate, err, "can't use the certificate `%s` with the key `%s`: %v", cert, key, err)
	}
	// Read anew for each connection: certificates that live for a day are renewed under a client that lives longer.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		return &pair, err
	}
	return config, nil
}
