// The Go client of Falco's API, client-go v0.6.1, in every way in which its users call it.
//
//	go-client METHOD (-unix PATH | -host HOST -port PORT -cert FILE -key FILE -ca FILE)
//
// Prints one line of JSON for each alert. Ends with 0 at the end of a stream and with 1 when it breaks.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/falcosecurity/client-go/pkg/api/outputs"
	"github.com/falcosecurity/client-go/pkg/api/version"
	"github.com/falcosecurity/client-go/pkg/client"
	"google.golang.org/grpc"
)

// Each way of calling, by name.
var methods = map[string]func(context.Context, *client.Config) error{
	"get":       get,
	"sub":       func(ctx context.Context, config *client.Config) error { return sub(ctx, config, 0) },
	"sub-one":   func(ctx context.Context, config *client.Config) error { return sub(ctx, config, 1) },
	"sub-watch": watch,
	"redial":    redial,
	"exporter":  exporter,
	"version":   askVersion,
}

func main() {
	if len(os.Args) < 2 || methods[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go-client METHOD FLAGS")
		os.Exit(64)
	}
	config := client.Config{}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	socket := flags.String("unix", "", "the Unix socket")
	port := flags.Uint("port", 5060, "the port")
	flags.StringVar(&config.Hostname, "host", "localhost", "the host")
	flags.StringVar(&config.CertFile, "cert", "", "the certificate")
	flags.StringVar(&config.KeyFile, "key", "", "its key")
	flags.StringVar(&config.CARootFile, "ca", "", "the authority")
	_ = flags.Parse(os.Args[2:])
	config.Port = uint16(*port)
	if *socket != "" {
		config.UnixSocketPath = "unix://" + *socket
	}
	if err := methods[os.Args[1]](context.Background(), &config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// What is there, until the server ends the stream.
func get(ctx context.Context, config *client.Config) error {
	return with(ctx, config, func(c *client.Client) error {
		api, err := c.Outputs()
		if err != nil {
			return err
		}
		stream, err := api.Get(ctx, &outputs.Request{})
		if err != nil {
			return err
		}
		return printAll(stream)
	})
}

// A stream on which a number of requests is sent at its beginning, and none later.
func sub(ctx context.Context, config *client.Config, requests int) error {
	return with(ctx, config, func(c *client.Client) error {
		api, err := c.Outputs()
		if err != nil {
			return err
		}
		stream, err := api.Sub(ctx)
		if err != nil {
			return err
		}
		for ; requests > 0; requests-- {
			if err := stream.Send(&outputs.Request{}); err != nil {
				return err
			}
		}
		return printAll(stream)
	})
}

// The client's own loop: a request whenever an interval was idle.
func watch(ctx context.Context, config *client.Config) error {
	return with(ctx, config, func(c *client.Client) error {
		return c.OutputsWatch(ctx, printAlert, time.Second)
	})
}

// The loop around that loop which users write, since the client does not reconnect.
func redial(ctx context.Context, config *client.Config) error {
	for {
		err := watch(ctx, config)
		fmt.Fprintln(os.Stderr, "the stream has ended:", err)
		time.Sleep(50 * time.Millisecond)
	}
}

// As falco-exporter calls: it waits for the connection, sends one empty request per idle second,
// and takes a broken stream for its own end.
func exporter(ctx context.Context, config *client.Config) error {
	config.DialOptions = []grpc.DialOption{grpc.WithBlock()}
	dial, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	c, err := client.NewForConfig(dial, config)
	if err != nil {
		return err
	}
	defer c.Close()
	api, err := c.Outputs()
	if err != nil {
		return err
	}
	stream, err := api.Sub(ctx)
	if err != nil {
		return err
	}
	return client.OutputsWatch(ctx, stream, printAlert, time.Second)
}

// The server's version, as this client names its parts.
func askVersion(ctx context.Context, config *client.Config) error {
	return with(ctx, config, func(c *client.Client) error {
		api, err := c.Version()
		if err != nil {
			return err
		}
		answer, err := api.Version(ctx, &version.Request{})
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
			"version": answer.Version, "engine_version": answer.EngineVersion,
		})
	})
}

func with(ctx context.Context, config *client.Config, call func(*client.Client) error) error {
	c, err := client.NewForConfig(ctx, config)
	if err != nil {
		return err
	}
	defer c.Close()
	return call(c)
}

func printAll(stream interface {
	Recv() (*outputs.Response, error)
}) error {
	for {
		alert, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := printAlert(alert); err != nil {
			return err
		}
	}
}

func printAlert(alert *outputs.Response) error {
	return json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"rule":        alert.Rule,
		"output":      alert.Output,
		"priority":    strings.ToLower(alert.Priority.String()),
		"fields":      alert.OutputFields,
		"hostname":    alert.Hostname,
		"tags":        alert.Tags,
		"source":      alert.Source,
		"source_kind": int32(alert.SourceDeprecated),
		"time":        []int64{alert.Time.GetSeconds(), int64(alert.Time.GetNanos())},
	})
}
