package cadge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
	"github.com/cadge/cadge/sdk-go-stubs/internal/hubtest"
)

// kept is what the log has.
func kept(ctx context.Context, t *testing.T, client *cadge.Client) []*cadge.Alert {
	t.Helper()
	var all []*cadge.Alert
	for alert, err := range client.Get(ctx) {
		must(t, err)
		all = append(all, alert)
	}
	return all
}

func TestAnEventIsKeptAsAnAlert(t *testing.T) {
	ctx, client := connected(t, bySocket(fed(t, 0)))
	event := cadge.Event{
		Time: hubtest.Began, Priority: cadge.PriorityNotice, Rule: "Login", Output: "ann has logged in",
		OutputFields: map[string]string{"user.name": "ann"}, Hostname: "door", Tags: []string{"b", "a"}, Source: "badge",
	}
	twice := cadge.Event{Rule: "Twice"}
	must(t, client.Push(ctx, event, twice, twice))
	// The same event is kept once, for it has a time.
	must(t, client.Push(ctx, event))
	all := kept(ctx, t, client)
	if len(all) != 3 {
		t.Fatalf("%d alerts", len(all))
	}
	alert := all[0]
	if alert.Rule != "Login" || alert.Priority != cadge.PriorityNotice || alert.OutputFields["user.name"] != "ann" ||
		alert.Hostname != "door" || strings.Join(alert.Tags, "") != "ab" || alert.Source != "badge" ||
		!alert.Time.Equal(hubtest.Began) || !strings.Contains(alert.Output, "ann has logged in") {
		t.Fatalf("%+v", alert)
	}
	if age := time.Since(all[1].Time); age < 0 || age > hubtest.Patience || all[1].Source != "input" {
		t.Fatalf("%+v", all[1])
	}
}

func TestRefusedEventsAreTold(t *testing.T) {
	ctx, client := connected(t, bySocket(fed(t, 0)))
	events := make([]cadge.Event, 3000)
	for i := range events {
		events[i] = cadge.Event{Rule: fmt.Sprint(i)}
	}
	events[7].Rule, events[2500].Rule = "", ""
	err := client.Push(ctx, events...)
	var refused *cadge.RefusedError
	if !errors.As(err, &refused) || !errors.Is(err, cadge.InvalidRequest) || len(refused.Events) != 2 ||
		refused.Events[0].Index != 7 || refused.Events[1].Index != 2500 || refused.Events[0].Reason == "" {
		t.Fatalf("%v", err)
	}
	assertKind(t, err, cadge.InvalidRequest, "number 8")
	if all := kept(ctx, t, client); len(all) != 2998 {
		t.Fatalf("%d alerts", len(all))
	}
	must(t, client.Push(ctx))
	assertKind(t, client.Push(ctx, cadge.Event{Rule: "\xff"}), cadge.InvalidRequest, "UTF-8")
}

func TestEventsAreKeptOnceAcrossRestartsOfTheHub(t *testing.T) {
	hub := fed(t, 0)
	ctx, client := connected(t, bySocket(hub))
	done, under := make(chan error, 1), make(chan bool)
	go func() {
		defer close(under)
		for i := range 40 {
			events := make([]cadge.Event, 100)
			for j := range events {
				events[j] = cadge.Event{Rule: fmt.Sprint(100*i + j)}
			}
			if i%10 == 5 {
				under <- true
			}
			if err := client.Push(ctx, events...); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range under {
		hub.Kill()
		must(t, hub.Start())
	}
	must(t, <-done)
	_, reader := connected(t, bySocket(hub))
	all := kept(ctx, t, reader)
	for i, alert := range all {
		if alert.Rule != fmt.Sprint(i) {
			t.Fatalf("alert %d is of event %s", i, alert.Rule)
		}
	}
	if len(all) != 4000 {
		t.Fatalf("%d alerts", len(all))
	}
}

func TestPushEndsWithItsContext(t *testing.T) {
	hub := fed(t, 0)
	_, client := connected(t, bySocket(hub))
	hub.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := client.Push(ctx, cadge.Event{Rule: "r"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
}
