package cadge_test

import (
	"context"
	"errors"
	"io"
	"testing"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
)

// sequences reads a number of alerts off a subscription.
func sequences(t *testing.T, s *cadge.Subscription, count int) []uint64 {
	t.Helper()
	var had []uint64
	for len(had) < count {
		alert, err := s.Next()
		must(t, err)
		had = append(had, alert.Sequence)
	}
	return had
}

// assertRun fails unless these are all numbers from one to another, in order.
func assertRun(t *testing.T, had []uint64, first, last uint64) {
	t.Helper()
	if len(had) != int(last-first+1) {
		t.Fatalf("%d alerts instead of those from %d to %d: %v", len(had), first, last, had)
	}
	for i, number := range had {
		if number != first+uint64(i) {
			t.Fatalf("alert %d instead of %d", number, first+uint64(i))
		}
	}
}

func TestADurableSubscriptionGoesOnAcrossRestartsOfTheHub(t *testing.T) {
	hub := fed(t, 1000)
	ctx, client := connected(t, byTLS(hub))
	alerts := client.Subscribe(ctx, cadge.Durable("restarts"))
	transient := client.Subscribe(ctx, cadge.FromBeginning())
	had, others := sequences(t, alerts, 700), sequences(t, transient, 300)
	for range 3 {
		hub.Kill()
		must(t, hub.Start())
		must(t, hub.Feed(500))
		had, others = append(had, sequences(t, alerts, 500)...), append(others, sequences(t, transient, 500)...)
	}
	had, others = append(had, sequences(t, alerts, 300)...), append(others, sequences(t, transient, 700)...)
	assertRun(t, had, 1, 2500)
	assertRun(t, others, 1, 2500)
}

func TestACursorGoesOnBehindWhatWasDealtWith(t *testing.T) {
	hub := fed(t, 100)
	for name, manual := range map[string]bool{"automatic": false, "manual": true} {
		ctx, client := connected(t, bySocket(hub))
		options := []cadge.SubscribeOption{cadge.Durable(name)}
		if manual {
			options = append(options, cadge.Manual())
		}
		first := client.Subscribe(ctx, options...)
		for alert, err := range first.All() {
			must(t, err)
			if manual && alert.Sequence == 40 {
				first.Acknowledge(alert.Position)
			}
			if alert.Sequence == 41 {
				break
			}
		}
		must(t, first.Close())
		if _, err := first.Next(); !errors.Is(err, io.EOF) || first.Err() != nil {
			t.Fatalf("after Close there is %v and %v", err, first.Err())
		}
		assertRun(t, sequences(t, client.Subscribe(ctx, options...), 60), 41, 100)
	}
}

func TestACursorGoesOnBehindWhatAnEndedContextHadDealtWith(t *testing.T) {
	hub := fed(t, 100)
	_, client := connected(t, bySocket(hub))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	alerts := client.Subscribe(ctx, cadge.Durable("ended"))
	var last error
	for alert, err := range alerts.All() {
		if last = err; err != nil {
			break
		}
		if alert.Sequence == 30 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) || !errors.Is(alerts.Err(), context.Canceled) {
		t.Fatalf("the end is %v and %v", last, alerts.Err())
	}
	must(t, alerts.Close())
	assertRun(t, sequences(t, client.Subscribe(t.Context(), cadge.Durable("ended")), 70), 31, 100)
}

func TestAChannelDealsWithWhatWasTaken(t *testing.T) {
	hub := fed(t, 100)
	ctx, client := connected(t, bySocket(hub))
	alerts := client.Subscribe(ctx, cadge.Durable("channel"))
	channel := alerts.Chan()
	var had []uint64
	for range 50 {
		had = append(had, (<-channel).Sequence)
	}
	must(t, alerts.Close())
	for range channel {
		t.Fatal("an alert after Close")
	}
	assertRun(t, had, 1, 50)
	// Whoever closes at once may be before the acknowledgement of the last but one.
	rest := sequences(t, client.Subscribe(ctx, cadge.Durable("channel")), 51)
	if rest[0] < 49 || rest[0] > 50 {
		t.Fatalf("it goes on with alert %d", rest[0])
	}
	assertRun(t, rest, rest[0], rest[0]+50)
}

func TestASubscriptionStartsWhereItIsTold(t *testing.T) {
	hub := fed(t, 100)
	ctx, client := connected(t, byTLS(hub))
	var tenth, last *cadge.Alert
	for alert, err := range client.Get(ctx, cadge.Limit(100)) {
		must(t, err)
		if alert.Sequence == 10 {
			tenth = alert
		}
		last = alert
	}
	if last.Sequence != 100 {
		t.Fatalf("get ends with alert %d", last.Sequence)
	}
	after := client.Subscribe(ctx, cadge.After(tenth.Position))
	assertRun(t, sequences(t, after, 90), 11, 100)
	beginning := client.Subscribe(ctx, cadge.FromBeginning(), cadge.Filter("alert.rule = 'Rule 3'"), cadge.Fields("proc.name"))
	for i := range 20 {
		alert, err := beginning.Next()
		must(t, err)
		if alert.Sequence != uint64(5*i+3) || len(alert.OutputFields) != 1 {
			t.Fatalf("alert %d has %v", alert.Sequence, alert.OutputFields)
		}
	}
	// Of a hub with a moment's delay nothing says when `now` is: an alert that comes later is the first one.
	now := client.Subscribe(ctx)
	had := make(chan uint64)
	go func() {
		alert, err := now.Next()
		if err == nil {
			had <- alert.Sequence
		}
		close(had)
	}()
	for {
		must(t, hub.Feed(1))
		select {
		case sequence := <-had:
			if sequence <= 100 {
				t.Fatalf("a subscription from now on has alert %d", sequence)
			}
			return
		default:
		}
	}
}
