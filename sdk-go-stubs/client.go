// The connection, and what its calls have in common.

package cadge

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/version"
)

const (
	// The longest wait for a connection, with the search for the reason if there is none.
	connectTimeout = 10 * time.Second
	// The part of it that the connection gets.
	answerTimeout = connectTimeout - probeTimeout
)

// Client is a connection to a hub. It opens itself again when it breaks. It may be used by any number of goroutines.
type Client struct {
	place *place
	conn  *grpc.ClientConn
	// Ends with Close, and what runs until then.
	life context.Context
	end  context.CancelFunc
	runs sync.WaitGroup
	// The last time that an event was given, in nanoseconds since 1970.
	told atomic.Int64
}

// Connect connects to a hub, and asks for its version: what is wrong with address, certificates or token is known here.
// Without options it is the environment that says where the hub is: see [Option]. It fails within 10 s.
func Connect(ctx context.Context, options ...Option) (*Client, error) {
	place, err := settled(options)
	if err != nil {
		return nil, err
	}
	conn, err := place.dial()
	if err != nil {
		return nil, err
	}
	client := &Client{place: place, conn: conn}
	client.life, client.end = context.WithCancel(context.Background())
	limited, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	_, err = version.NewServiceClient(conn).Version(limited, &version.Request{})
	if err != nil {
		err = client.failed(ctx, err, false)
		_ = client.Close()
		return nil, err
	}
	return client, nil
}

// Conn is the connection itself, for the services of the generated code that have no method here: as admins use them.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Close ends the client's subscriptions, each after its last acknowledgement, and then the connection.
func (c *Client) Close() error {
	c.end()
	c.runs.Wait()
	return c.conn.Close()
}

// Version is that of a hub and of its rule language.
type Version struct {
	// Hub is the hub's, such as `0.1.0`.
	Hub string
	// Engine is the rule language's, such as `0.63.0`.
	Engine string
}

// Version asks for the versions of the hub and of its rule language.
func (c *Client) Version(ctx context.Context) (Version, error) {
	answer, err := version.NewServiceClient(c.conn).Version(ctx, &version.Request{})
	if err != nil {
		return Version{}, c.failed(ctx, err, false)
	}
	return Version{Hub: answer.Version, Engine: answer.EngineVersion}, nil
}

// failed makes an [*Error] of what gRPC says. began is that the hub had answered already.
func (c *Client) failed(ctx context.Context, err error, began bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	where, said := c.place.shown, status.Convert(err)
	text := said.Message()
	switch said.Code() {
	case codes.Unauthenticated:
		return failure(PermissionDenied, err,
			"the hub at `%s` does not know who asks: %s: see the token, or give a certificate", where, text)
	case codes.PermissionDenied:
		return failure(PermissionDenied, err, "the hub at `%s` does not allow it: %s", where, text)
	case codes.Unimplemented:
		return failure(ProtocolMismatch, err,
			"`%s` does not know this call (%s): see that it is a Cadge hub and not older than this client", where, said.Code())
	case codes.InvalidArgument, codes.OutOfRange, codes.NotFound, codes.FailedPrecondition, codes.AlreadyExists:
		return failure(InvalidRequest, err, "the hub at `%s` refuses the request: %s", where, text)
	case codes.Unavailable, codes.DeadlineExceeded:
		return c.unavailable(ctx, err, text, began)
	}
	if strings.Contains(text, "error while marshaling") {
		return failure(InvalidRequest, err, "the request can't be encoded: %s", text)
	}
	if strings.Contains(text, undecodable) || strings.Contains(text, "message larger than max") || strings.Contains(text, "unexpected HTTP status code") ||
		strings.Contains(text, "content-type") {
		return failure(ProtocolMismatch, err, "`%s` does not answer as a Cadge hub does: %s", where, text)
	}
	return failure(Closed, err, "the hub at `%s` has broken the call off: %s: try again", where, text)
}

// unavailable says what is behind gRPC's word for whatever goes wrong on the way.
func (c *Client) unavailable(ctx context.Context, err error, text string, began bool) error {
	if began {
		return failure(Closed, err, "the connection to `%s` broke: %s: try again", c.place.shown, text)
	}
	if found := c.place.probe(ctx); found != nil {
		return found
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if status.Code(err) == codes.DeadlineExceeded {
		return failure(HubDown, err, "the hub at `%s` does not answer within %v: try again later", c.place.shown, answerTimeout)
	}
	return failure(Closed, err, "the hub at `%s` has broken the call off: %s: try again", c.place.shown, text)
}
