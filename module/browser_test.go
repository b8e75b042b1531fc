package module_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
	"github.com/headstart-proxy/headstart/internal/testorigin"
	"github.com/headstart-proxy/headstart/module"
)

// browserSites are sites with one backend: with Headstart, the same with
// handle_errors, and one without Headstart, which shows what a page should be.
type browserSites struct {
	t       *testing.T // as long as it runs
	c       *caddyServer
	origin  *testorigin.Origin
	browser context.Context
	tabs    map[string]*tab // by handicap; to open one takes longer than a case
	count   int             // of the pages so far
}

// startBrowserSites starts them, and the browser. Options of Headstart are lines.
func startBrowserSites(t *testing.T, options string) *browserSites {
	t.Helper()
	t.Cleanup(module.SetMaxReloaded(math.MaxInt)) // these pages load again on purpose
	browser := testbrowser.Start(t, "recoveries", chromium.Host(host, "127.0.0.1"))
	origin := startOrigin(t)
	site := func(name, directives string) string {
		return fmt.Sprintf("http://:<%s>, https://example.test:<%[1]s_tls> {\n%s\nreverse_proxy %s\n}\n", name, directives, origin.Addr())
	}
	headstart := "log\nheadstart {\nmin_wait 0\n" + options + "\n}\n"
	c := startCaddy(t, site("site", headstart)+
		site("errors", headstart+`handle_errors {
			respond "site & error {err.status_code}"
		}`)+
		site("direct", ""))
	for path, body := range browserAssets {
		kind := "text/css"
		if strings.HasSuffix(path, ".js") {
			kind = "text/javascript"
			body = fmt.Sprintf("(window.ran = window.ran || []).push(%q)", body)
		}
		origin.Handle(path, testorigin.Header(http.StatusOK, "Content-Type", kind), testorigin.Write(body))
	}
	origin.Handle("/favicon.ico", testorigin.Header(http.StatusNoContent))
	origin.Handle("/elsewhere", served{body: elsewherePage}.steps()...)
	return &browserSites{c: c, origin: origin, t: t, browser: browser, tabs: make(map[string]*tab)}
}

// tab returns a tab of a browser with a handicap, without cookies. It ends with
// the test that has started the sites.
func (s *browserSites) tab(t *testing.T, handicap string) *tab {
	t.Helper()
	b := s.tabs[handicap]
	if b == nil {
		b = testbrowser.Open(t, s.t, s.browser, handicaps[handicap]...)
		s.tabs[handicap] = b
	}
	testbrowser.Command(t, b, network.ClearBrowserCookies, cdp.Empty{})
	return b
}

// address is where browsers find a path of a site.
func (s *browserSites) address(t *testing.T, v *visitor, site, path string) string {
	t.Helper()
	return strings.Replace(v.url(t, s.c, site, path), "127.0.0.1", host, 1)
}

// teach lets visitors with a cookie, or without if it is empty, teach a page, and
// returns how many they were.
func (s *browserSites) teach(t *testing.T, v *visitor, site, path string, p served, cookie string) (visits int) {
	t.Helper()
	for visit := range teachers {
		answer := p
		answer.body = strings.ReplaceAll(p.body, "{visit}", strconv.Itoa(visit))
		s.origin.Handle(path, answer.steps()...)
		req := navigate(t, v.url(t, s.c, site, path))
		req.Host = strings.Replace(req.URL.Host, "127.0.0.1", host, 1) // with the port, as browsers send it
		if cookie != "" {
			req.Header.Set("Cookie", cookie)
		}
		v.send(t, req).rest(t)
	}
	drain(t, s.origin)
	return teachers
}

// requests returns how often the backend was asked for a path since it was asked last.
func (s *browserSites) requests(t *testing.T, path string) (n int) {
	t.Helper()
	for _, r := range drain(t, s.origin) {
		if r.Target == path {
			n++
		}
	}
	return n
}

// served is a page as a backend serves it. In header values {nonce} stands for a
// nonce that is new each time. In the body it stands for the attribute, if there
// is a nonce, and for nothing if not.
type served struct {
	status int      // 200 if it is 0
	header []string // names and values
	body   string
}

func (p served) steps() []testorigin.Step {
	return []testorigin.Step{testorigin.Serve(func(w http.ResponseWriter, _ *http.Request) {
		nonce := backendNonce()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		raw, escaped := "", ""
		for i := 0; i < len(p.header); i += 2 {
			name, value := p.header[i], strings.ReplaceAll(p.header[i+1], "{nonce}", nonce)
			if value != p.header[i+1] {
				raw = ` nonce="` + nonce + `"`
				escaped = strings.ReplaceAll(raw, "+", "&#43;") // as Go's html/template does
			}
			if name == "Content-Type" {
				w.Header().Del(name)
			}
			w.Header().Add(name, value)
		}
		w.WriteHeader(max(p.status, http.StatusOK))
		body := strings.Replace(p.body, "{nonce}", raw, 1)
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "{nonce}", escaped)) // the browser may have left
	})}
}

// backendNonce returns a nonce with all that base64 has.
func backendNonce() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails, by its documentation
	nonce := base64.StdEncoding.EncodeToString(random[:])
	return nonce[:9] + "+" + nonce[10:14] + "/" + nonce[15:]
}

