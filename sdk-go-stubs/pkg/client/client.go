// Package client has the API of Falco's client for Go, client-go v0.6.1: a program that was written for it works with
// a Cadge hub once its imports begin with `github.com/cadge/cadge/sdk-go-stubs/pkg` instead of
// `github.com/falcosecurity/client-go/pkg`. New programs have it easier with the package cadge.
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/outputs"
	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/version"
)

// Config says where the hub is and who asks.
type Config struct {
	// Hostname is the hub's name, which is to be in its certificate.
	Hostname string
	// Port is the hub's port.
	Port uint16
	// CertFile and KeyFile are the caller's certificate and key, in PEM.
	CertFile string
	KeyFile  string
	// CARootFile is the authority that has signed the hub's certificate, in PEM.
	CARootFile string
	// UnixSocketPath is the hub's socket, such as `unix:///run/cadge/cadge.sock`. With it the fields above don't count.
	UnixSocketPath string
	// DialOptions are passed on to gRPC.
	DialOptions []grpc.DialOption
	// InsecureSkipMutualTLSAuth takes any certificate of the hub's: no authority is read. The caller's own is still
	// shown.
	InsecureSkipMutualTLSAuth bool
}

// Client is a connection to a hub. NewForConfig makes one.
type Client struct {
	conn                 *grpc.ClientConn
	versionServiceClient version.ServiceClient
	outputsServiceClient outputs.ServiceClient
}

var errNoConnection = errors.New("the client has no connection: make it with `NewForConfig`")

// NewForConfig makes a client. Unless a dial option says otherwise it connects with the first call.
func NewForConfig(ctx context.Context, config *Config) (*Client, error) {
	target, security := config.UnixSocketPath, insecure.NewCredentials()
	if target == "" {
		secured, err := config.secured()
		if err != nil {
			return nil, err
		}
		target = net.JoinHostPort(config.Hostname, strconv.Itoa(int(config.Port)))
		security = credentials.NewTLS(secured)
	}
	options := append([]grpc.DialOption(nil), config.DialOptions...)
	options = append(options, grpc.WithTransportCredentials(security))
	//lint:ignore SA1019 users wait for the connection by `grpc.WithBlock` and the context, which NewClient does not know
	conn, err := grpc.DialContext(ctx, target, options...)
	if err != nil {
		return nil, fmt.Errorf("can't dial `%s`: %w", target, err)
	}
	return &Client{conn: conn}, nil
}

// secured is TLS with the files' certificates.
func (c *Config) secured() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("can't use the certificate `%s` with the key `%s`: %w", c.CertFile, c.KeyFile, err)
	}
	secured := &tls.Config{ServerName: c.Hostname, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.InsecureSkipMutualTLSAuth {
		secured.InsecureSkipVerify = true
		return secured, nil
	}
	pem, err := os.ReadFile(c.CARootFile)
	if err != nil {
		return nil, fmt.Errorf("can't read the authority: %w", err)
	}
	secured.RootCAs = x509.NewCertPool()
	if !secured.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate is in the authority `%s`: give a PEM file", c.CARootFile)
	}
	return secured, nil
}

// Outputs is the service that alerts come from: `Sub` as they come, `Get` those not fetched yet.
func (c *Client) Outputs() (outputs.ServiceClient, error) {
	if c.conn == nil {
		return nil, errNoConnection
	}
	if c.outputsServiceClient == nil {
		c.outputsServiceClient = outputs.NewServiceClient(c.conn)
	}
	return c.outputsServiceClient, nil
}

// Version is the service that tells the hub's version.
func (c *Client) Version() (version.ServiceClient, error) {
	if c.conn == nil {
		return nil, errNoConnection
	}
	if c.versionServiceClient == nil {
		c.versionServiceClient = version.NewServiceClient(c.conn)
	}
	return c.versionServiceClient, nil
}

// Close ends the connection.
func (c *Client) Close() error {
	if c.conn == nil {
		return errNoConnection
	}
	return c.conn.Close()
}
