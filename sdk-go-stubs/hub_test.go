package cadge_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
	"github.com/cadge/cadge/sdk-go-stubs/internal/hubtest"
)

// TestMain starts the hub of the examples, with twelve alerts.
func TestMain(m *testing.M) {
	flag.Parse()
	for _, name := range []string{"CADGE_HUB", "CADGE_CA", "CADGE_CERT", "CADGE_KEY", "CADGE_TOKEN"} {
		_ = os.Unsetenv(name)
	}
	if hubtest.Binary() == "" || flag.Lookup("test.fuzz").Value.String() != "" {
		// Examples can't skip themselves.
		fmt.Fprintln(os.Stderr, "SKIPPED the examples of sdk-go-stubs: "+hubtest.Skipped)
		_ = flag.Set("test.run", "^(Test|Fuzz)")
		os.Exit(m.Run())
	}
	hub, err := hubtest.New("")
	if err == nil {
		err = hub.Feed(12)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = os.Setenv("CADGE_HUB", hub.Socket())
	code := m.Run()
	hub.Remove()
	os.Exit(code)
}

// fed is a hub of a test's own, with alerts, and more in its configuration's section `grpc`.
func fed(t testing.TB, alerts int, more ...string) *hubtest.Hub {
	t.Helper()
	if hubtest.Binary() == "" {
		t.Skip("SKIPPED " + t.Name() + ": " + hubtest.Skipped)
	}
	hub, err := hubtest.New(strings.Join(more, ""))
	if hub != nil {
		t.Cleanup(hub.Remove)
	}
	if err == nil {
		err = hub.Feed(alerts)
	}
	must(t, err)
	return hub
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bySocket and byTLS are the two ways to a hub.
func bySocket(h *hubtest.Hub) []cadge.Option { return []cadge.Option{cadge.WithHub(h.Socket())} }

func byTLS(h *hubtest.Hub) []cadge.Option {
	return []cadge.Option{cadge.WithHub(h.Address()),
		cadge.WithCertificates(h.File("pki/ca.crt"), h.File("pki/consumer.crt"), h.File("pki/consumer.key"))}
}

// connected is a client that ends with the test.
func connected(t testing.TB, options []cadge.Option) (context.Context, *cadge.Client) {
	t.Helper()
	ctx, cancel := hubtest.Limited()
	t.Cleanup(cancel)
	client, err := cadge.Connect(ctx, options...)
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return ctx, client
}