// A browserCase is one page that comes early, and what the backend then answers.
type browserCase struct {
	name    string
	site    string // "site" if empty
	learned served // {visit} in it is another number each time
	answer  []testorigin.Step
	outcome string // of all documents at this path, in alphabetical order

	// want is what the page should be, if it is not the answer loaded directly.
	want string
	// place is path and fragment in the end, if it is not the page's own.
	place string
	// extra are the children of head that only the early page has.
	extra []string
	// loads is how many documents there are, if it is not 1 for a page that stays,
	// and 2 for one that is left.
	loads int
	// requests is how many of them reach the backend, if it is not 1; -1 if a proxy's
	// transport may try again.
	requests int
	handicap string // of the browser, "" if none
	atOnce   bool   // the backend answers before the browser has the early bytes
	whole    bool   // the address has no fragment
	cookie   string // of the page in the end
	either   bool   // one of the protocols will do
	taught   int    // visits before the browser's
}

// run loads the page early and directly, and compares.
func (test browserCase) run(t *testing.T, s *browserSites, protocol string) {
	s.count++
	path := "/page" + strconv.Itoa(s.count)
	site := test.site
	if site == "" {
		site = "site"
	}
	v := newVisitor(t, protocol)
	test.taught = s.teach(t, v, site, path, test.learned, "")

	gate := testorigin.NewGate()
	s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, test.answer...)...)
	if test.atOnce {
		gate.Open()
	}
	fragment, place := test.goal(path)
	got := load(t, s.tab(t, test.handicap), s.address(t, v, site, path)+fragment, place, test.handicap != "scripts", gate.Open)
	requests := s.requests(t, path)

	if test.want != "" {
		s.origin.Handle(path, served{body: test.want}.steps()...)
	}
	want := load(t, s.tab(t, test.handicap), s.address(t, v, "direct", path)+fragment, place, test.handicap != "scripts", func() {})
	test.compare(t, want, got)
	test.count(t, s, path, got.loads, requests)
}

// goal returns the fragment of the address, and the place of the page in the end.
func (test browserCase) goal(path string) (fragment, place string) {
	if !test.whole {
		fragment = "#part"
	}
	if test.place != "" {
		return fragment, test.place
	}
	return fragment, path + fragment
}

// compare checks that the early page is what it is when loaded directly, and that there
// is no error but those of the page itself.
func (test browserCase) compare(t *testing.T, want, got landing) {
	t.Helper()
	got.Others = besides(t, got.Others, test.extra)
	want.Cookies = test.cookie
	if diff := cmp.Diff(want.dump, got.dump); diff != "" {
		t.Errorf("the page (-loaded directly +as it is):\n%s", diff)
	}
	for _, message := range surplus(got.errors, want.errors) {
		aborted := strings.Contains(message, "ERR_INCOMPLETE_CHUNKED_ENCODING") || strings.Contains(message, "ERR_HTTP2_PROTOCOL_ERROR")
		if !aborted || got.loads == 1 {
			t.Errorf("the browser says %q", message)
		}
	}
}

// besides returns what a head has besides the extra elements, which it must have.
func besides(t *testing.T, head, extra []string) []string {
	t.Helper()
	for _, e := range extra {
		i := slices.Index(head, e)
		if i < 0 {
			t.Errorf("head has no %s", e)
			continue
		}
		head = slices.Delete(head, i, i+1)
	}
	return head
}

// count checks how often the browser and the backend were asked.
func (test browserCase) count(t *testing.T, s *browserSites, path string, loads, requests int) {
	t.Helper()
	here := 1 // documents at this path
	if strings.Contains(test.outcome, "reloaded") {
		here = 2
	}
	if test.loads != 0 {
		here = test.loads
	}
	want := here
	if test.place != "" {
		want++
	}
	if loads != want {
		t.Errorf("%d documents, want %d", loads, want)
	}
	if want := max(test.requests, 1); test.requests >= 0 && requests != want {
		t.Errorf("%d requests at the backend, want %d", requests, want)
	}
	var outcomes []string
	for _, entry := range s.c.logs.access(t, test.taught+here, path)[test.taught:] { // the second document may be logged first
		if outcome, ok := entry.field("headstart", "outcome").(string); ok {
			outcomes = append(outcomes, outcome)
		}
	}
	slices.Sort(outcomes)
	if got := strings.Join(outcomes, " "); got != test.outcome {
		t.Errorf("outcomes %q, want %q", got, test.outcome)
	}
}

// A page of which the head came early corrects itself in front of the visitor.
func TestBrowser(t *testing.T) {
	s := startBrowserSites(t, "flush head")
	groups := []struct {
		name  string
		cases []browserCase
	}{
		{"surprise", browserSurprises()},
		{"merge", browserMerges()},
		{"repair", browserRepairs()},
	}
	for p, protocol := range []string{"h1", "h2"} {
		for _, group := range groups {
			for i, test := range group.cases {
				if test.either && i%2 != p {
					continue
				}
				t.Run(protocol+"/"+group.name+"/"+test.name, func(t *testing.T) { test.run(t, s, protocol) })
			}
		}
	}
}
