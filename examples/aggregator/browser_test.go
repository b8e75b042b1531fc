package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
)

// outage is a gate behind which feeds may fail.
type outage struct {
	gate

	mu   sync.Mutex
	seen []time.Duration          // the feeds' latencies, which tell them apart
	lost func(time.Duration) bool // nil for none
}

var errLost = errors.New("the feed is lost")

func (o *outage) wait(ctx context.Context, latency time.Duration) error {
	if err := o.gate.wait(ctx, latency); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, latency)
	if o.lost != nil && o.lost(latency) {
		return errLost
	}
	return nil
}

// lose sets which feeds fail.
func (o *outage) lose(lost func(time.Duration) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost = lost
}

// oneFeed tells one of those that were read.
func (o *outage) oneFeed() func(time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	one := o.seen[len(o.seen)-1]
	return func(latency time.Duration) bool { return latency == one }
}

// A browserCase is one page of the site.
type browserCase struct {
	name, path     string
	signedIn       bool
	lose           func(*outage) func(time.Duration) bool // what fails behind the opening
	level, outcome string
	early, late    string // selectors: what is there while the feeds are read, and what is not
}

// In a browser the pages end up as they are behind plain Caddy.
func TestBrowser(t *testing.T) {
	browser := testbrowser.Start(t, "the demo's pages")
	everything := func(*outage) func(time.Duration) bool { return func(time.Duration) bool { return true } }
	cases := []browserCase{
		{name: "the index", path: "/", level: "shell", outcome: "exact", early: "footer"},
		{name: "a feed", path: "/feeds/night-bus", level: "shell", outcome: "exact", early: "footer"},
		{name: "signed in", path: "/", signedIn: true, level: "shell", outcome: "exact", early: `nav [href="/ever-changing"]`, late: `nav [href="/login"], nav [href="/settings"]`},
		{name: "a page that always differs", path: "/ever-changing", level: "head", outcome: "merged", early: "[rel=stylesheet]", late: "nav"},
		{name: "a feed less", path: "/", lose: (*outage).oneFeed, level: "shell", outcome: "repaired", early: "footer"},
		// A repair has shown that less is the same.
		{name: "no feeds", path: "/", lose: everything, level: "shell", outcome: "repaired", early: "h1"},
	}
	for _, nonce := range []bool{false, true} {
		o := new(outage)
		d := startTestDemo(t, config{wait: o.wait, delay: time.Second, cspNonce: nonce})
		for _, protocol := range []string{"h1.1", "h2"} {
			for _, test := range cases {
				if nonce && (protocol != "h2" || test.path == "/ever-changing") {
					continue // enough was seen without
				}
				if nonce && test.outcome == "exact" {
					test.outcome = "merged" // nonces are other bytes each time
				}
				t.Run(fmt.Sprintf("%s/nonce %v/%s", protocol, nonce, test.name), func(t *testing.T) {
					test.run(t, testbrowser.Open(t, t, browser), d, o, protocol)
				})
			}
		}
		if err := d.close(); err != nil { // before the next one starts
			t.Error(err)
		}
	}
}

func (test browserCase) run(t *testing.T, b *testbrowser.Tab, d *testDemo, o *outage, protocol string) {
	plain, site := d.plain(), d.headstart()
	if protocol == "h2" {
		plain, site = d.plainTLS(), d.headstartTLS()
	}
	client := d.clients(t)[protocol]
	for range 3 {
		visit(t, client, site+test.path)
		d.entry(t, test.path)
	}
	if test.signedIn {
		signIn(t, b, site)
		d.entry(t, "/") // where that leads
		for range 3 {
			b.Load(t, site+test.path, recovery.Prefix, func() {})
			d.entry(t, test.path)
		}
	}

	reached := o.close()
	open := sync.OnceFunc(o.open)
	defer open() // also if the test fails
	got := b.Load(t, site+test.path, recovery.Prefix, func() {
		<-reached
		testbrowser.Await(t, b, "document.querySelector('"+test.early+"')")
		if test.late != "" && testbrowser.Evaluate[bool](t, b, "!!document.querySelector('"+test.late+"')") {
			t.Errorf("%s came early", test.late)
		}
		if test.lose != nil {
			o.lose(test.lose(o))
		}
		open()
	})
	e := d.entry(t, test.path)
	if e.Headstart == nil || e.Headstart.Level != test.level || e.Headstart.Outcome != test.outcome {
		t.Errorf("%+v, want level %s and outcome %s", e.Headstart, test.level, test.outcome)
	}
	want := b.Load(t, plain+test.path, recovery.Prefix, func() {})
	d.entry(t, test.path)
	o.lose(nil)
	if test.path != "/ever-changing" { // which is another one each time
		if diff := cmp.Diff(testbrowser.Unplaced(want.DOM), testbrowser.Unplaced(got.DOM)); diff != "" {
			t.Errorf("the page (-plain +headstart):\n%s", diff)
		}
	}
	if len(got.Errors) > 0 || got.Loads != 1 {
		t.Errorf("%d documents, errors %q", got.Loads, got.Errors)
	}
}

// signIn signs in a browser.
func signIn(t *testing.T, b *testbrowser.Tab, site string) {
	t.Helper()
	b.Load(t, site+"/login", recovery.Prefix, func() {})
	testbrowser.Evaluate[any](t, b, `document.querySelector("main form [name=name]").value = "Ann"`)
	b.Submit(t, "main form")
}

// entry returns the next entry for a path, and leaves out those for assets.
func (d *testDemo) entry(t *testing.T, path string) entry {
	t.Helper()
	for {
		select {
		case e := <-d.entries:
			if e.Request.URI == path {
				return e
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no page %s in the access log", path)
		}
	}
}
