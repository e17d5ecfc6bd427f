// Forwards every alert to a topic of Kafka's, and misses none:
//
//	kafka BROKERS TOPIC CURSOR
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: kafka BROKERS TOPIC CURSOR")
		os.Exit(64)
	}
	// Ctrl-C and `kill` end the context, and with it everything below.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := forward(ctx, strings.Split(os.Args[1], ","), os.Args[2], os.Args[3]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

// At most so many alerts go to the broker at once, and none waits longer for others.
const (
	batchAlerts = 1000
	batchWait   = 20 * time.Millisecond
)

func forward(ctx context.Context, brokers []string, topic, cursor string) error {
	writer := &kafka.Writer{
		Addr: kafka.TCP(brokers...), Topic: topic, AllowAutoTopicCreation: true,
		// A write returns once all of the topic's replicas have it.
		RequiredAcks: kafka.RequireAll,
		// We make the batches ourselves.
		BatchSize: batchAlerts, BatchTimeout: time.Millisecond,
		// An alert that is sent again goes where it was sent before.
		Balancer: &kafka.Hash{},
	}
	defer writer.Close()
	// Where the hub is and who we are is in the environment: CADGE_HUB, CADGE_CA, CADGE_CERT, CADGE_KEY, CADGE_TOKEN.
	client, err := cadge.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	alerts := client.Subscribe(ctx, cadge.Durable(cursor), cadge.Manual())
	defer alerts.Close()
	channel := alerts.Chan()
	for {
		batch := collect(channel)
		if len(batch) == 0 {
			return alerts.Err()
		}
		messages := make([]kafka.Message, len(batch))
		for i, alert := range batch {
			text, err := alert.FalcoJSON()
			if err != nil {
				return err
			}
			messages[i] = kafka.Message{Key: []byte(alert.ID()), Value: text}
		}
		if err := write(ctx, writer, messages); err != nil {
			return err
		}
		// Only now the hub may forget them for us.
		alerts.Acknowledge(batch[len(batch)-1].Position)
	}
}

// write returns once the broker has all of them. A topic that is just being made is waited for.
func write(ctx context.Context, writer *kafka.Writer, messages []kafka.Message) error {
	for {
		err := writer.WriteMessages(ctx, messages...)
		var refused kafka.Error
		if !errors.As(err, &refused) || !refused.Temporary() {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// collect waits for an alert, and takes those that come right behind it. None is that no more come.
func collect(alerts <-chan *cadge.Alert) []*cadge.Alert {
	var batch []*cadge.Alert
	if first, ok := <-alerts; ok {
		batch = append(batch, first)
	}
	for enough := time.After(batchWait); 0 < len(batch) && len(batch) < batchAlerts; {
		select {
		case alert, ok := <-alerts:
			if !ok {
				return batch
			}
			batch = append(batch, alert)
		case <-enough:
			return batch
		}
	}
	return batch
}
