package django

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
)

// A browserSite is a site with Headstart and the plain one beside it.
type browserSite struct {
	name, protocol   string
	plain, headstart string // addresses on localhost, which share their cookies
	pages            []browserCase
}

// A browserCase is one page, and what becomes of it.
type browserCase struct {
	name, path     string
	signedIn       bool
	change, undo   string // statements for the database, run while it is held and afterwards
	level, outcome string
	reason         string // why the level is no higher
	early, late    string // selectors: what is there while the database is held, and what is not
	added          string // what Headstart's page has more than Django's
	otherHead      bool   // the head of Django's page is another one, too late for what was sent
}

const noindex = `<meta name="robots" content="noindex">`

var browserIndex = browserCase{name: "the index", path: "/", level: "shell", outcome: "exact", early: "footer"}

// Pages whose answer does not agree come last, as that costs a page its trust.
var browserCases = []browserCase{
	browserIndex,
	{name: "a feed", path: "/feeds/low-orbit/", level: "shell", outcome: "exact", early: "footer"},
	{name: "an entry", path: "/entries/first-frost/", level: "shell", outcome: "exact", early: "footer"},
	{
		name: "signed in", path: "/", signedIn: true, level: "shell", outcome: "exact",
		early: `header [href="/streamed/"]`, late: `header [href="/login/"], header span, main`,
	},
	{
		name: "a changed entry", path: "/feeds/mended/", level: "shell", outcome: "repaired", early: "footer",
		change: "update planet_entry set title = 'Glue is a plan' where title = 'Glue is not a plan'",
		undo:   "update planet_entry set title = 'Glue is not a plan' where title = 'Glue is a plan'",
	},
	{
		name: "a new entry", path: "/", level: "shell", outcome: "repaired", early: "footer",
		change: `insert into planet_entry (feed_id, slug, title, summary, published)
			select feed_id, 'new', 'New', 'Just written.', '2025-09-02 08:30:00' from planet_entry limit 1`,
		undo: "delete from planet_entry where slug = 'new'",
	},
	{
		name: "a removed entry", path: "/feeds/low-orbit/", level: "shell", outcome: "repaired", early: "footer",
		change: "update planet_entry set feed_id = -feed_id where title = 'Clouds, clouds, a flare'",
		undo:   "update planet_entry set feed_id = -feed_id where feed_id < 0",
	},
	// Pages that set a cookie, and those of errors, are never sent early.
	{name: "the login", path: "/login/", level: "none", reason: "no_store"},
	{name: "no such page", path: "/no-such-page", level: "none", reason: "not_learned"},
	{name: "no such entry", path: "/entries/no-such-entry/", level: "none", reason: "not_learned"},
	{
		name: "an entry that is gone", path: "/entries/rye-without-tears/", level: "shell", outcome: "failed", early: "footer",
		change: "update planet_entry set slug = 'gone' where slug = 'rye-without-tears'",
		undo:   "update planet_entry set slug = 'rye-without-tears' where slug = 'gone'",
		added:  noindex,
	},
	{
		name: "a table that is gone", path: "/feeds/north-pier/", level: "shell", outcome: "failed", early: "footer",
		change: "alter table planet_entry rename to gone",
		undo:   "alter table gone rename to planet_entry",
		added:  noindex, otherHead: true,
	},
}

// In a browser the pages end up as they are behind plain Caddy.
func testBrowser(t *testing.T, g *gate, p *planet) {
	browser := testbrowser.Start(t, "the Django example", chromium.Host("localhost", "127.0.0.1"))
	sites := []browserSite{
		{"wsgi", "HTTP/1.1", p.local("http", "PLAIN_WSGI_PORT"), p.local("http", "HEADSTART_WSGI_PORT"), browserCases},
		{"asgi", "HTTP/1.1", p.local("http", "PLAIN_ASGI_PORT"), p.local("http", "HEADSTART_ASGI_PORT"), []browserCase{browserIndex}},
		{"wsgi", "HTTP/2.0", p.local("http", "PLAIN_WSGI_PORT"), p.local("https", "HTTPS_PORT"), browserCases},
	}
	log := p.output.log()
	for _, site := range sites {
		for _, test := range site.pages {
			t.Run(site.name+"/"+site.protocol+"/"+test.name, func(t *testing.T) {
				test.run(t, testbrowser.Open(t, t, browser), g, p, log, site)
			})
		}
	}
}

