// Package hubtest runs real hubs for tests, each in a folder of its own.
package hubtest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Patience is the longest that anything here may take: generous, for a machine that does other things too.
const Patience = time.Minute

// Binary is the command `cadge`; empty where CADGE_BIN does not name it, and then tests say that they do nothing.
func Binary() string { return os.Getenv("CADGE_BIN") }

// Skipped is what they say.
const Skipped = "CADGE_BIN does not name the command `cadge`: run `make test-go`"

// Hub is a hub with certificates and a log.
type Hub struct {
	// Dir is its folder: short, for the sockets in it.
	Dir  string
	port int
	run  *exec.Cmd
	fed  uint64
}

// Token is one that hubs with [Tokens] know, of a consumer.
const Token = "0123456789abcdef0123456789abcdef"

// Tokens is the part of the section `grpc` that has a hub take tokens.
const Tokens = "  token_file: DIR/tokens\n"

// New makes certificates and a configuration, with more in its section `grpc`, and starts the hub. DIR in it is the hub's
// folder.
func New(more string) (*Hub, error) {
	dir, err := os.MkdirTemp("/tmp", "cadge")
	if err != nil {
		return nil, err
	}
	h := &Hub{Dir: dir}
	if h.port, err = FreePort(); err != nil {
		return nil, err
	}
	steps := [][]string{
		{"init", "--dir", h.File("pki")},
		{"issue", "hub", "hub", "--dir", h.File("pki"), "--host", "localhost"},
		{"issue", "consumer", "consumer", "--dir", h.File("pki")},
		{"issue", "sensor", "sensor", "--dir", h.File("pki")},
		{"init", "--dir", h.File("other")},
		{"issue", "consumer", "consumer", "--dir", h.File("other")},
	}
	for _, step := range steps {
		if text, err := exec.Command(Binary(), append([]string{"pki"}, step...)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("pki %v: %w: %s", step, err, text)
		}
	}
	config := fmt.Sprintf("grpc:\n  bind_address: 127.0.0.1:%d\n  unix_socket: %[2]s/hub.sock\n  cert_chain: %[2]s/pki/hub.crt\n"+
		"  private_key: %[2]s/pki/hub.key\n  root_certs: %[2]s/pki/ca.crt\n%[3]swebserver:\n  enabled: false\n"+
		// The hub would announce that the sensor is silent, in a slow test.
		"fleet:\n  silent_after_ms: 0\nlog:\n  path: %[2]s/log.db\n", h.port, dir, strings.ReplaceAll(more, "DIR", dir))
	if err := os.WriteFile(h.File("tokens"), []byte("consumer/web-1:"+Token+"\n"), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(h.File("hub.yaml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	return h, h.Start()
}

// FreePort is a port that was free a moment ago.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// File is the path of a file in the hub's folder.
func (h *Hub) File(name string) string { return filepath.Join(h.Dir, name) }

// Socket is the hub's address on this machine.
func (h *Hub) Socket() string { return "unix://" + h.File("hub.sock") }

// Port is where it listens with TLS.
func (h *Hub) Port() int { return h.port }

// Address is its address with TLS.
func (h *Hub) Address() string { return fmt.Sprintf("https://localhost:%d", h.port) }

// Environ is this process's environment with the connection's settings: by TLS as the consumer, or by the socket.
func (h *Hub) Environ(tls bool) []string {
	if !tls {
		return append(os.Environ(), "CADGE_HUB="+h.Socket())
	}
	return append(os.Environ(), "CADGE_HUB="+h.Address(), "CADGE_CA="+h.File("pki/ca.crt"),
		"CADGE_CERT="+h.File("pki/consumer.crt"), "CADGE_KEY="+h.File("pki/consumer.key"))
}

// Start starts the hub, and waits until it serves.
func (h *Hub) Start() error {
	run := exec.Command(Binary(), "hub", "--config", h.File("hub.yaml"))
	said, err := run.StderrPipe()
	if err != nil {
		return err
	}
	if err := run.Start(); err != nil {
		return err
	}
	h.run = run
	serves := make(chan string, 1)
	go func() {
		var text strings.Builder
		for lines := bufio.NewScanner(said); lines.Scan(); {
			fmt.Fprintln(&text, lines.Text())
			if strings.Contains(lines.Text(), "cadge hub:") {
				serves <- ""
			}
		}
		serves <- "the hub has ended: " + text.String()
	}()
	select {
	case text := <-serves:
		if text != "" {
			return fmt.Errorf("%s", text)
		}
		return nil
	case <-time.After(Patience):
		return fmt.Errorf("the hub does not serve")
	}
}

// Kill ends the hub as `kill -9` does.
func (h *Hub) Kill() {
	_ = h.run.Process.Kill()
	_ = h.run.Wait()
}

// Remove ends the hub and removes its folder.
func (h *Hub) Remove() {
	if h.run != nil {
		h.Kill()
	}
	_ = os.RemoveAll(h.Dir)
}

// Limited is a context that ends with the tests' patience.
func Limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}
