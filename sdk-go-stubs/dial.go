// Opens the connection: TLS over TCP, or a Unix socket.

package cadge

import (
	"context"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	// A hub that does not answer a ping for this long is gone.
	keepAlive = 20 * time.Second
	// Bytes that the hub may send ahead. HTTP/2's own 64 KiB would hold a stream to a few alerts for each round trip.
	windowBytes = 4 << 20
	// Bytes that are read at once.
	readBytes = 256 << 10
	// The longest response: a batch at its limit and room around it.
	responseBytesMax = 8 << 20
)

// The first wait before a reconnection, and the longest.
const (
	backOffMin = 100 * time.Millisecond
	backOffMax = 10 * time.Second
)

// dial makes a connection, which is opened with the first call and again after it broke.
func (p *place) dial() (*grpc.ClientConn, error) {
	security := insecure.NewCredentials()
	if p.tls != nil {
		security = credentials.NewTLS(p.tls)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(security),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return p.reach(ctx) }),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(newCodec()), grpc.MaxCallRecvMsgSize(responseBytesMax)),
		grpc.WithInitialWindowSize(windowBytes),
		grpc.WithInitialConnWindowSize(windowBytes),
		grpc.WithReadBufferSize(readBytes),
		// Whatever a machine's environment says of gRPC's own settings.
		grpc.WithDisableServiceConfig(),
		// A client that is idle keeps its connection: the next call is to find out soon that it broke.
		grpc.WithIdleTimeout(0),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: keepAlive, Timeout: keepAlive, PermitWithoutStream: true,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: backOffMin, Multiplier: 2, Jitter: 0.5, MaxDelay: backOffMax},
			MinConnectTimeout: connectTimeout,
		}),
	}
	if p.tls == nil {
		// A path is no name. With TLS the name is the one that the certificate is to have.
		options = append(options, grpc.WithAuthority(p.authority))
	}
	if p.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(p.token)))
	}
	// The name is never resolved by gRPC: the dialer knows the way.
	conn, err := grpc.NewClient("passthrough:///"+p.authority, options...)
	if err != nil {
		return nil, failure(InvalidRequest, err, "can't use the address `%s`: %v", p.shown, err)
	}
	return conn, nil
}

func (p *place) reach(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, p.network, p.address)
}

// bearer is a token that goes with each call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity is false for the Unix socket: elsewhere there is TLS anyway.
func (b bearer) RequireTransportSecurity() bool { return false }
