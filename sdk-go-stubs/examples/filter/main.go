// Prints the alerts that a condition in Falco's language is true for, such as `proc.name = cat and alert.priority = Warning`,
// from the beginning of the log on:
//
//	filter CONDITION
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: filter CONDITION")
		os.Exit(64)
	}
	// Ctrl-C and `kill` end the context, and with it everything below.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := filter(ctx, os.Args[1]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "filter:", err)
		os.Exit(1)
	}
}

func filter(ctx context.Context, condition string) error {
	// Where the hub is and who we are is in the environment: CADGE_HUB, CADGE_CA, CADGE_CERT, CADGE_KEY, CADGE_TOKEN.
	client, err := cadge.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	// The hub evaluates the condition: what it leaves out is not sent.
	alerts := client.Subscribe(ctx, cadge.FromBeginning(), cadge.Filter(condition))
	defer alerts.Close()
	for alert, err := range alerts.All() {
		if err != nil {
			return err
		}
		fmt.Println(alert.Position, alert.Priority, alert.Rule)
	}
	return nil
}
