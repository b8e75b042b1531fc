package module_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// The transparency tests send the same request to two sites of one Caddy that
// differ only in the directive headstart, and compare all that the visitor and
// the backend see. The options make Headstart as eager as it can be.
const (
	eager = `
	headstart {
		min_wait 0
		learn_after 2
		learn_private
	}
`
	encode = `
	encode zstd gzip
`
)

// twins makes two sites from the same directives, <name> without Headstart and
// <name>_early with it, between those before and those after. They have no
// access log: while the backend answers, Caddy 2.11.9 still counts the bytes of
// the request body for it, which the race detector does not like.
func twins(name, before, after string) string {
	const site = `
http://:<%[1]s>, https://example.test:<%[1]s_tls> {
%[2]s
}
`
	return fmt.Sprintf(site, name, before+"\n"+after) + fmt.Sprintf(site, name+"_early", before+eager+after)
}

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
func (x *trial) request(t *testing.T, method, query string, body ...string) *http.Request {
	t.Helper()
	req := newRequest(t, method, x.v.url(t, x.c, x.site, x.path+query), nil)
	if len(body) > 0 {
		req = newRequest(t, method, x.v.url(t, x.c, x.site, x.path+query), strings.NewReader(strings.Join(body, "")))
	}
	x.dress(req)
	return req
}

// get sends a GET with additional headers, given as names and values in turn.
func (x *trial) get(t *testing.T, namesAndValues ...string) look {
	t.Helper()
	req := x.request(t, http.MethodGet, "")
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

// A kind is a kind of visitor, and what it may have met before.
type kind struct {
	name     string
	dress    func(*http.Request)
	taught   bool // the page has been learned
	compared bool // Headstart learns from a page, or compares it with what it learned
	early    bool // a page is committed, unless something speaks against it
}

var kinds = []kind{
	{name: "program at a learned page", dress: func(*http.Request) {}, taught: true},
	{name: "browser with a cookie", dress: asReturning},
	{name: "browser with a cookie at a learned page", dress: asReturning, taught: true, compared: true},
	{name: "browser on its first visit", dress: asBrowser, compared: true},
	{name: "browser at a learned page", dress: asBrowser, taught: true, early: true},
}

// asBrowser adds what a browser sends when it navigates.
func asBrowser(req *http.Request) {
	maps.Copy(req.Header, browserHeader)
}

// asReturning adds a cookie to that.
func asReturning(req *http.Request) {
	asBrowser(req)
	req.Header.Set("Cookie", "session=1")
}

// A transparencyCase is something that Headstart must not change.
type transparencyCase struct {
	name string
	// try makes the exchange. It is called for both twins and sets the backend's
	// script itself, so that each has gates of its own.
	try func(t *testing.T, x *trial) look
	// check makes sure that the case shows what it is for.
	check func(t *testing.T, l look)

	protocols  []string // all, if empty
	rewritten  bool     // Headstart logs the path that an inner handler made of it
	negotiates bool     // what the backend sends depends on Accept-Encoding
}

func TestTransparent(t *testing.T) {
	origin := startOrigin(t)
	proxy := "\treverse_proxy " + origin.Addr()
	c := startCaddy(t, twins("raw", "", proxy)+twins("encoded", encode, proxy))
	sites := []string{"raw", "encoded"}
	compareTwins(t, trial{c: c, origin: origin}, sites,
		slices.Concat(answerCases, answerStreamCases), slices.Concat(requestCases, requestStreamCases))
}

// compareTwins runs the cases for every protocol, site and kind of visitor. In
// the cases of requests, something of the request itself speaks against a
// commit; in those of answers, nothing does once the page has been learned.
func compareTwins(t *testing.T, x trial, sites []string, answers, requests []transparencyCase) {
	t.Helper()
	eachProtocol(t, func(t *testing.T, v *visitor) {
		for _, site := range sites {
			if raceDetector && strings.HasPrefix(site, "encoded") != (v.protocol == "h2") {
				continue // it looks at how things run, not at what comes out; half is enough
			}
			for _, k := range kinds {
				cases := requests
				if !k.early {
					cases = slices.Concat(answers, requests)
				}
				for _, tc := range cases {
					if !tc.fits(v, site, k) {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%s", site, k.name, tc.name), func(t *testing.T) {
						x.v, x.site, x.dress, x.path = v, site, k.dress, "/"+slug(t.Name())+".html"
						tc.run(t, x, k)
					})
				}
			}
		}
	})
}

// plainOnly tells whether the backend may be asked for an uncompressed page.
// Headstart wants that of a page that it looks at, where encode stands outside
// and compresses for the visitor.
func plainOnly(site string, k kind) bool { return k.compared && strings.HasPrefix(site, "encoded") }

// fits tells whether a case makes sense.
func (tc transparencyCase) fits(v *visitor, site string, k kind) bool {
	if len(tc.protocols) > 0 && !slices.Contains(tc.protocols, v.protocol) {
		return false
	}
	return !tc.negotiates || !plainOnly(site, k)
}

// run compares the two twins.
func (tc transparencyCase) run(t *testing.T, x trial, k kind) {
	x.place(t)
	visits := 0
	if k.taught {
		early := x
		early.site += "_early"
		visits = early.teach(t)
	}
	tc.compare(t, x, k, visits)
}

// compare makes the exchange with both twins, after so many visits that taught.
func (tc transparencyCase) compare(t *testing.T, x trial, k kind, visits int) {
	t.Helper()
	plain, early := x, x
	early.site += "_early"
	want := tc.try(t, &plain)
	tc.check(t, want)
	got := tc.try(t, &early)

	options := cmp.Options{cmpopts.EquateErrors(), cmpopts.EquateEmpty()}
	if plainOnly(x.site, k) {
		options = append(options, cmpopts.IgnoreMapEntries(func(name string, _ []string) bool {
			return name == "Accept-Encoding"
		}))
	}
	if diff := cmp.Diff(want.comparable(), got.comparable(), options); diff != "" {
		t.Errorf("not the same (-without headstart +with):\n%s", diff)
	}
	if !tc.rewritten {
		early.notCommitted(t, visits)
	}
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
func (x *trial) notCommitted(t *testing.T, visits int) {
	t.Helper()
	for _, entry := range x.c.logs.own(t, visits+1, x.path)[visits:] {
		if level := entry["level"]; level != "none" {
			t.Errorf("level %v, want none: the comparison says nothing", level)
		}
	}
}

// TestTransparentMeansNotCommitted is the counter-check: a learned page does
// come early, so that the tests above would notice if they met such a page.
func TestTransparentMeansNotCommitted(t *testing.T) {
	origin := startOrigin(t)
	c := startCaddy(t, twins("raw", "", "\treverse_proxy "+origin.Addr()))
	eachProtocol(t, func(t *testing.T, v *visitor) {
		x := &trial{c: c, v: v, origin: origin, site: "raw_early", path: "/" + v.protocol}
		x.teach(t)
		gate := testorigin.NewGate()
		origin.Handle(x.path, testorigin.Wait(gate), htmlHead, testorigin.Write(page))
		r := v.send(t, navigate(t, v.url(t, c, x.site, x.path)))
		r.readUntil(t, "/style.css")
		r.stillOpen(t)
		gate.Open()
		if _, end := r.rest(t); end != cleanEnd {
			t.Error(end)
		}
	})
}

// slug makes a path segment of a test's name.
func slug(name string) string {
	return strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(name, "-"), "-")
}
