package module_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what a Caddyfile may name

	_ "github.com/headstart-proxy/headstart/caddyfile" // the directive under test
	"github.com/headstart-proxy/headstart/internal/testdir"
	"github.com/headstart-proxy/headstart/internal/testorigin"
	"github.com/headstart-proxy/headstart/module"
)

// raceDetector tells that everything is several times slower.
const raceDetector = module.RaceDetector

// patience bounds every wait of these tests. A test that runs into it has
// failed; none waits for it to pass.
const patience = 20 * time.Second

// host is the name that every site of these tests answers to. Sites differ by
// port, and clients send the name alone, so that a backend sees no difference.
const host = "example.test"

// globals begins every Caddyfile. Nothing leaves the machine or stays on it.
// Events are not logged: what logs them in a TLS handshake reads what Caddy
// 2.11.9 may still write while it starts its apps, which is a data race.
const globals = `{
	admin off
	persist_config off
	storage file_system %q
	storage_check off
	storage_clean_interval off
	auto_https disable_redirects
	default_bind 127.0.0.1
	grace_period 5s
	log {
		output headstart_test %q
		level DEBUG
		exclude events
	}
	%s
}
http://:<metrics> {
	metrics
}
`

// A caddyServer is the one Caddy of this process, with the configuration of
// one test. Tests that use it cannot run in parallel.
type caddyServer struct {
	logs    *logBook
	globals string
	dir     string
	ports   map[string]string
}

// startCaddy starts Caddy from a Caddyfile without global options; those that a
// test needs in addition follow as lines of their own. In the text, :<name>
// stands for a free port, the same at every mention and after every reload:
//
//	http://:<plain> { … }
//	https://example.test:<plain_tls> { … }
//
// Caddy stops with the test.
func startCaddy(t *testing.T, caddyfile string, globalOptions ...string) *caddyServer {
	t.Helper()
	c := &caddyServer{
		logs:    newLogBook(t),
		globals: strings.Join(globalOptions, "\n\t"),
		dir:     storageDir(t),
		ports:   make(map[string]string),
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
	if err := c.load(t, caddyfile); err != nil {
		t.Fatal(err)
	}
	return c
}

// storageDir returns a directory for Caddy's storage. Caddy cleans it in the
// background, with a lock file, and does not wait for that when it stops.
func storageDir(t *testing.T) string {
	t.Helper()
	return testdir.New(t, "storage")
}

// awaitCertificate returns when a port speaks TLS.
func (c *caddyServer) awaitCertificate(t *testing.T, name string) {
	t.Helper()
	dialer := &tls.Dialer{Config: anyCertificate()}
	conn, err := dialer.DialContext(bounded(t), "tcp", c.addr(t, name))
	if err != nil {
		t.Fatalf("no certificate for <%s>: %v", name, err)
	}
	conn.Close()
}

// reload replaces the configuration, as `caddy reload` does. Ports, storage and
// log stay.
func (c *caddyServer) reload(t *testing.T, caddyfile string) {
	t.Helper()
	if err := c.load(t, caddyfile); err != nil {
		t.Fatal(err)
	}
}

// load adapts and runs a configuration.
func (c *caddyServer) load(t *testing.T, caddyfile string) error {
	t.Helper()
	text := fmt.Sprintf(globals, c.dir, c.logs.name, c.globals) + caddyfile
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(c.expand(t, text)), nil)
	if err != nil {
		return fmt.Errorf("adapting the Caddyfile: %w", err)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			t.Logf("adapting the Caddyfile: %s", w)
		}
	}
	if err := caddy.Load(withCertificate(t, config), true); err != nil {
		return fmt.Errorf("loading the configuration: %w", err)
	}
	return nil
}

// withCertificate adds a certificate for the host to a configuration, so that
// Caddy makes none. It would do that in the background, and tests would have to
// wait for it.
func withCertificate(t *testing.T, config []byte) []byte {
	t.Helper()
	var parsed map[string]any
	if err := json.Unmarshal(config, &parsed); err != nil {
		t.Fatal(err)
	}
	parsed["apps"].(map[string]any)["tls"] = map[string]any{
		"certificates": map[string]any{"load_pem": []any{selfSigned()}},
	}
	config, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

var portNames = regexp.MustCompile(`:<([a-z0-9_]+)>`)

// expand replaces the names of ports in a Caddyfile.
func (c *caddyServer) expand(t *testing.T, text string) string {
	t.Helper()
	return portNames.ReplaceAllStringFunc(text, func(match string) string {
		name := strings.Trim(match, ":<>")
		if c.ports[name] == "" {
			c.ports[name] = freePort(t)
		}
		return ":" + c.ports[name]
	})
}

// addr is the address that <name> stands for, such as 127.0.0.1:41234.
func (c *caddyServer) addr(t *testing.T, name string) string {
	t.Helper()
	port, ok := c.ports[name]
	if !ok {
		t.Fatalf("the Caddyfile has no <%s>", name)
	}
	return "127.0.0.1:" + port
}

// takenPorts are those that this process has used.
var takenPorts = make(map[int]bool)

// freePort finds a loopback port that is free for both TCP and UDP, below those
// that Linux gives to whoever asks for any port.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := 15000 + rand.IntN(15000)
		addr := fmt.Sprint("127.0.0.1:", port)
		if takenPorts[port] {
			continue
		}
		tcp, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		tcp.Close()
		udp, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		udp.Close()
		takenPorts[port] = true
		return fmt.Sprint(port)
	}
	t.Fatal("no free port")
	return ""
}

// metrics returns Caddy's Prometheus metrics by series, as in
// `caddy_http_requests_in_flight{handler="x",server="srv0"}`.
func (c *caddyServer) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(bounded(t), http.MethodGet, "http://"+c.addr(t, "metrics")+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("reading metrics: status %d, %v", resp.StatusCode, err)
	}
	series := make(map[string]float64)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		// Label values may hold spaces, numbers do not.
		i := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("metrics line %q: %v", line, err)
		}
		series[line[:i]] = value
	}
	return series
}

// startOrigin starts a backend that ends with the test.
func startOrigin(t *testing.T) *testorigin.Origin {
	t.Helper()
	origin, err := testorigin.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := origin.Close(); err != nil {
			t.Error(err)
		}
	})
	return origin
}

// drain returns what the backend saw, once it has nothing more to do.
func drain(t *testing.T, origin *testorigin.Origin) []testorigin.Request {
	t.Helper()
	seen, err := origin.Drain(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// bounded is a context that ends with the test, or when patience does.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await receives one value, such as the arrival at a gate.
func await[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C:
		t.Fatalf("waited too long for %s", what)
	}
	var never T
	return never
}
