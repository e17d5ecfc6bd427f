// The loop over a stream of alerts.

package client

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/outputs"
)

// OutputsWatchCallback is called with each alert. An error ends the loop.
type OutputsWatchCallback func(res *outputs.Response) error

// OutputsWatch calls back for each alert of a new stream. See the function of the same name.
func (c *Client) OutputsWatch(
	ctx context.Context, cb OutputsWatchCallback, timeout time.Duration, opts ...grpc.CallOption,
) error {
	api, err := c.Outputs()
	if err != nil {
		return err
	}
	// The stream ends with the loop.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := api.Sub(ctx, opts...)
	if err != nil {
		return err
	}
	return OutputsWatch(ctx, stream, cb, timeout)
}

// OutputsWatch calls back for each alert of a stream, until the stream, the context or an error of the callback ends
// it. The end of the stream is no error. A request is sent whenever there was no alert for as long as timeout: hubs need
// none.
func OutputsWatch(
	ctx context.Context, fcs outputs.Service_SubClient, cb OutputsWatchCallback, timeout time.Duration,
) error {
	alerts, failures := make(chan *outputs.Response, 1), make(chan error, 1)
	ended := make(chan struct{})
	defer close(ended)
	go receive(fcs, alerts, failures, ended)
	idle := time.NewTimer(timeout)
	defer idle.Stop()
	for {
		select {
		case alert, ok := <-alerts:
			if !ok {
				return <-failures
			}
			if err := cb(alert); err != nil {
				return err
			}
		case <-idle.C:
			// A failure to send shows in what is received.
			_ = fcs.Send(&outputs.Request{})
		case <-ctx.Done():
			return ctx.Err()
		}
		idle.Reset(timeout)
	}
}

// receive hands a stream's alerts on, and closes them once its failure can be had.
func receive(fcs outputs.Service_SubClient, alerts chan<- *outputs.Response, failures chan<- error, ended <-chan struct{}) {
	defer close(alerts)
	for {
		alert, err := fcs.Recv()
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if err != nil || alert == nil {
			failures <- err
			return
		}
		select {
		case alerts <- alert:
		case <-ended:
			failures <- nil
			return
		}
	}
}