func (test browserCase) run(t *testing.T, b *testbrowser.Tab, g *gate, p *planet, log *accessLog, site browserSite) {
	countScripts(t, b)
	address := site.headstart + test.path
	for range 3 {
		newVisitor(t, false).get(t, address)
		log.next(t, address)
	}
	if test.signedIn {
		signIn(t, b, site.headstart)
		log.next(t, site.headstart+"/") // where that leads
		for range 3 {
			b.Load(t, address, recovery.Prefix, func() {})
			log.next(t, address)
		}
	}

	committed := func() {}
	if test.early != "" {
		open := g.hold(t)
		committed = func() {
			ctx, cancel := context.WithTimeout(t.Context(), visitLimit)
			defer cancel()
			g.awaitQuery(ctx, t)
			testbrowser.Await(t, b, "document.querySelector('"+test.early+"')")
			testbrowser.AwaitPaint(t, b)
			if test.late != "" && testbrowser.Evaluate[bool](t, b, "!!document.querySelector('"+test.late+"')") {
				t.Errorf("%s came early", test.late)
			}
			if test.change != "" {
				p.execute(t, test.change)
				t.Cleanup(func() { p.execute(t, test.undo) })
			}
			open()
		}
	}
	got := b.Load(t, address, recovery.Prefix, committed)
	ran := testbrowser.Evaluate[[]string](t, b, "scriptsRun")
	e := log.next(t, address)
	if e.Request.Proto != site.protocol {
		t.Errorf("the browser came by %s, want %s", e.Request.Proto, site.protocol)
	}
	if h := e.Headstart; h.Level != test.level || h.Outcome != test.outcome || h.Reason != test.reason {
		t.Errorf("%+v, want level %q, outcome %q, reason %q", h, test.level, test.outcome, test.reason)
	}

	want := b.Load(t, site.plain+test.path, recovery.Prefix, func() {})
	if !strings.Contains(got.DOM, test.added) {
		t.Errorf("%s is missing", test.added)
	}
	wantDOM, gotDOM := unplaced(want.DOM), unplaced(strings.Replace(got.DOM, test.added, "", 1))
	if test.otherHead {
		_, wantDOM, _ = strings.Cut(wantDOM, "</head>")
		_, gotDOM, _ = strings.Cut(gotDOM, "</head>")
	}
	if diff := cmp.Diff(wantDOM, gotDOM); diff != "" {
		t.Errorf("the page (-plain +headstart):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/static/theme.js", "/static/reader.js"}, ran); diff != "" {
		t.Errorf("scripts that ran (-want +got):\n%s", diff)
	}
	var errors []string // none for a page that began with status 200
	if test.early == "" {
		errors = want.Errors // the browser tells of status 404
	}
	if diff := cmp.Diff(unplacedErrors(errors), unplacedErrors(got.Errors), cmpopts.EquateEmpty()); diff != "" || got.Loads != 1 {
		t.Errorf("%d documents; errors (-plain +headstart):\n%s", got.Loads, diff)
	}
}

// countScripts makes every page write down the scripts that it runs, in scriptsRun:
// their elements get a load event each time.
func countScripts(t *testing.T, b *testbrowser.Tab) {
	t.Helper()
	testbrowser.Command(t, b, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: `
		var scriptsRun = [];
		document.addEventListener("load", event => {
			if (event.target.localName == "script") scriptsRun.push(event.target.getAttribute("src"));
		}, true)`})
}

// signIn signs in a browser.
func signIn(t *testing.T, b *testbrowser.Tab, site string) {
	t.Helper()
	b.Load(t, site+"/login/", recovery.Prefix, func() {})
	testbrowser.Evaluate[any](t, b, `
		document.querySelector("main form [name=name]").value = "Ann";
		document.querySelector("main form [name=password]").value = "planet"`)
	b.Submit(t, "main form")
}

// local is the address of a site under a name that browsers take for safe.
func (p *planet) local(scheme, port string) string {
	return strings.Replace(p.url(port), "http://127.0.0.1", scheme+"://localhost", 1)
}

// execute changes the database behind Django's back.
func (p *planet) execute(t *testing.T, statement string) {
	t.Helper()
	databases, err := filepath.Glob(filepath.Join(p.temp, "*", "planet.sqlite3"))
	if err != nil || len(databases) != 1 {
		t.Fatalf("databases %q, error %v", databases, err)
	}
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	const script = `import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    if not database.execute(sys.argv[2]).rowcount:
        sys.exit("nothing was changed")`
	if output, err := exec.Command(python, "-c", script, databases[0], statement).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", statement, err, output)
	}
}

// entry is what the tests need of a line of the access log.
type entry struct {
	Request struct {
		Proto string `json:"proto"`
		Host  string `json:"host"`
		URI   string `json:"uri"`
	} `json:"request"`
	Headstart struct {
		Level   string `json:"level"`
		Reason  string `json:"reason"`
		Outcome string `json:"outcome"`
	} `json:"headstart"`
}

// accessLog reads what run.sh writes, line by line.
type accessLog struct {
	output *watcher
	read   int // bytes
}

// log reads what is written from now on.
func (w *watcher) log() *accessLog {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &accessLog{output: w, read: w.text.Len()}
}

// next returns the next entry for a page, and leaves out all before it.
func (l *accessLog) next(t *testing.T, address string) entry {
	t.Helper()
	return l.until(t, address, func(entry) {})
}

// until returns the next entry for a page, and passes on all before it.
func (l *accessLog) until(t *testing.T, address string, pass func(entry)) entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), visitLimit)
	defer cancel()
	for {
		text, more := l.output.since(l.read)
		for line := range strings.Lines(text) {
			if !strings.HasSuffix(line, "\n") {
				break
			}
			l.read += len(line)
			_, fields, found := strings.Cut(line, "handled request\t")
			if !found {
				continue
			}
			var e entry
			if err := json.Unmarshal([]byte(fields), &e); err != nil {
				t.Fatalf("%q in the access log: %v", line, err)
			}
			if _, rest, _ := strings.Cut(address, "://"); rest == e.Request.Host+e.Request.URI {
				return e
			}
			pass(e)
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("no page %s in the access log", address)
		}
	}
}

// unplaced takes out of a page where it came from, and its CSRF token.
func unplaced(dom string) string {
	return testbrowser.Unplaced(tokenField.ReplaceAllString(dom, `name="csrfmiddlewaretoken"`))
}

// reasonPhrase is what HTTP/1.1 puts behind a status, and HTTP/2 leaves out.
var reasonPhrase = regexp.MustCompile(`status of (\d+) \([^)]*\)`)

// unplacedErrors takes out of errors where they came from, and leaves out those for
// /favicon.ico: the browser asks for it at a time of its own, where a page has no icon.
func unplacedErrors(errors []string) []string {
	errors = slices.DeleteFunc(slices.Clone(errors), func(text string) bool {
		return strings.HasSuffix(text, "/favicon.ico")
	})
	for i, text := range errors {
		errors[i] = reasonPhrase.ReplaceAllString(testbrowser.Unplaced(text), "status of $1")
	}
	return errors
}
