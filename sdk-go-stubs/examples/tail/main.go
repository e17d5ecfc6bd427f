// Prints new alerts as they come:
//
//	tail
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
	// Ctrl-C and `kill` end the context, and with it everything below.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := tail(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "tail:", err)
		os.Exit(1)
	}
}

func tail(ctx context.Context) error {
	// Where the hub is and who we are is in the environment: CADGE_HUB, CADGE_CA, CADGE_CERT, CADGE_KEY, CADGE_TOKEN.
	client, err := cadge.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	// Without a cursor the hub remembers nothing of us, and we start with the next alert.
	alerts := client.Subscribe(ctx)
	defer alerts.Close()
	for alert, err := range alerts.All() {
		if err != nil {
			return err
		}
		fmt.Println(alert.Output)
	}
	return nil
}
