// How many alerts a second a subscriber reads:
//
//	consume N
//
// It reads N alerts of the hub's log, touches what a user would, and prints one line: ALERTS SECONDS CPU_SECONDS, from
// the first alert to the last.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: consume N")
		os.Exit(64)
	}
	count, err := strconv.Atoi(os.Args[1])
	if err == nil {
		err = consume(context.Background(), count)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "consume: %v\n", err)
		os.Exit(1)
	}
}

func consume(ctx context.Context, count int) error {
	client, err := cadge.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	alerts := client.Subscribe(ctx, cadge.FromBeginning())
	defer alerts.Close()
	// What is touched, so that no compiler leaves it out.
	rules, urgent, named := map[string]int{}, 0, 0
	var latest time.Time
	var began time.Time
	var used time.Duration
	had := 0
	for alert, err := range alerts.All() {
		if err != nil {
			return err
		}
		if had == 0 {
			began, used = time.Now(), cpu()
		}
		rules[alert.Rule]++
		if alert.Priority <= cadge.PriorityWarning {
			urgent++
		}
		if alert.Time.After(latest) {
			latest = alert.Time
		}
		if alert.OutputFields["proc.name"] != "" {
			named++
		}
		if had++; had == count {
			break
		}
	}
	took, used := time.Since(began), cpu()-used
	fmt.Printf("%d %.3f %.3f\n", had, took.Seconds(), used.Seconds())
	if len(rules) == 0 || named == 0 || urgent < 0 || latest.IsZero() {
		return fmt.Errorf("the alerts have no rule, time or `proc.name`")
	}
	return nil
}

// cpu is what this process has used of processors.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
