// Hands in events, and waits until they are kept.

package cadge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cadge/cadge/sdk-go-stubs/cadge/v1"
	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/schema"
)

const (
	// Events of one request.
	pushEventsMax = 1024
	// Bytes of one request, unless one event alone has more.
	pushBytesMax = 1 << 20
)

// Event is what a program has seen. The hub keeps it as an alert.
type Event struct {
	// Time is when it happened. The zero time is now.
	Time time.Time
	// Priority is how urgent it is. The zero value is the most urgent one.
	Priority Priority
	// Rule says what kind of thing happened: consumers find it as the rule's name. Not empty.
	Rule string
	// Output says what happened, for people.
	Output string
	// OutputFields says the same for machines: names as in Falco's fields, such as `user.name`, or others.
	OutputFields map[string]string
	// Hostname is the host on which it happened. Empty: the caller's name.
	Hostname string
	// Tags are sorted by the hub.
	Tags []string
	// Source is the source's name. Empty: `input`.
	Source string
}

// Refused is an event that the hub did not keep.
type Refused struct {
	// Index is its place among those that were handed in, from 0.
	Index int
	// Reason says why, and what to do.
	Reason string
}

// RefusedError is that the hub keeps some of the events not, and all others. It is an [*Error] of the kind
// [InvalidRequest], too.
type RefusedError struct {
	// Events are those that were refused, in their order.
	Events []Refused
	err    *Error
}

func refusedError(events []Refused, hub string) *RefusedError {
	first := events[0]
	return &RefusedError{Events: events, err: failure(InvalidRequest, nil,
		"the hub at `%s` refuses %d of the events, and keeps all others: the first, number %d: %s",
		hub, len(events), first.Index+1, first.Reason)}
}

// Error tells of the first one.
func (e *RefusedError) Error() string { return e.err.Error() }

// Unwrap is the same as an [*Error].
func (e *RefusedError) Unwrap() error { return e.err }

// Push hands in events, and returns when all are on the hub's disk. When the connection breaks it is opened again, and
// what was not acknowledged is sent again: no event is kept twice. It goes on until the context ends. Needs the role
// sensor or admin. The error is a [*RefusedError] where the hub keeps some events not.
func (c *Client) Push(ctx context.Context, events ...Event) error {
	p := &push{client: c, events: events}
	if err := p.next(); err != nil {
		return err
	}
	again := false
	for wait := backOffMin; len(p.request) > 0; wait = min(2*wait, backOffMax) {
		before := p.done
		err := p.stream(ctx, again)
		if err == nil {
			break
		}
		if !Transient(err) {
			return err
		}
		if p.done > before {
			wait = backOffMin
		}
		select {
		case <-time.After(wait/2 + rand.N(wait/2)):
		case <-ctx.Done():
			return ctx.Err()
		}
		again = true
	}
	if len(p.refused) > 0 {
		return refusedError(p.refused, c.place.shown)
	}
	return nil
}

// push is what is being handed in.
type push struct {
	client *Client
	events []Event
	// So many are on disk or refused.
	done int
	// Those behind them that are on their way.
	request []*v1.Event
	refused []Refused
}

// stream is one connection's life. Nil is that all events are done.
func (p *push) stream(ctx context.Context, again bool) error {
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := v1.NewInputsClient(p.client.conn).Push(call, grpc.WaitForReady(again))
	if err != nil {
		return p.client.failed(ctx, err, false)
	}
	// The hub counts a stream's events.
	start := p.done
	for began := false; len(p.request) > 0; began = true {
		end := p.done + len(p.request)
		// A failure to send shows in the answer.
		_ = stream.Send(&v1.PushRequest{Events: p.request})
		for p.done < end {
			answer, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return failure(Closed, nil, "the hub at `%s` is stopping: try again", p.client.place.shown)
			}
			if err != nil {
				return p.client.failed(ctx, err, began)
			}
			if err := p.take(answer, start, end); err != nil {
				return err
			}
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	_ = stream.CloseSend()
	return nil
}

// take notes how far the hub is.
func (p *push) take(answer *v1.PushResponse, start, end int) error {
	for _, refused := range answer.Refused {
		index := start + int(refused.Number) - 1
		if index < p.done || index >= end {
			return p.client.garbled(fmt.Errorf("event %d is refused, which was not sent", refused.Number))
		}
		p.refused = append(p.refused, Refused{Index: index, Reason: refused.Reason})
	}
	done := start + int(answer.Acknowledged)
	if done < p.done || done > end {
		return p.client.garbled(fmt.Errorf("%d events are acknowledged, which were not sent", answer.Acknowledged))
	}
	p.request = p.request[done-p.done:]
	p.done = done
	return nil
}

// next puts the next request together.
func (p *push) next() error {
	bytes := 0
	for _, event := range p.events[p.done:] {
		wire := p.wire(event)
		raw, err := proto.Marshal(wire)
		if err != nil {
			return failure(InvalidRequest, err, "event %d can't be encoded: %v", p.done+len(p.request)+1, err)
		}
		bytes += len(raw)
		if len(p.request) == pushEventsMax || len(p.request) > 0 && bytes > pushBytesMax {
			break
		}
		p.request = append(p.request, wire)
	}
	return nil
}

// wire is an event as it is sent.
func (p *push) wire(event Event) *v1.Event {
	moment := event.Time
	if moment.IsZero() {
		// With a time of its own an event that is sent again is the same one.
		moment = p.client.now()
	}
	return &v1.Event{
		Time: timestamppb.New(moment), Priority: schema.Priority(event.Priority), Rule: event.Rule, Output: event.Output,
		OutputFields: event.OutputFields, Hostname: event.Hostname, Tags: event.Tags, Source: event.Source,
	}
}

// now is the time. It never answers the same twice: two events that are alike are two.
func (c *Client) now() time.Time {
	for {
		before := c.told.Load()
		now := max(time.Now().UnixNano(), before+1)
		if c.told.CompareAndSwap(before, now) {
			return time.Unix(0, now)
		}
	}
}
