// Writes the id of every alert to a file, and misses none: it may be killed at any moment and started again.
//
//	resume CURSOR FILE
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
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: resume CURSOR FILE")
		os.Exit(64)
	}
	// Ctrl-C and `kill` end the context, and with it everything below.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := resume(ctx, os.Args[1], os.Args[2]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "resume:", err)
		os.Exit(1)
	}
}

func resume(ctx context.Context, cursor, path string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	// Where the hub is and who we are is in the environment: CADGE_HUB, CADGE_CA, CADGE_CERT, CADGE_KEY, CADGE_TOKEN.
	client, err := cadge.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	// The hub keeps the cursor's place, and moves it only when we say so.
	alerts := client.Subscribe(ctx, cadge.Durable(cursor), cadge.Manual())
	defer alerts.Close()
	for alert, err := range alerts.All() {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(file, alert.ID()); err != nil {
			return err
		}
		// Killed before this line, we get the alert once more: so at least once, and never not at all.
		alerts.Acknowledge(alert.Position)
	}
	return nil
}
