// What runs behind a subscription: it connects, resumes and acknowledges.

package cadge

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	v1 "github.com/cadge/cadge/sdk-go-stubs/cadge/v1"
)

const (
	// Acknowledgements are sent at most so often.
	acknowledgeInterval = 100 * time.Millisecond
	// The longest that the last one may take.
	lastTimeout = 2 * time.Second
	// The first wait for the hub to have it on disk, and the longest.
	lastWaitMin = 10 * time.Millisecond
	lastWaitMax = 200 * time.Millisecond
)

// link is a subscription's way to the hub.
type link struct {
	client       *Client
	subscription *Subscription
	// Ends with the caller's context, by Close and with the client.
	ending context.Context
	open   *v1.Open
	// The last position that was handed on. After a reconnection the hub may send again what it had no acknowledgement
	// for: that is skipped.
	last *uint64
	// Whether this is no longer the connection that Connect has made.
	again bool
}

// run keeps the stream open until the subscription ends, or until an error that no second try can mend.
func (l *link) run() {
	defer close(l.subscription.ended)
	defer close(l.subscription.batches)
	defer l.subscription.end()
	for wait := backOffMin; ; wait = min(2*wait, backOffMax) {
		before := l.last
		err := l.stream()
		if l.ending.Err() != nil {
			return
		}
		if !Transient(err) {
			l.subscription.fault = err
			return
		}
		if l.last != before {
			wait = backOffMin
		}
		select {
		case <-time.After(wait/2 + rand.N(wait/2)):
		case <-l.ending.Done():
			return
		}
		l.again = true
	}
}

// stream is one connection's life.
func (l *link) stream() error {
	// What is under way is not to end with the caller's context: an acknowledgement may still have to be sent.
	call, cancel := context.WithCancel(context.WithoutCancel(l.ending))
	defer cancel()
	stream, err := l.opened(call, cancel)
	if err != nil {
		return err
	}
	open := proto.Clone(l.open).(*v1.Open)
	if open.Transient && l.last != nil {
		open.After = l.last
	}
	// A failure to send shows in the answer.
	_ = stream.SendMsg(&v1.SubscribeRequest{Kind: &v1.SubscribeRequest_Open{Open: open}})
	seen, ended := &due{}, make(chan struct{})
	go func() {
		defer close(ended)
		defer cancel()
		l.acknowledge(call, stream, seen)
	}()
	err = l.receive(stream, seen)
	cancel()
	<-ended
	return err
}

// opened opens a stream. A broken connection is waited for, so long as it may be that there is none to wait for.
func (l *link) opened(call context.Context, cancel context.CancelFunc) (grpc.ClientStream, error) {
	defer context.AfterFunc(l.ending, cancel)()
	if l.again {
		defer time.AfterFunc(connectTimeout, cancel).Stop()
	}
	stream, err := l.client.conn.NewStream(call, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true},
		v1.Outputs_Subscribe_FullMethodName, grpc.WaitForReady(l.again))
	if err == nil {
		return stream, nil
	}
	if call.Err() != nil {
		return nil, l.client.unavailable(l.ending, err, "no connection", false)
	}
	return nil, l.client.failed(l.ending, err, false)
}

// receive hands the stream's alerts on until it breaks.
func (l *link) receive(stream grpc.ClientStream, seen *due) error {
	for began := false; ; began = true {
		var b batch
		err := stream.RecvMsg(&b)
		if errors.Is(err, io.EOF) {
			return failure(Closed, nil, "the hub at `%s` is stopping: try again", l.client.place.shown)
		}
		if err != nil {
			return l.client.failed(l.ending, err, began)
		}
		if b.fault != nil {
			return l.client.garbled(b.fault)
		}
		if l.last == nil {
			l.last = b.resumed
		}
		if len(b.alerts) > 0 {
			seen.see(b.alerts[len(b.alerts)-1].Position)
		}
		if fresh := l.fresh(b.alerts); len(fresh) > 0 {
			select {
			case l.subscription.batches <- fresh:
			case <-l.ending.Done():
				// The hub takes the last acknowledgement only while its alerts are read.
			}
		}
		l.passed(b.numbers[2])
	}
}

// fresh is what was not handed on yet, and counts it as handed on.
func (l *link) fresh(alerts []*Alert) []*Alert {
	for l.last != nil && len(alerts) > 0 && alerts[0].Position <= *l.last {
		alerts = alerts[1:]
	}
	if len(alerts) > 0 {
		last := alerts[len(alerts)-1].Position
		l.last = &last
	}
	return alerts
}

// passed notes how far the hub is: what a filter has left out need not be looked at again. For a cursor it knows itself.
func (l *link) passed(position uint64) {
	if l.open.Transient && (l.last == nil || *l.last < position) {
		l.last = &position
	}
}

// acknowledge says now and then how far the caller is, until the stream is gone or the subscription ends.
func (l *link) acknowledge(call context.Context, stream grpc.ClientStream, seen *due) {
	ticker := time.NewTicker(acknowledgeInterval)
	defer ticker.Stop()
	last := uint64(0)
	for ending := false; !ending; {
		select {
		case <-call.Done():
			return
		case <-l.ending.Done():
			ending = true
		case <-ticker.C:
		}
		position := seen.next(l.subscription.dealtWith.Load())
		if position > 0 && !l.open.Transient {
			last = position
			// A failure to send shows in the answer.
			_ = stream.SendMsg(&v1.SubscribeRequest{Kind: &v1.SubscribeRequest_Acknowledge{Acknowledge: position}})
		}
	}
	if last > 0 {
		l.settle(call, last)
	}
}

// settle waits until the hub has the last acknowledgement on disk. It answers none, but says where the cursor is.
func (l *link) settle(call context.Context, last uint64) {
	call, cancel := context.WithTimeout(call, lastTimeout)
	defer cancel()
	for wait := lastWaitMin; ; wait = min(2*wait, lastWaitMax) {
		if kept, err := l.kept(call); err != nil || kept >= last {
			return
		}
		select {
		case <-time.After(wait):
		case <-call.Done():
			return
		}
	}
}

// kept is the cursor's place on the hub.
func (l *link) kept(call context.Context) (uint64, error) {
	call, cancel := context.WithCancel(call)
	defer cancel()
	stream, err := v1.NewOutputsClient(l.client.conn).Subscribe(call)
	if err != nil {
		return 0, err
	}
	// A failure to send shows in the answer.
	_ = stream.Send(&v1.SubscribeRequest{Kind: &v1.SubscribeRequest_Open{Open: &v1.Open{Cursor: l.open.Cursor}}})
	answer, err := stream.Recv()
	return answer.GetResumed(), err
}
