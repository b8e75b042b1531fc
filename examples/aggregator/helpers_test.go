package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// testDemo is a running demo on free ports.
type testDemo struct {
	*demo
	entries chan entry // one for each request that a front end has answered
}

// startTestDemo starts a demo that ends with the test.
func startTestDemo(t *testing.T, c config) *testDemo {
	t.Helper()
	c.port = 0
	d, err := startDemo(c)
	if err != nil {
		t.Fatal(err)
	}
	entries := make(chan entry, 256)
	accessLog.connect(func(e entry) { entries <- e })
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	return &testDemo{d, entries}
}

// plain, headstart, plainTLS and headstartTLS are the front ends' addresses.
func (d *testDemo) plain() string        { return origin("http", d.ports.PlainHTTP) }
func (d *testDemo) plainTLS() string     { return origin("https", d.ports.PlainHTTPS) }
func (d *testDemo) headstart() string    { return origin("http", d.ports.HeadstartHTTP) }
func (d *testDemo) headstartTLS() string { return origin("https", d.ports.HeadstartHTTPS) }

func origin(scheme string, port int) string {
	return scheme + "://localhost:" + strconv.Itoa(port)
}

// clients are one client for each protocol, with connections of their own.
// They trust the demo's CA and follow no redirect.
func (d *testDemo) clients(t *testing.T) map[string]*http.Client {
	t.Helper()
	root, err := os.ReadFile(filepath.Join(d.storage, "pki", "authorities", "local", "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	trusted := &tls.Config{RootCAs: x509.NewCertPool()}
	if !trusted.RootCAs.AppendCertsFromPEM(root) {
		t.Fatal("the demo's CA has no certificate")
	}
	only := func(use func(*http.Protocols, bool)) *http.Transport {
		transport := &http.Transport{TLSClientConfig: trusted.Clone(), Protocols: new(http.Protocols)}
		use(transport.Protocols, true)
		return transport
	}
	h1, h2 := only((*http.Protocols).SetHTTP1), only((*http.Protocols).SetHTTP2)
	h3 := &http3.Transport{TLSClientConfig: trusted.Clone()}
	t.Cleanup(func() {
		h1.CloseIdleConnections()
		h2.CloseIdleConnections()
		_ = h3.Close()
	})
	clients := make(map[string]*http.Client)
	for protocol, transport := range map[string]http.RoundTripper{"h1.1": h1, "h2": h2, "h3": h3} {
		clients[protocol] = &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return clients
}

// navigate opens url as a browser does when its address is typed in, and
// returns when the header has arrived. The body is still to be read and closed.
func navigate(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Site", "none")
	return client.Do(r)
}

// visit navigates to url and reads the whole page.
func visit(t *testing.T, client *http.Client, url string) (*http.Response, string) {
	t.Helper()
	response, err := navigate(t.Context(), client, url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading %s: %v", url, err)
	}
	return response, string(body)
}

// unpadded returns page without the white space that Headstart may put behind
// the doctype of a page that it sends early.
func unpadded(page string) string {
	doctype, rest, _ := strings.Cut(page, ">")
	return doctype + ">" + strings.TrimLeft(rest, " \n")
}

// gate holds the feeds back while it is closed.
type gate struct {
	mu      sync.Mutex
	opened  chan struct{} // closed when the gate opens; nil while it is open
	reached chan struct{} // closed when the first feed waits; nil after that
}

// close shuts the gate and returns a channel that is closed as soon as a feed
// waits at it, which means that the site has begun a page.
func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened, g.reached = make(chan struct{}), make(chan struct{})
	return g.reached
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.opened)
	g.opened = nil
}

// wait is for config.wait.
func (g *gate) wait(ctx context.Context, _ time.Duration) error {
	g.mu.Lock()
	opened := g.opened
	if opened != nil && g.reached != nil {
		close(g.reached)
		g.reached = nil
	}
	g.mu.Unlock()
	if opened == nil {
		return nil
	}
	select {
	case <-opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
