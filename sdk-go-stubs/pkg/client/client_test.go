package client_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/cadge/cadge/sdk-go-stubs/internal/hubtest"
	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/outputs"
	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/version"
	"github.com/cadge/cadge/sdk-go-stubs/pkg/client"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fed is a hub with alerts, on which a caller of `sub` who is new starts at the beginning.
func fed(t *testing.T, alerts int) *hubtest.Hub {
	t.Helper()
	if hubtest.Binary() == "" {
		t.Skip("SKIPPED " + t.Name() + ": " + hubtest.Skipped)
	}
	hub, err := hubtest.New("  outputs:\n    sub_start: beginning\n")
	if hub != nil {
		t.Cleanup(hub.Remove)
	}
	must(t, err)
	must(t, hub.Feed(alerts))
	return hub
}

const (
	// A program that was written for client-go.
	source = "../../../cli/tests/clients/go/main.go"
	// What its imports begin with, and what they are to begin with.
	falcos = "github.com/falcosecurity/client-go/pkg"
	ours   = "github.com/cadge/cadge/sdk-go-stubs/pkg"
)

// ported is that program with nothing changed but its imports, built as if it were in this folder.
func ported(t *testing.T) string {
	t.Helper()
	program, err := os.ReadFile(source)
	if err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	if !bytes.Contains(program, []byte(falcos)) {
		t.Fatalf("%s does not import %s", source, falcos)
	}
	dir := t.TempDir()
	changed, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "ported")
	must(t, os.WriteFile(changed, bytes.ReplaceAll(program, []byte(falcos), []byte(ours)), 0o600))
	here, err := os.Getwd()
	must(t, err)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "ported/main.go"): changed}})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	build := exec.Command("go", "build", "-buildvcs=false", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "./ported")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return binary
}

// flags are how the program reaches a hub.
func flags(hub *hubtest.Hub, tls bool) []string {
	if !tls {
		return []string{"-unix", hub.File("hub.sock")}
	}
	return []string{"-host", "localhost", "-port", fmt.Sprint(hub.Port()), "-ca", hub.File("pki/ca.crt"),
		"-cert", hub.File("pki/consumer.crt"), "-key", hub.File("pki/consumer.key")}
}

// assertAlerts reads lines of the program until each alert was there, in order.
func assertAlerts(t *testing.T, lines io.Reader, count int) {
	t.Helper()
	scanner := bufio.NewScanner(lines)
	for number := 1; number <= count; number++ {
		if !scanner.Scan() {
			t.Fatalf("the program ends before alert %d: %v", number, scanner.Err())
		}
		var alert struct {
			Output string            `json:"output"`
			Fields map[string]string `json:"fields"`
		}
		must(t, json.Unmarshal(scanner.Bytes(), &alert))
		if !strings.HasPrefix(alert.Output, fmt.Sprintf("alert %d ", number)) || alert.Fields["proc.pid"] != fmt.Sprint(number) {
			t.Fatalf("instead of alert %d: %s", number, scanner.Text())
		}
	}
}

func TestAProgramForClientGoWorksWithOtherImports(t *testing.T) {
	hub := fed(t, 50)
	program := ported(t)
	for _, tls := range []bool{false, true} {
		said, err := exec.Command(program, append([]string{"version"}, flags(hub, tls)...)...).Output()
		if err != nil || !strings.Contains(string(said), `"version":"`) {
			t.Fatalf("%v: %s", err, said)
		}
		got, err := exec.Command(program, append([]string{"get"}, flags(hub, tls)...)...).Output()
		must(t, err)
		assertAlerts(t, bytes.NewReader(got), 50)
	}
	// The caller has had all by `get`: what is new comes, on both ways.
	for _, method := range []string{"sub", "sub-one", "sub-watch", "exporter"} {
		for _, tls := range []bool{false, true} {
			assertNew(t, hub, exec.Command(program, append([]string{method}, flags(hub, tls)...)...))
		}
	}
}

// assertNew feeds the hub until a program prints an alert.
func assertNew(t *testing.T, hub *hubtest.Hub, run *exec.Cmd) {
	t.Helper()
	lines, err := run.StdoutPipe()
	must(t, err)
	must(t, run.Start())
	defer func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	}()
	printed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(lines).ReadString('\n')
		printed <- line
	}()
	for {
		select {
		case line := <-printed:
			if !strings.Contains(line, `"output":"alert `) {
				t.Errorf("%v prints `%s`", run.Args[1:], line)
			}
			return
		case <-time.After(50 * time.Millisecond):
			must(t, hub.Feed(1))
		}
	}
}

func TestAnyCertificateIsTakenOnDemand(t *testing.T) {
	hub := fed(t, 1)
	config := client.Config{
		// The certificate has another name, and its authority is not read.
		Hostname: "127.0.0.1", Port: uint16(hub.Port()), CertFile: hub.File("pki/consumer.crt"), KeyFile: hub.File("pki/consumer.key"),
		InsecureSkipMutualTLSAuth: true,
	}
	ctx, cancel := hubtest.Limited()
	defer cancel()
	c, err := client.NewForConfig(ctx, &config)
	must(t, err)
	defer c.Close()
	api, err := c.Version()
	must(t, err)
	answer, err := api.Version(ctx, &version.Request{})
	must(t, err)
	if answer.Version == "" || answer.EngineVersion == "" {
		t.Fatalf("%v", answer)
	}
	config.InsecureSkipMutualTLSAuth = false
	if _, err := client.NewForConfig(ctx, &config); err == nil {
		t.Fatal("a client without an authority is made")
	}
	config.CARootFile = hub.File("pki/ca.crt")
	strict, err := client.NewForConfig(ctx, &config)
	must(t, err)
	defer strict.Close()
	api, err = strict.Version()
	must(t, err)
	if _, err := api.Version(ctx, &version.Request{}); err == nil {
		t.Fatal("a certificate for another name is taken")
	}
}

func TestTheLoopEndsWithTheCallbackAndTheContext(t *testing.T) {
	hub := fed(t, 3)
	ctx, cancel := hubtest.Limited()
	defer cancel()
	c, err := client.NewForConfig(ctx, &client.Config{
		UnixSocketPath: hub.Socket(), DialOptions: []grpc.DialOption{grpc.WithUserAgent("test")},
	})
	must(t, err)
	defer c.Close()
	enough := errors.New("enough")
	err = c.OutputsWatch(ctx, func(alert *outputs.Response) error {
		if alert.OutputFields["proc.pid"] == "3" {
			return enough
		}
		return nil
	}, time.Second)
	if !errors.Is(err, enough) {
		t.Fatalf("%v", err)
	}
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stop()
	err = c.OutputsWatch(short, func(*outputs.Response) error { return nil }, 10*time.Millisecond)
	if err == nil || short.Err() == nil {
		t.Fatalf("%v", err)
	}
}

func TestAClientWithoutAConnectionSaysSo(t *testing.T) {
	var none client.Client
	_, first := none.Outputs()
	_, second := none.Version()
	if first == nil || second == nil || none.Close() == nil {
		t.Fatal("a client without a connection works")
	}
}
