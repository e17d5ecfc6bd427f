// Options of reading the log, and reading it by position.

package cadge

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cadge/cadge/sdk-go-stubs/cadge/v1"
	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/outputs"
)

// GetOption says what [Client.Get] is to get.
type GetOption interface{ applyGet(*reading) }

// SubscribeOption says how [Client.Subscribe] is to subscribe.
type SubscribeOption interface{ applySubscribe(*reading) }

// ReadOption is one for both.
type ReadOption interface {
	GetOption
	SubscribeOption
}

// reading is what is to be read.
type reading struct {
	after        *uint64
	limit        uint64
	since, until time.Time
	filter       string
	fields       []string
	cursor       *string
	start        *v1.Start
	manual       bool
}

type readOption func(*reading)

func (o readOption) applyGet(r *reading)       { o(r) }
func (o readOption) applySubscribe(r *reading) { o(r) }

type getOption func(*reading)

func (o getOption) applyGet(r *reading) { o(r) }

// After reads what is behind a position in the log; 0 is its beginning.
func After(position uint64) ReadOption { return readOption(func(r *reading) { r.after = &position }) }

// Since reads what the hub has received since a moment.
func Since(moment time.Time) ReadOption { return readOption(func(r *reading) { r.since = moment }) }

// Filter reads only alerts that a condition in Falco's language is true for. It may name every field that outputs name,
// and `alert.rule`, `alert.priority`, `alert.tags` and their like.
func Filter(condition string) ReadOption {
	return readOption(func(r *reading) { r.filter = condition })
}

// Fields leaves only these of the output fields in.
func Fields(names ...string) ReadOption { return readOption(func(r *reading) { r.fields = names }) }

// Limit gets at most so many alerts; 0 is no bound.
func Limit(alerts uint64) GetOption { return getOption(func(r *reading) { r.limit = alerts }) }

// Until gets only what the hub has received before a moment.
func Until(moment time.Time) GetOption { return getOption(func(r *reading) { r.until = moment }) }

// Get reads the log from its beginning, or from where the options say, up to what is in it now. It moves no cursor. The
// first error ends it.
func (c *Client) Get(ctx context.Context, options ...GetOption) iter.Seq2[*Alert, error] {
	var r reading
	for _, option := range options {
		option.applyGet(&r)
	}
	request := &v1.GetRequest{
		Limit: r.limit, Since: timestamp(r.since), Until: timestamp(r.until), Filter: r.filter, Fields: r.fields,
	}
	if r.after != nil {
		request.After = *r.after
	}
	return func(yield func(*Alert, error) bool) {
		err := c.responses(ctx, v1.Outputs_Get_FullMethodName, request, func(b *batch) bool {
			for _, alert := range b.alerts {
				if !yield(alert, nil) {
					return false
				}
			}
			return true
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// GetNew reads the alerts that the caller's identity has not had yet, and moves its cursor: Falco's own `get`. Positions
// are 0. The first error ends it.
func (c *Client) GetNew(ctx context.Context) iter.Seq2[*Alert, error] {
	return func(yield func(*Alert, error) bool) {
		err := c.responses(ctx, outputs.Service_Get_FullMethodName, &outputs.Request{}, func(b *batch) bool {
			return yield(b.alerts[0], nil)
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// responses makes a call with one request, and hands its responses on until that answers false.
func (c *Client) responses(ctx context.Context, method string, request any, take func(*batch) bool) error {
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.conn.NewStream(call, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return c.failed(ctx, err, false)
	}
	// A failure to send shows in the answer.
	if stream.SendMsg(request) == nil {
		_ = stream.CloseSend()
	}
	for began := false; ; began = true {
		b := batch{single: method == outputs.Service_Get_FullMethodName}
		err := stream.RecvMsg(&b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return c.failed(ctx, err, began)
		}
		if b.fault != nil {
			return c.garbled(b.fault)
		}
		if !take(&b) {
			return nil
		}
	}
}

func (c *Client) garbled(fault error) error {
	return failure(ProtocolMismatch, fault, "can't decode what `%s` answers: %v: see that it is a Cadge hub", c.place.shown, fault)
}

// timestamp is a moment on the wire; none for the zero time.
func timestamp(moment time.Time) *timestamppb.Timestamp {
	if moment.IsZero() {
		return nil
	}
	return timestamppb.New(moment)
}
