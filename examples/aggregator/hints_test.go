package main

import (
	"context"
	"crypto/tls"
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

// A hintsCase is one page of the site, and what a browser may expect of it once it is
// known.
type hintsCase struct {
	path     string
	level    string // for visitors without a session
	signedIn string // the level for those with one
}

var hintsCases = []hintsCase{
	{"/", "shell", "shell"},
	{"/feeds/night-bus", "shell", "shell"},
	{"/entries/the-bench-is-back", "shell", "shell"},
	{"/ever-changing", "head", "head"},
	{"/login", "hints", "shell"},
	{"/settings", "none", "hints"},
	{"/broken", "hints", "hints"},
	{"/no-such-page", "none", "none"},
}

// No page makes a browser fetch anything twice, however much of it is known. On a
// loopback a 103 response comes before Chromium can take it, so there is a slow link.
func TestBrowserFetchesNothingTwice(t *testing.T) {
	for _, nonce := range []bool{false, true} {
		t.Run(fmt.Sprintf("nonce %v", nonce), func(t *testing.T) {
			g := new(gate)
			s := &hintsSite{testDemo: startTestDemo(t, config{wait: g.wait, cspNonce: nonce}), gate: g}
			s.start(t)
			for _, test := range hintsCases {
				if nonce && test.path != "/" && test.path != "/ever-changing" && test.path != "/login" {
					continue // enough was seen without
				}
				t.Run(test.path, func(t *testing.T) {
					b := testbrowser.Open(t, t, s.browser)
					for visit := range hintsVisits {
						testbrowser.Command(t, b, network.ClearBrowserCookies, cdp.Empty{})
						test.visit(t, s, b, visit, test.level)
					}
					signIn(t, b, s.headstartTLS())
					s.fetched(t, b, "")
					for visit := range hintsVisits {
						test.visit(t, s, b, visit, test.signedIn)
					}
				})
			}
			if err := s.close(); err != nil { // before the next one starts
				t.Error(err)
			}
		})
	}
}

// hintsVisits are three that teach, one that is known, and one more.
const hintsVisits = 5

// hintsSite is the demo behind a slow link.
type hintsSite struct {
	*testDemo
	gate    *gate
	browser context.Context
	marks   int
}

func (s *hintsSite) start(t *testing.T) {
	t.Helper()
	at := address(s.ports.HeadstartHTTPS)
	conn, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	link, err := slowlink.Start(at, slowlink.Link{RTT: 40 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	s.browser = testbrowser.Start(t, "what the demo makes a browser fetch",
		chromium.Host(strings.TrimPrefix(s.headstartTLS(), "https://"), link.Addr()),
		chromium.Trust(conn.ConnectionState().PeerCertificates[0]))
}

// visit lets a browser with an empty cache visit the page while the feeds are held, and
// checks what it fetches. What is hinted is on its way then. The last visit has a level.
func (test hintsCase) visit(t *testing.T, s *hintsSite, b *testbrowser.Tab, visit int, level string) {
	t.Helper()
	testbrowser.Command(t, b, network.ClearBrowserCache, cdp.Empty{})
	reached := s.gate.close()
	b.Leave(t, fmt.Sprintf("location.href = %q", s.headstartTLS()+test.path))
	<-reached
	s.gate.open()
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
		if n := fetched[strings.TrimPrefix(r.URL, s.headstartTLS())]; n > 1 {
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
	mark := fmt.Sprintf("/assets/mark-%d", s.marks)
	testbrowser.Evaluate[string](t, b, fmt.Sprintf(`new Promise(done => { // the policy allows no fetch
		const image = new Image();
		image.onerror = () => done("");
		image.src = %q;
	})`, mark))
	n = make(map[string]int)
	for {
		var e entry
		select {
		case e = <-s.entries:
		case <-time.After(20 * time.Second):
			t.Fatalf("no %s in the access log", mark)
		}
		if e.Request.URI == mark {
			return n, level
		}
		n[e.Request.URI]++
		if e.Request.URI == path {
			level = e.Headstart.Level
		}
	}
}
