// Prints every alert of the log behind a position, and ends:
//
//	get [AFTER]
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
)

func main() {
	if len(os.Args) > 2 {
		fmt.Fprintln(os.Stderr, "usage: get [AFTER]")
		os.Exit(64)
	}
	// Ctrl-C and `kill` end the context, and with it everything below.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := get(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "get:", err)
		os.Exit(1)
	}
}

func get(ctx context.Context, arguments []string) error {
	after := uint64(0)
	if len(arguments) > 0 {
		var err error
		if after, err = strconv.ParseUint(arguments[0], 10, 64); err != nil {
			return err
		}
	}
	// Where the hub is and who we are is in the environment: CADGE_HUB, CADGE_CA, CADGE_CERT, CADGE_KEY, CADGE_TOKEN.
	client, err := cadge.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	for alert, err := range client.Get(ctx, cadge.After(after)) {
		if err != nil {
			return err
		}
		fmt.Println(alert.Position, alert.Output)
	}
	return nil
}
