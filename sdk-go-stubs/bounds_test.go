package cadge_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
	"github.com/cadge/cadge/sdk-go-stubs/internal/hubtest"
)

// assertGoroutines waits until there are no more than before.
func assertGoroutines(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(hubtest.Patience); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines instead of %d: %s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestNothingRunsOn(t *testing.T) {
	hub := fed(t, 5000)
	before := runtime.NumGoroutine()
	client, err := cadge.Connect(t.Context(), byTLS(hub)...)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	closed, cancelled, left := client.Subscribe(ctx), client.Subscribe(ctx, cadge.Durable("a")), client.Subscribe(t.Context(), cadge.FromBeginning())
	channel := client.Subscribe(ctx, cadge.FromBeginning())
	<-channel.Chan()
	for _, err := range cancelled.All() {
		must(t, err)
		break
	}
	for _, err := range client.Get(ctx) {
		must(t, err)
		break
	}
	must(t, closed.Close())
	cancel()
	if _, err := cancelled.Next(); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	sequences(t, left, 3)
	must(t, client.Close())
	assertGoroutines(t, before)
	if _, err := client.Version(t.Context()); err == nil {
		t.Fatal("a closed client answers")
	}
	// Nor does anything of a client that could not connect, or of one whose hub is away.
	_, err = cadge.Connect(t.Context(), cadge.WithHub("unix:///nowhere"))
	assertKind(t, err, cadge.HubDown, "/nowhere")
	client, err = cadge.Connect(t.Context(), bySocket(hub)...)
	must(t, err)
	away := client.Subscribe(t.Context(), cadge.Durable("away"))
	sequences(t, away, 10)
	hub.Kill()
	must(t, away.Close())
	must(t, client.Close())
	assertGoroutines(t, before)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestASlowCallerHoldsTheHubUp(t *testing.T) {
	// 36 MB of alerts.
	hub := fed(t, 40_000)
	ctx, client := connected(t, bySocket(hub))
	before := heap()
	alerts := client.Subscribe(ctx, cadge.FromBeginning())
	had := sequences(t, alerts, 1)
	most := uint64(0)
	for range 10 {
		time.Sleep(100 * time.Millisecond)
		most = max(most, heap()-min(before, heap()))
	}
	// A window of 4 MiB, and a few batches of 256 KiB.
	if most > 12<<20 {
		t.Errorf("%d bytes wait for the caller", most)
	}
	assertRun(t, append(had, sequences(t, alerts, 39_999)...), 1, 40_000)
}
