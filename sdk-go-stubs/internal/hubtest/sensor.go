// A sensor without a kernel: hands in alerts that are made up.

package hubtest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cadge/cadge/sdk-go-stubs/cadge/v1"
	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/schema"
)

// Began is when the first alert happened. Each further one happened a second later.
var Began = time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.UTC)

// batchAlerts is how many alerts are handed in at once.
const batchAlerts = 500

// Alert is the alert that is handed in with a number: 800 bytes in all, with ten fields.
func Alert(number uint64) *v1.Alert {
	fields := map[string]string{
		"proc.name": fmt.Sprintf("prog%d", number%7), "proc.pid": fmt.Sprint(number), "proc.cmdline": strings.Repeat("x", 180),
		"user.name": "root", "fd.name": "/etc/shadow", "evt.type": "openat", "container.id": "host",
		"proc.pname": "bash", "proc.exepath": "/usr/bin/" + strings.Repeat("y", 40), "evt.res": "<NA>",
	}
	return &v1.Alert{
		Time:     timestamppb.New(Began.Add(time.Duration(number-1) * time.Second)),
		Priority: schema.Priority(number % 8), Rule: fmt.Sprintf("Rule %d", number%5),
		Output:       fmt.Sprintf("alert %d %s", number, strings.Repeat("žluť ", 25)),
		OutputFields: fields, Hostname: "node-1", Tags: []string{"container", "test"}, Source: "syscall",
		Sensor: "synthetic", Epoch: 1, Sequence: number,
	}
}

// Feed hands in more alerts, and waits until they are on disk. It goes on with the number behind the last one.
func (h *Hub) Feed(alerts int) error {
	conn, err := grpc.NewClient("unix:"+h.File("hub.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := v1.NewIngestClient(conn).Stream(ctx)
	if err != nil {
		return err
	}
	hello := &v1.Hello{Sensor: "synthetic", Hostname: "node-1", Version: "0.1.0", Epoch: 1}
	if err := stream.Send(&v1.IngestRequest{Kind: &v1.IngestRequest_Hello{Hello: hello}}); err != nil {
		return err
	}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	for last := h.fed + uint64(alerts); h.fed < last; {
		batch := &v1.Batch{FirstSequence: h.fed + 1}
		for ; h.fed < last && len(batch.Alerts) < batchAlerts; h.fed++ {
			batch.Alerts = append(batch.Alerts, Alert(h.fed+1))
		}
		if err := stream.Send(&v1.IngestRequest{Kind: &v1.IngestRequest_Batch{Batch: batch}}); err != nil {
			return err
		}
		if err := acknowledged(stream, h.fed); err != nil {
			return err
		}
	}
	return nil
}

func acknowledged(stream grpc.BidiStreamingClient[v1.IngestRequest, v1.IngestResponse], sequence uint64) error {
	for {
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if answer.GetAcknowledgement().GetSequence() >= sequence {
			return nil
		}
	}
}
