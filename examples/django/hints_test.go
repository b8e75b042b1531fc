package django

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/slowlink"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
)

// A hintsCase is one page, and what a browser may expect of it once it is known.
type hintsCase struct {
	path     string
	held     bool   // it asks the database
	level    string // for visitors without a session
	signedIn string // the level for those with one
}

var hintsCases = []hintsCase{
	{"/", true, "shell", "shell"},
	{"/streamed/", true, "none", "none"}, // as fast as it can be
	{"/feeds/low-orbit/", true, "shell", "shell"},
	{"/entries/first-frost/", true, "shell", "shell"},
	{"/entries/no-such-entry/", true, "none", "none"},
	{"/no-such-page", false, "none", "none"},
	{"/login/", false, "none", "hints"},
	{"/logout/", false, "none", "hints"},
}

// hintsVisits are three that teach, one that is known, and one more.
const hintsVisits = 5

// No page makes a browser fetch anything twice, however much of it is known. On a
// loopback a 103 response comes before Chromium can take it, so there is a slow link.
func testHints(t *testing.T, g *gate, p *planet) {
	address := fmt.Sprintf("127.0.0.1:%d", p.ports["HTTPS_PORT"])
	link, err := slowlink.Start(address, slowlink.Link{RTT: 40 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	s := &hintsSite{gate: g, address: p.local("https", "HTTPS_PORT"), log: p.output.log()}
	browser := testbrowser.Start(t, "what the Django example makes a browser fetch",
		chromium.Host(strings.TrimPrefix(s.address, "https://"), link.Addr()),
		chromium.Trust(certificateAt(t, address)))
	for _, test := range hintsCases {
		t.Run(test.path, func(t *testing.T) {
			b := testbrowser.Open(t, t, browser)
			for visit := range hintsVisits {
				testbrowser.Command(t, b, network.ClearBrowserCookies, cdp.Empty{})
				test.visit(t, s, b, visit, test.level)
			}
			signIn(t, b, s.address)
			s.fetched(t, b, "")
			for visit := range hintsVisits {
				test.visit(t, s, b, visit, test.signedIn)
			}
		})
	}
}

// certificateAt returns the certificate of a site, which Caddy makes in the background
// after it has opened the port.
func certificateAt(t *testing.T, address string) *x509.Certificate {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), visitLimit)
	defer cancel()
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if ctx.Err() != nil {
			t.Fatalf("no certificate: %v", err)
		}
		if err == nil {
			defer conn.Close()
			return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
		}
	}
}

// hintsSite is the site behind the slow link.
type hintsSite struct {
	gate    *gate
	address string
	log     *accessLog
	marks   int
}

// visit lets a browser with an empty cache visit the page while the database is held,
// and checks what it fetches. What is hinted is on its way then. The last visit has a
// level.
func (test hintsCase) visit(t *testing.T, s *hintsSite, b *testbrowser.Tab, visit int, level string) {
	t.Helper()
	testbrowser.Command(t, b, network.ClearBrowserCache, cdp.Empty{})
	open := s.gate.hold(t)
	if !test.held {
		open()
	}
	b.Leave(t, fmt.Sprintf("location.href = %q", s.address+test.path))
	if test.held {
		ctx, cancel := context.WithTimeout(t.Context(), visitLimit)
		defer cancel()
		s.gate.awaitQuery(ctx, t)
	}
	open()
	b.AwaitLeft(t)
	b.AwaitPage(t, recovery.Prefix)
	requests := b.Requests(t)
	fetched, got := s.fetched(t, b, test.path)
	hinted := false
	for _, r := range requests {
		if r.Type == network.ResourceTypeOther {
			continue // the icon: the browser asks for it when it likes
		}
		hinted = hinted || r.Source == testbrowser.EarlyHints
		if n := fetched[strings.TrimPrefix(r.URL, s.address)]; n > 1 {
			t.Errorf("visit %d, level %s: %s is fetched %d times: %+v", visit, got, r.URL, n, requests)
		}
	}
	if warnings := b.Warnings(); len(warnings) > 0 {
		t.Errorf("visit %d, level %s: the browser says %q", visit, got, warnings)
	}
	if visit == hintsVisits-1 && (got != level || level != "none" && !hinted) {
		t.Errorf("level %s, hints used: %v; want %s: %+v", got, hinted, level, requests)
	}
}

// fetched returns how often Caddy was asked for each path since it returned last, and
// the level of a page among them.
func (s *hintsSite) fetched(t *testing.T, b *testbrowser.Tab, path string) (n map[string]int, level string) {
	t.Helper()
	s.marks++ // what the browser asked for on its own comes before the mark
	mark := fmt.Sprintf("/static/mark-%d", s.marks)
	testbrowser.Evaluate[bool](t, b, fmt.Sprintf("fetch(%q).then(() => true)", mark))
	n = make(map[string]int)
	s.log.until(t, s.address+mark, func(e entry) {
		n[e.Request.URI]++
		if e.Request.URI == path {
			level = e.Headstart.Level
		}
	})
	return n, level
}
