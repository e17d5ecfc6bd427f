package cadge_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
)

// The examples run on a hub that has twelve alerts; CADGE_HUB says where it is.
func connect() (context.Context, *cadge.Client) {
	ctx := context.Background()
	client, err := cadge.Connect(ctx)
	if err != nil {
		panic(err)
	}
	return ctx, client
}

func ExampleConnect() {
	_, err := cadge.Connect(context.Background(), cadge.WithHub("unix:///nowhere/cadge.sock"))
	fmt.Println(errors.Is(err, cadge.HubDown))
	// Output: true
}

func ExampleClient_Get() {
	ctx, client := connect()
	defer client.Close()
	for alert, err := range client.Get(ctx, cadge.Filter("alert.priority_num <= 4"), cadge.Limit(3)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(alert.ID(), alert.Priority, alert.OutputFields["proc.name"])
	}
	// Output:
	// synthetic/1/1 Alert prog1
	// synthetic/1/2 Critical prog2
	// synthetic/1/3 Error prog3
}

func ExampleClient_Subscribe() {
	ctx, client := connect()
	defer client.Close()
	alerts := client.Subscribe(ctx, cadge.Durable("example"), cadge.Filter("alert.rule = 'Rule 2'"))
	defer alerts.Close()
	for alert, err := range alerts.All() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(alert.ID())
		if alert.Sequence == 12 {
			break // A service goes on for ever.
		}
	}
	// Output:
	// synthetic/1/2
	// synthetic/1/7
	// synthetic/1/12
}

func ExampleSubscription_Acknowledge() {
	ctx, client := connect()
	defer client.Close()
	for _, last := range []uint64{2, 4} {
		alerts := client.Subscribe(ctx, cadge.Durable("by-hand"), cadge.Manual())
		for alert, err := range alerts.All() {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(alert.ID())
			if alert.Sequence == last {
				break // The program ends before this alert is dealt with.
			}
			alerts.Acknowledge(alert.Position)
		}
		_ = alerts.Close()
	}
	// Output:
	// synthetic/1/1
	// synthetic/1/2
	// synthetic/1/2
	// synthetic/1/3
	// synthetic/1/4
}

func ExampleSubscription_Chan() {
	ctx, client := connect()
	defer client.Close()
	alerts := client.Subscribe(ctx, cadge.FromBeginning())
	defer alerts.Close()
	channel := alerts.Chan()
	select {
	case alert := <-channel:
		fmt.Println(alert.Rule)
	case <-time.After(time.Minute):
		fmt.Println("nothing")
	}
	// Output: Rule 1
}

func ExampleClient_GetNew() {
	ctx, client := connect()
	defer client.Close()
	for range 2 {
		count := 0
		for _, err := range client.GetNew(ctx) {
			if err != nil {
				fmt.Println(err)
				return
			}
			count++
		}
		fmt.Println(count, "new alerts")
	}
	// Output:
	// 12 new alerts
	// 0 new alerts
}

func ExampleAlert_FalcoJSON() {
	alert := cadge.Alert{
		Time: time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.UTC), Priority: cadge.PriorityInformational, Rule: "A rule",
		Output: "a < b", OutputFields: map[string]string{"proc.name": "cat", "fd.name": "<NA>"}, Source: "syscall",
	}
	text, _ := alert.FalcoJSON()
	fmt.Println(string(text))
	// Output: {"hostname":"","output":"a < b","output_fields":{"fd.name":null,"proc.name":"cat"},"priority":"Informational","rule":"A rule","source":"syscall","tags":[],"time":"2026-01-31T12:00:00.123456789Z"}
}
