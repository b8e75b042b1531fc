package module_test

import (
	"crypto/tls"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/testorigin"
	"github.com/headstart-proxy/headstart/module"
)

// What the pages of a lesson are made of. The head ends in an element that
// nothing else contains, so that a test can wait for it, or search for it where
// it must not be.
const (
	lessonHead = `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
		`<title>For those who are let in</title><link rel="stylesheet" href="/lesson.css">`
	lessonTail = `</head><body><p>The lesson.</p></body></html>`
	lessonPage = lessonHead + lessonTail

	lessonMark = "/lesson.css" // the end of what is learned
)

// A lesson is a Caddy, a backend, and what the backend answers.
type lesson struct {
	*caddyServer
	origin *testorigin.Origin
	pages  map[string][]testorigin.Step
	seen   map[string]int // visits so far, by path

	level        // at which pages come early
	tail  string // how they end
}

// startLesson starts Caddy in front of a backend, from a Caddyfile whose sites
// all have the directive log. Nothing waits for visitors to be led away from a
// page: that is for other tests.
func startLesson(t *testing.T, origin *testorigin.Origin, caddyfile string, globalOptions ...string) *lesson {
	t.Helper()
	t.Cleanup(module.SetMaxLinger(time.Millisecond))
	return &lesson{
		caddyServer: startCaddy(t, caddyfile, globalOptions...),
		origin:      origin,
		pages:       make(map[string][]testorigin.Step),
		seen:        make(map[string]int),
		level:       shell,
		tail:        lessonTail,
	}
}

// reload replaces the configuration, and returns when nobody can reach the old
// one any more: Caddy closes its listeners in the background, and connections to
// them may be reset. Visitors from before have to be replaced, too.
func (l *lesson) reload(t *testing.T, caddyfile string) {
	t.Helper()
	var witnesses []*stream
	before := maps.Clone(l.ports)
	for name, port := range before {
		if w := lessonWitness(t, "127.0.0.1:"+port, strings.HasSuffix(name, "_tls")); w != nil {
			witnesses = append(witnesses, w)
		}
	}
	l.caddyServer.reload(t, caddyfile)
	for _, w := range witnesses {
		w.rest(t)
	}
	for name := range l.ports {
		if before[name] == "" && strings.HasSuffix(name, "_tls") {
			l.awaitCertificate(t, name)
		}
	}
}

// lessonWitness opens an idle connection, which a server closes right after its
// listeners. It returns nil if there is no server.
func lessonWitness(t *testing.T, addr string, secure bool) *stream {
	t.Helper()
	dial := new(net.Dialer).DialContext
	if secure {
		dial = (&tls.Dialer{Config: anyCertificate()}).DialContext
	}
	conn, err := dial(bounded(t), "tcp", addr)
	if err != nil {
		return nil
	}
	// net/http answers this itself, so no handler sees it.
	if _, err := io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	w := startStream(t, &recorder{from: conn}, "", conn.Close)
	w.readUntil(t, "\r\n\r\n")
	return w
}

// lessonHTML is an answer with a page; headers are given as names and values in
// turn.
func lessonHTML(page string, header ...string) []testorigin.Step {
	return []testorigin.Step{
		testorigin.Header(http.StatusOK, append([]string{"Content-Type", "text/html; charset=utf-8"}, header...)...),
		testorigin.Write(page),
	}
}

// serve sets what the backend answers at a path.
func (l *lesson) serve(path string, answer []testorigin.Step) {
	l.pages[path] = answer
	l.origin.Handle(path, answer...)
}

// A lessonDress changes a browser's request.
type lessonDress func(*http.Request)

// undressed changes nothing.
func undressed(*http.Request) {}

// with sets a request header.
func with(name, value string) lessonDress {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// from lets a request come from an address, to a Caddy with lessonProxies.
func from(address string) lessonDress { return with("X-Forwarded-For", address) }

// lessonProxies are the global options of a Caddy that believes from.
const lessonProxies = `servers {
		trusted_proxies static 127.0.0.1/8
		client_ip_headers X-Forwarded-For
	}`

// A lessonVisit is a response that has come to its end.
type lessonVisit struct {
	*reply
	body string
	end  ending
	log  logEntry // of the access log
}

// headstart gives a field of what the access log says of Headstart.
func (x lessonVisit) headstart(name string) any { return x.log.field("headstart", name) }

// visit lets a browser load a page, and returns when the access log has it.
func (l *lesson) visit(t *testing.T, v *visitor, site, path string, dress ...lessonDress) lessonVisit {
	t.Helper()
	return l.end(t, path, l.begin(t, v, site, path, dress))
}

func (l *lesson) begin(t *testing.T, v *visitor, site, path string, dress []lessonDress) *reply {
	t.Helper()
	req := navigate(t, v.url(t, l.caddyServer, site, path))
	for _, d := range dress {
		d(req)
	}
	return v.send(t, req)
}

func (l *lesson) end(t *testing.T, path string, r *reply) lessonVisit {
	t.Helper()
	path, _, _ = strings.Cut(path, "?")
	l.seen[path]++
	x := lessonVisit{reply: r}
	x.body, x.end = r.rest(t)
	x.log = l.logs.access(t, l.seen[path], path)[l.seen[path]-1]
	return x
}

// early lets a browser load a page that comes early: the visitor has the mark
// while the backend waits at a gate. In the end the page must be whole. A visit
// before that tells sooner, and says why not.
func (l *lesson) early(t *testing.T, v *visitor, site, path string, dress ...lessonDress) lessonVisit {
	t.Helper()
	if x := l.visit(t, v, site, path, dress...); x.headstart("outcome") != "exact" {
		t.Fatalf("%s does not come early, and exact: status %d, %v", path, x.Status, x.log.field("headstart"))
	}
	r, gate := l.held(t, v, site, path, dress...)
	gate.Open()
	return l.whole(t, path, r)
}

// held is early up to the moment when the visitor has the mark. The backend
// answers when the gate opens; whole takes in the end.
func (l *lesson) held(t *testing.T, v *visitor, site, path string, dress ...lessonDress) (*reply, *testorigin.Gate) {
	t.Helper()
	bare, _, _ := strings.Cut(path, "?")
	gate := testorigin.NewGate()
	l.origin.Handle(bare, append([]testorigin.Step{testorigin.Wait(gate)}, l.pages[bare]...)...)
	r := l.begin(t, v, site, path, dress)
	await(t, "the request at the backend", gate.Arrived())
	l.origin.Handle(bare, l.pages[bare]...)
	r.readUntil(t, lessonMark)
	r.stillOpen(t)
	return r, gate
}

// whole takes in the end of a lesson's page that came early.
func (l *lesson) whole(t *testing.T, path string, r *reply) lessonVisit {
	t.Helper()
	x := l.end(t, path, r)
	if x.Status != http.StatusOK || x.end != cleanEnd || !strings.HasSuffix(x.body, l.tail) {
		t.Errorf("%s: status %d, %s, %q", path, x.Status, x.end, x.body)
	}
	if level, outcome := x.headstart("level"), x.headstart("outcome"); level != string(l.level) || outcome != "exact" {
		t.Errorf("%s: level %v, outcome %v; want %s, exact", path, level, outcome, l.level)
	}
	return x
}

// plain lets a browser load a page that does not come early, for a reason (any
// if empty), and that must be the backend's own, byte for byte: an early one has
// padding.
func (l *lesson) plain(t *testing.T, v *visitor, site, path, page, reason string, dress ...lessonDress) lessonVisit {
	t.Helper()
	x := l.visit(t, v, site, path, dress...)
	if x.Status != http.StatusOK || x.end != cleanEnd || x.body != page {
		t.Fatalf("%s: status %d, %s, %q; want %q", path, x.Status, x.end, lessonPadding.ReplaceAllString(x.body, "\n…\n"), page)
	}
	if level, got := x.headstart("level"), x.headstart("reason"); committed(level) || reason != "" && got != reason {
		t.Fatalf("%s: level %v, reason %v; want no commit, %s", path, level, got, reason)
	}
	return x
}

// teach lets browsers visit the page of a lesson, one in each dress, or as many
// as it takes if none is given, and makes sure that it comes early then.
func (l *lesson) teach(t *testing.T, v *visitor, site, path string, dresses ...lessonDress) {
	t.Helper()
	if len(dresses) == 0 {
		dresses = lessonClass(undressed)
	}
	l.serve(path, lessonHTML(lessonPage))
	for _, dress := range dresses {
		if x := l.visit(t, v, site, path, dress); x.Status != http.StatusOK || x.body != lessonPage {
			t.Fatalf("teaching %s: status %d, %s, %q", path, x.Status, x.end, x.body)
		}
	}
	l.early(t, v, site, path, dresses[0])
	drain(t, l.origin)
}

// lessonPadding is what makes messages hard to read.
var lessonPadding = regexp.MustCompile(`\n{3,}`)

// lessonVisits is how many clean visits teach a page, by default.
const lessonVisits = 3

// lessonClass is as many visitors in the same dress as it takes to teach a page.
func lessonClass(d lessonDress) []lessonDress { return slices.Repeat([]lessonDress{d}, lessonVisits) }
