// A subscription as its user sees it.

package cadge

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync/atomic"

	v1 "github.com/cadge/cadge/sdk-go-stubs/cadge/v1"
)

// Batches that wait between the connection and the caller. With more to come the hub has to wait.
const queueBatches = 2

type subscribeOption func(*reading)

func (o subscribeOption) applySubscribe(r *reading) { o(r) }

// Durable has the hub keep the subscription's place under a name of the caller's own. A new cursor starts at the log's
// beginning, unless an option says otherwise; one that the hub knows goes on where it was. Without this option the hub
// remembers nothing, and the subscription starts with the next alert. The empty name is the identity's own cursor, which
// [Client.GetNew] moves, too.
func Durable(cursor string) SubscribeOption {
	return subscribeOption(func(r *reading) { r.cursor = &cursor })
}

// FromNow starts with the next alert.
func FromNow() SubscribeOption { return starting(v1.Start_START_NOW) }

// FromBeginning starts with the oldest alert that the hub has.
func FromBeginning() SubscribeOption { return starting(v1.Start_START_BEGINNING) }

func starting(start v1.Start) SubscribeOption {
	return subscribeOption(func(r *reading) { r.start = &start })
}

// Manual leaves it to the caller to say what is dealt with, by [Subscription.Acknowledge]. Otherwise an alert counts as
// dealt with once the next one is asked for.
func Manual() SubscribeOption { return subscribeOption(func(r *reading) { r.manual = true }) }

// Subscription is a stream of alerts that goes on for ever: when the connection breaks it is opened again, and goes on
// where it was. Its methods are for one goroutine, but for Acknowledge and Close.
type Subscription struct {
	// The caller's, as it was given to Subscribe.
	ctx    context.Context
	end    context.CancelFunc
	manual bool

	batches chan []*Alert
	// Why there are no more batches. Written before they are closed.
	fault error
	ended chan struct{}
	// By Close: what still waits is no longer given.
	closed atomic.Bool

	waiting   []*Alert
	yielded   uint64
	dealtWith atomic.Uint64
}

// Subscribe reads every alert from where the options say, and new ones as they come. Nothing fails here: what is wrong
// comes with the first alert that is asked for. It ends with Close, with its context or with the client; the last
// acknowledgement is sent even then.
func (c *Client) Subscribe(ctx context.Context, options ...SubscribeOption) *Subscription {
	var r reading
	for _, option := range options {
		option.applySubscribe(&r)
	}
	s := &Subscription{
		ctx: ctx, manual: r.manual, batches: make(chan []*Alert, queueBatches), ended: make(chan struct{}),
	}
	ending, end := context.WithCancel(ctx)
	s.end = end
	l := &link{client: c, subscription: s, ending: ending, open: r.opened()}
	c.runs.Add(1)
	go func() {
		defer c.runs.Done()
		defer context.AfterFunc(c.life, end)()
		l.run()
	}()
	return s
}

// opened is the first request.
func (r *reading) opened() *v1.Open {
	open := &v1.Open{
		Transient: r.cursor == nil, After: r.after, Since: timestamp(r.since), Filter: r.filter, Fields: r.fields,
	}
	if r.cursor != nil {
		open.Cursor, open.Start = *r.cursor, v1.Start_START_BEGINNING
	}
	if r.start != nil {
		open.Start = *r.start
	}
	return open
}

// All is every alert as it comes. The loop may be left, and another one goes on behind the alert that it had last. An
// error is the last that comes: no second try could mend it, or the context has ended.
func (s *Subscription) All() iter.Seq2[*Alert, error] {
	return func(yield func(*Alert, error) bool) {
		for {
			alert, err := s.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(alert, err) || err != nil {
				return
			}
		}
	}
}

// Next waits for the next alert. After Close it answers io.EOF.
func (s *Subscription) Next() (*Alert, error) {
	if !s.manual {
		s.Acknowledge(s.yielded)
	}
	return s.take()
}

// take is the next alert, and deals with none.
func (s *Subscription) take() (*Alert, error) {
	if s.closed.Load() || s.ctx.Err() != nil {
		return nil, s.reason()
	}
	for len(s.waiting) == 0 {
		select {
		case batch, ok := <-s.batches:
			if !ok {
				return nil, s.reason()
			}
			s.waiting = batch
		case <-s.ctx.Done():
			return nil, s.ctx.Err()
		}
	}
	alert := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.yielded = alert.Position
	return alert, nil
}

// reason is why there are no more alerts.
func (s *Subscription) reason() error {
	if s.fault != nil {
		return s.fault
	}
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	return io.EOF
}

// Chan hands the alerts on by a channel, which is closed at the end; Err then says why. It is instead of All and Next.
// Unless acknowledgement is manual, an alert counts as dealt with once the next one is taken.
func (s *Subscription) Chan() <-chan *Alert {
	alerts := make(chan *Alert)
	go func() {
		defer close(alerts)
		var handed uint64
		for {
			alert, err := s.take()
			if err != nil {
				return
			}
			select {
			case alerts <- alert:
			case <-s.ended:
				return
			}
			if !s.manual {
				s.Acknowledge(handed)
			}
			handed = alert.Position
		}
	}()
	return alerts
}

// Err is why the subscription has ended: nil while it goes on and after Close.
func (s *Subscription) Err() error {
	select {
	case <-s.ended:
	default:
		return s.ctx.Err()
	}
	if err := s.reason(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// Acknowledge says that everything up to a position is dealt with. The hub hears of it soon after.
func (s *Subscription) Acknowledge(position uint64) {
	for {
		before := s.dealtWith.Load()
		if position <= before || s.dealtWith.CompareAndSwap(before, position) {
			return
		}
	}
}

// Close ends the subscription after its last acknowledgement. The error is why it had ended before, if that was not by
// its context.
func (s *Subscription) Close() error {
	s.closed.Store(true)
	s.end()
	<-s.ended
	return s.fault
}
