// Hands in an event of your own, which becomes an alert for everyone:
//
//	push RULE OUTPUT [NAME=VALUE]...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: push RULE OUTPUT [NAME=VALUE]...")
		os.Exit(64)
	}
	// Ctrl-C and `kill` end the context, and with it everything below.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := push(ctx, os.Args[1], os.Args[2], os.Args[3:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "push:", err)
		os.Exit(1)
	}
}

func push(ctx context.Context, rule, output string, arguments []string) error {
	fields := map[string]string{}
	for _, argument := range arguments {
		name, value, found := strings.Cut(argument, "=")
		if !found {
			return fmt.Errorf("`%s` is not NAME=VALUE", argument)
		}
		fields[name] = value
	}
	// Where the hub is and who we are is in the environment: CADGE_HUB, CADGE_CA, CADGE_CERT, CADGE_KEY, CADGE_TOKEN.
	client, err := cadge.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	event := cadge.Event{Priority: cadge.PriorityNotice, Rule: rule, Output: output, OutputFields: fields}
	// It returns when the event is on the hub's disk.
	if err := client.Push(ctx, event); err != nil {
		return err
	}
	fmt.Println("kept")
	return nil
}
