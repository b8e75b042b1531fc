package module_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A look is all that one request showed.
type look struct {
	// What the visitor saw.
	Proto   string
	Status  int
	Header  http.Header
	Interim []interim
	Body    string // decoded
	Trailer http.Header
	End     ending
	// What the backend saw.
	Requests []testorigin.Request
}

// A trial is one exchange with one of two twin sites.
type trial struct {
	c      *caddyServer
	v      *visitor
	origin *testorigin.Origin // nil if the backend is something else
	site   string
	path   string
	dress  func(*http.Request) // adds the headers of a kind of visitor
	root   string              // where the file of the path is, if it is a file
}

// request makes the trial's request.
func (x *trial) request(t *testing.T, method, query, body string) *http.Request {
	t.Helper()
	req := newRequest(t, method, x.v.url(t, x.c, x.site, x.path+query), strings.NewReader(body))
	x.dress(req)
	return req
}

// get sends a GET with additional headers, given as names and values in turn.
func (x *trial) get(t *testing.T, namesAndValues ...string) look {
	t.Helper()
	req := x.request(t, http.MethodGet, "", "")
	for i := 0; i < len(namesAndValues); i += 2 {
		req.Header.Set(namesAndValues[i], namesAndValues[i+1])
	}
	return x.look(t, x.v.send(t, req))
}

// look waits for the end of a response and returns all that it showed.
func (x *trial) look(t *testing.T, r *reply) look {
	t.Helper()
	body, end := r.rest(t)
	return look{
		Proto: r.Proto, Status: r.Status, Header: r.Header, Interim: r.Interim,
		Body: body, Trailer: r.trailer(t), End: end,
		Requests: x.seen(t),
	}
}

// answer sets what the backend does, if it is an origin.
func (x *trial) answer(steps ...testorigin.Step) {
	if x.origin != nil {
		x.origin.Handle(x.path, steps...)
	}
}

// place puts the page where a file server finds it.
func (x *trial) place(t *testing.T) {
	t.Helper()
	if x.root == "" {
		return
	}
	name := filepath.Join(x.root, x.path)
	if err := os.WriteFile(name, []byte(html), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, fileTime, fileTime); err != nil {
		t.Fatal(err)
	}
}

// seen is what the backend saw, once it has nothing more to do.
func (x *trial) seen(t *testing.T) []testorigin.Request {
	t.Helper()
	if x.origin == nil {
		return nil
	}
	return drain(t, x.origin)
}

// lookRaw is look for a connection that a test speaks on by hand.
func (x *trial) lookRaw(t *testing.T, conn *rawConn) look {
	t.Helper()
	text, end := conn.rest(t)
	return look{Body: dateLine.ReplaceAllString(text, ""), End: end, Requests: x.seen(t)}
}

var (
	dateLine = regexp.MustCompile(`(?m)^Date: .*\r\n`)
	altPort  = regexp.MustCompile(`h3=":[0-9]+"`)
)

// comparable returns a look without what differs between any two requests or
// sites: the time, and the port in Alt-Svc. Of long bodies it keeps the sum.
func (l look) comparable() look {
	l.Body = shorten(l.Body)
	l.Requests = slices.Clone(l.Requests)
	for i, r := range l.Requests {
		l.Requests[i].Body = []byte(shorten(string(r.Body)))
	}
	l.Header = comparableHeader(l.Header)
	if l.Header.Get("Content-Encoding") != "" {
		// How well encode compresses depends on how the page is cut when it comes.
		l.Header.Del("Content-Length")
	}
	l.Interim = slices.Clone(l.Interim)
	for i, r := range l.Interim {
		l.Interim[i].Header = comparableHeader(r.Header)
	}
	return l
}

func comparableHeader(h http.Header) http.Header {
	h = h.Clone()
	h.Del("Date")
	for i, v := range h["Alt-Svc"] {
		h["Alt-Svc"][i] = altPort.ReplaceAllString(v, `h3=":port"`)
	}
	return h
}

// shorten replaces a text that is too long to show by its length and sum.
func shorten(text string) string {
	if len(text) < 4<<10 {
		return text
	}
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(text), sha256.Sum256([]byte(text)))
}

// dropHint takes the 103 response of Headstart away, and reports whether there was one: all
// else is as without it.
func (l *look) dropHint() bool {
	if len(l.Interim) == 0 || l.Interim[0].Status != http.StatusEarlyHints || len(l.Interim[0].Header) != 1 ||
		!slices.Equal(l.Interim[0].Header["Link"], []string{"</style.css>; rel=preload; as=style"}) {
		return false
	}
	l.Interim = l.Interim[1:]
	return true
}

// drop103 takes away those of the backend.
func (l *look) drop103() {
	l.Interim = slices.DeleteFunc(l.Interim, func(r interim) bool { return r.Status == http.StatusEarlyHints })
}

// page is a document that Headstart can learn.
const page = `<!doctype html><html><head><meta charset="utf-8"><title>A page</title>` +
	`<link rel="stylesheet" href="/style.css"></head><body><h1>A page</h1></body></html>`

// teach makes a page of the trial's path, lets a browser visit it until it is
// learned, and returns when that is done, after how many visits.
func (x *trial) teach(t *testing.T) (visits int) {
	t.Helper()
	visits = 2 // as many as learn_after
	x.answer(htmlHead, testorigin.Write(page))
	for i := range visits {
		r := x.v.send(t, navigate(t, x.v.url(t, x.c, x.site, x.path)))
		if _, end := r.rest(t); r.Status != 200 || end != cleanEnd {
			t.Fatalf("visit %d: status %d, %s", i+1, r.Status, end)
		}
		x.c.logs.own(t, i+1, x.path)
	}
	x.seen(t)
	return visits
}

// notCommitted checks that Headstart says so of what came after the visits that
// taught it.
func (x *trial) notCommitted(t *testing.T, visits int, hinted bool) {
	t.Helper()
	want := "none"
	if hinted {
		want = "hints"
	}
	for _, entry := range x.c.logs.own(t, visits+1, x.path)[visits:] {
		if level := entry["level"]; level != want {
			t.Errorf("level %v, want %s: the comparison says nothing", level, want)
		}
	}
}
