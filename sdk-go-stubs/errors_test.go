package cadge_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	cadge "github.com/cadge/cadge/sdk-go-stubs"
	"github.com/cadge/cadge/sdk-go-stubs/internal/hubtest"
	"github.com/cadge/cadge/sdk-go-stubs/pkg/api/version"
)

// assertKind fails unless an error is of a kind, and names what it is about.
func assertKind(t *testing.T, err error, kind cadge.Kind, about string) {
	t.Helper()
	var typed *cadge.Error
	if !errors.Is(err, kind) || !errors.As(err, &typed) || !strings.Contains(err.Error(), about) {
		t.Errorf("instead of %s with `%s`: %v", kind, about, err)
	}
	for _, other := range []cadge.Kind{
		cadge.HubDown, cadge.WrongCertificate, cadge.PermissionDenied, cadge.ProtocolMismatch, cadge.InvalidRequest, cadge.Closed,
	} {
		if other != kind && errors.Is(err, other) {
			t.Errorf("%v is %s, too", err, other)
		}
	}
}

// refused is why no connection can be made.
func refused(t *testing.T, options ...cadge.Option) error {
	t.Helper()
	began := time.Now()
	client, err := cadge.Connect(t.Context(), options...)
	if err == nil {
		_ = client.Close()
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("that took %v", took)
	}
	return err
}

func TestWhatIsWrongWithAnAddressIsKnownAtOnce(t *testing.T) {
	for _, address := range []string{"hub", "http://hub:5060", "https://hub", "https://:5060", "unix://relative", "https://h:1/p", "\x00"} {
		assertKind(t, refused(t, cadge.WithHub(address)), cadge.InvalidRequest, fmt.Sprintf("`%s`", address))
	}
	assertKind(t, refused(t, cadge.WithToken("a\nb")), cadge.InvalidRequest, "line end")
}

func TestAHubThatIsNotThereIsDown(t *testing.T) {
	port, err := hubtest.FreePort()
	must(t, err)
	address := fmt.Sprintf("https://localhost:%d", port)
	assertKind(t, refused(t, cadge.WithHub(address)), cadge.HubDown, address)
	assertKind(t, refused(t, cadge.WithHub("unix:///nowhere/hub.sock")), cadge.HubDown, "/nowhere/hub.sock")
}

func TestAHubThatDoesNotAnswerIsDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	address := "https://" + listener.Addr().String()
	assertKind(t, refused(t, cadge.WithHub(address)), cadge.HubDown, address)
}

func TestCertificatesAreLookedAtFromBothSides(t *testing.T) {
	hub := fed(t, 0)
	at := cadge.WithHub(hub.Address())
	ca, cert, key := hub.File("pki/ca.crt"), hub.File("pki/consumer.crt"), hub.File("pki/consumer.key")
	broken := filepath.Join(t.TempDir(), "broken.pem")
	must(t, os.WriteFile(broken, []byte("no PEM"), 0o600))
	for name, options := range map[string][]cadge.Option{
		"is not to be trusted":        {at, cadge.WithCertificates(hub.File("other/ca.crt"), cert, key)},
		"127.0.0.1":                   {cadge.WithHub(fmt.Sprintf("https://127.0.0.1:%d", hub.Port())), cadge.WithCertificates(ca, cert, key)},
		"has refused our certificate": {at, cadge.WithCertificates(ca, hub.File("other/consumer.crt"), hub.File("other/consumer.key"))},
		"other/ca.key":                {at, cadge.WithCertificates(ca, cert, hub.File("other/ca.key"))},
		broken:                        {at, cadge.WithCertificates(broken, cert, key)},
		"/nowhere.crt":                {at, cadge.WithCertificates(ca, "/nowhere.crt", key)},
		"given together":              {at, cadge.WithCertificates(ca, cert, "")},
	} {
		assertKind(t, refused(t, options...), cadge.WrongCertificate, name)
	}
	pair, err := tls.LoadX509KeyPair(hub.File("other/consumer.crt"), hub.File("other/consumer.key"))
	must(t, err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true}
	assertKind(t, refused(t, at, cadge.WithTLS(config)), cadge.WrongCertificate, "has refused our certificate")
}

func TestAWrongRoleIsDenied(t *testing.T) {
	hub := fed(t, 1)
	ctx, client := connected(t, []cadge.Option{cadge.WithHub(hub.Address()),
		cadge.WithCertificates(hub.File("pki/ca.crt"), hub.File("pki/sensor.crt"), hub.File("pki/sensor.key"))})
	for _, err := range client.Get(ctx) {
		assertKind(t, err, cadge.PermissionDenied, hub.Address())
	}
	for _, err := range client.Subscribe(ctx).All() {
		assertKind(t, err, cadge.PermissionDenied, hub.Address())
	}
	_, consumer := connected(t, byTLS(hub))
	assertKind(t, consumer.Push(ctx, cadge.Event{Rule: "r"}), cadge.PermissionDenied, "sensor")
}

