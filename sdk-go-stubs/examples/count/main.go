// Counts the alerts of the last hours by rule, most first:
//
//	count [HOURS]
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
)

func main() {
	if len(os.Args) > 2 {
		fmt.Fprintln(os.Stderr, "usage: count [HOURS]")
		os.Exit(64)
	}
	// Ctrl-C and `kill` end the context, and with it everything below.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := count(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

func count(ctx context.Context, arguments []string) error {
	hours := 24.0
	if len(arguments) > 0 {
		var err error
		if hours, err = strconv.ParseFloat(arguments[0], 64); err != nil {
			return err
		}
	}
	// Where the hub is and who we are is in the environment: CADGE_HUB, CADGE_CA, CADGE_CERT, CADGE_KEY, CADGE_TOKEN.
	client, err := cadge.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	// The hub counts: no alert is sent for this.
	since := time.Now().Add(-time.Duration(hours * float64(time.Hour)))
	counted, err := client.Count(ctx, cadge.CountOptions{
		Selection: cadge.Selection{Since: since},
		GroupBy:   []cadge.Dimension{cadge.ByRule},
	})
	if err != nil {
		return err
	}
	slices.SortFunc(counted.Counts, func(a, b cadge.Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Values[0], b.Values[0]))
	})
	for _, group := range counted.Counts {
		fmt.Println(group.Count, group.Values[0])
	}
	return nil
}