func TestATokenStandsForACertificate(t *testing.T) {
	hub := fed(t, 1, hubtest.Tokens)
	authority := []cadge.Option{cadge.WithHub(hub.Address()), cadge.WithCertificates(hub.File("pki/ca.crt"), "", "")}
	ctx, client := connected(t, append(authority, cadge.WithToken(hubtest.Token)))
	assertRun(t, sequences(t, client.Subscribe(ctx, cadge.Durable("token")), 1), 1, 1)
	assertKind(t, client.Push(ctx, cadge.Event{Rule: "r"}), cadge.PermissionDenied, "sensor")
	assertKind(t, refused(t, append(authority, cadge.WithToken("wrong"))...), cadge.PermissionDenied, hub.Address())
	assertKind(t, refused(t, authority...), cadge.PermissionDenied, "see the token")
	assertKind(t, refused(t, cadge.WithHub(hub.Socket()), cadge.WithToken("wrong")), cadge.PermissionDenied, hub.Socket())
}

// served is a socket on which something else than a hub listens.
func served(t *testing.T, serve func(net.Listener) error) cadge.Option {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cadge")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", dir+"/s")
	must(t, err)
	go func() { _ = serve(listener) }()
	t.Cleanup(func() { _ = listener.Close() })
	return cadge.WithHub("unix://" + dir + "/s")
}

// raw passes any bytes as an answer.
type raw struct{}

func (raw) Marshal(value any) ([]byte, error) { return value.([]byte), nil }
func (raw) Unmarshal([]byte, any) error       { return nil }
func (raw) Name() string                      { return "raw" }

// answering is a gRPC server that answers any call so, other than for the version.
func answering(t *testing.T, answer []byte) *grpc.Server {
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(
		func(_ any, stream grpc.ServerStream) error {
			if method, _ := grpc.MethodFromServerStream(stream); method == version.Service_Version_FullMethodName {
				return stream.SendMsg([]byte{})
			}
			return stream.SendMsg(answer)
		}))
	t.Cleanup(server.Stop)
	return server
}

func TestWhatIsNoHubMismatches(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) })
	plain, secured := httptest.NewServer(page), httptest.NewUnstartedServer(page)
	secured.Config.ErrorLog = log.New(io.Discard, "", 0)
	secured.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
	secured.StartTLS()
	defer plain.Close()
	defer secured.Close()
	insecure := cadge.WithTLS(&tls.Config{InsecureSkipVerify: true})
	empty := grpc.NewServer()
	t.Cleanup(empty.Stop)
	for name, options := range map[string][]cadge.Option{
		"does not speak TLS":      {cadge.WithHub(strings.Replace(plain.URL, "http", "https", 1))},
		"can't agree on TLS":      {cadge.WithHub(secured.URL), insecure},
		"does not speak HTTP/2":   {served(t, (&http.Server{Handler: page}).Serve)},
		"does not know this call": {served(t, empty.Serve)},
	} {
		assertKind(t, refused(t, options...), cadge.ProtocolMismatch, name)
	}
}

func TestGarbledAnswersMismatch(t *testing.T) {
	ctx, client := connected(t, []cadge.Option{served(t, answering(t, []byte{0x0a, 0xff}).Serve)})
	for _, err := range client.Get(ctx) {
		assertKind(t, err, cadge.ProtocolMismatch, "decode")
	}
	for _, err := range client.Subscribe(ctx).All() {
		assertKind(t, err, cadge.ProtocolMismatch, "decode")
	}
	for _, err := range client.GetNew(ctx) {
		assertKind(t, err, cadge.ProtocolMismatch, "decode")
	}
	_, err := client.Count(ctx, cadge.CountOptions{})
	assertKind(t, err, cadge.ProtocolMismatch, "undecodable")
	assertKind(t, client.Push(ctx, cadge.Event{Rule: "r"}), cadge.ProtocolMismatch, "undecodable")
}

func TestAnAnswerThatIsTooLargeMismatches(t *testing.T) {
	ctx, client := connected(t, []cadge.Option{served(t, answering(t, make([]byte, 9<<20)).Serve)})
	for _, err := range client.Subscribe(ctx).All() {
		assertKind(t, err, cadge.ProtocolMismatch, "larger than max")
	}
}

func TestMistakesInARequestAreTold(t *testing.T) {
	hub := fed(t, 1)
	ctx, client := connected(t, bySocket(hub))
	for _, err := range client.Get(ctx, cadge.Filter("proc.nmae = cat")) {
		assertKind(t, err, cadge.InvalidRequest, "proc.nmae")
	}
	for _, err := range client.Subscribe(ctx, cadge.Filter("(")).All() {
		assertKind(t, err, cadge.InvalidRequest, hub.Socket())
	}
	for _, err := range client.Get(ctx, cadge.Filter("\xff")) {
		assertKind(t, err, cadge.InvalidRequest, "UTF-8")
	}
	_, err := client.Count(ctx, cadge.CountOptions{GroupBy: []cadge.Dimension{"color"}})
	assertKind(t, err, cadge.InvalidRequest, "color")
	_, err = client.Search(ctx, cadge.SearchOptions{Limit: 1 << 30})
	assertKind(t, err, cadge.InvalidRequest, "10000")
}

func TestAStreamThatBreaksIsClosed(t *testing.T) {
	hub := fed(t, 20_000)
	ctx, client := connected(t, bySocket(hub))
	var last error
	count := 0
	for _, err := range client.Get(ctx) {
		if count++; count == 1 {
			hub.Kill()
		}
		last = err
	}
	assertKind(t, last, cadge.Closed, hub.Socket())
	_, err := client.Version(ctx)
	assertKind(t, err, cadge.HubDown, hub.Socket())
}
