package module_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/slowlink"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// hintedAssets are what the hinted pages load, by path: the type and the content.
var hintedAssets = map[string][2]string{
	"/a.css":      {"text/css", "@font-face { font-family: a; src: url(/a.woff2) } h1 { font-family: a }"},
	"/b.css":      {"text/css", "p { color: rgb(0, 2, 0) }"},
	"/c.css":      {"text/css", "p { width: 44px }"},
	"/d.css":      {"text/css", "p { height: 44px }"},
	"/a.woff2":    {"font/woff2", "no font, but a download"},
	"/classic.js": {"text/javascript", "window.ran = 1"},
	"/module.mjs": {"text/javascript", `import "/part.mjs"`},
	"/mapped.mjs": {"text/javascript", `import "part"`},
	"/part.mjs":   {"text/javascript", "export default 1"},
	"/hero.svg":   {"image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`},
}

// foreignSheet is a stylesheet of another host.
const foreignSheet = "https://cdn.test/foreign.css"

// hintedHead begins a page without an icon, which the browser would ask for when it
// likes.
const hintedHead = doctype + `<html lang="en"><head><meta charset="utf-8"><title>Hinted</title><link rel="icon" href="data:,">`

// hintedPage is a page with these elements.
func hintedPage(head, body string) string {
	return hintedHead + head + "</head>\n<body>\n<h1>Hinted</h1>\n<p>all of it</p>\n" + body + "\n</body></html>\n"
}

// withCookie is an answer that cannot be committed, for it sets a cookie each time.
func withCookie(page string, header ...string) []testorigin.Step {
	return lessonHTML(page, append(header, "Set-Cookie", "first=visit")...)
}

func sheetLink(path string) string { return fmt.Sprintf("<link rel=\"stylesheet\" href=%q>\n", path) }

// hintsSite is a site with Headstart, with a slow link between it and the browser: on
// a loopback a 103 response comes before Chromium can take it.
type hintsSite struct {
	*lesson
	browser context.Context
	teacher *visitor
	foreign foreignHost
	control map[string]string // Cache-Control of assets, max-age=60 where there is none
}

// foreignHost is another host, with foreignSheet.
type foreignHost struct {
	asked chan struct{} // has a value for each request
	count atomic.Int32
}

// slowRTT is the round trip time of the link.
const slowRTT = 40 * time.Millisecond

// startHintsSite starts it, with options of Headstart.
func startHintsSite(t *testing.T, options string) *hintsSite {
	t.Helper()
	s := &hintsSite{
		lesson:  keysSite(t, options),
		teacher: newVisitor(t, "h2"),
		foreign: foreignHost{asked: make(chan struct{}, 64)},
		control: make(map[string]string),
	}
	foreign := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.foreign.asked <- struct{}{}
		s.foreign.count.Add(1)
		w.Header().Set("Content-Type", "text/css")
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "p { color: rgb(9, 9, 9) }") // the browser may have left
	}))
	t.Cleanup(foreign.Close)
	block, _ := pem.Decode([]byte(selfSigned()["certificate"]))
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	s.browser = testbrowser.Start(t, "hints", chromium.Trust(certificate, foreign.Certificate()),
		chromium.Host(host, slowLink(t, s.addr(t, "site_tls"))),
		chromium.Host("cdn.test", slowLink(t, foreign.Listener.Addr().String())))
	s.startWith("")
	return s
}

// startWith gives browsers a cookie before their visit, or none. Where they start teaches
// nothing, and has nothing to hint.
func (s *hintsSite) startWith(cookie string) {
	header := []string{"Cache-Control", "no-store"}
	if cookie != "" {
		header = append(header, "Set-Cookie", cookie)
	}
	s.origin.Handle("/start", lessonHTML(hintedHead, header...)...)
}

// slowLink returns where a slow link to an address begins.
func slowLink(t *testing.T, address string) string {
	t.Helper()
	link, err := slowlink.Start(address, slowlink.Link{RTT: slowRTT})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	return link.Addr()
}

// learn lets visitors teach a page. They load nothing that it asks for.
func (s *hintsSite) learn(t *testing.T, path string, answer []testorigin.Step) {
	t.Helper()
	s.serve(path, answer)
	for range lessonVisits {
		s.visit(t, s.teacher, "site", path)
	}
}

// serveAssets lets the backend serve all assets, and returns what tells that they are
// asked for.
func (s *hintsSite) serveAssets() (asked map[string]<-chan struct{}) {
	asked = map[string]<-chan struct{}{foreignSheet: s.foreign.asked}
	for path, asset := range hintedAssets {
		control := s.control[path]
		if control == "" {
			control = "max-age=60"
		}
		mark := testorigin.NewGate()
		mark.Open()
		asked[path] = mark.Arrived()
		s.origin.Handle(path, testorigin.Wait(mark),
			testorigin.Header(http.StatusOK, "Content-Type", asset[0], "Cache-Control", control), testorigin.Write(asset[1]))
	}
	return asked
}

// hinted lets a browser that has nothing in its cache visit a page. The backend holds
// the page until the downloads have been asked for.
func (s *hintsSite) hinted(t *testing.T, path string, downloads ...string) hintedVisit {
	t.Helper()
	b := testbrowser.Open(t, t, s.browser)
	b.Load(t, "https://"+host+"/start", "\x00", func() {})
	drain(t, s.origin)

	asked, gate := s.serveAssets(), testorigin.NewGate()
	s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, s.pages[path]...)...)
	b.Leave(t, fmt.Sprintf("location.href = %q", path))
	await(t, "the request for the page", gate.Arrived())
	for _, download := range downloads {
		await(t, "the request for "+download, asked[download])
	}
	gate.Open()
	b.AwaitLeft(t)
	testbrowser.AwaitState(t, b, "location.pathname + document.readyState", func(at string) bool { return at == path+"complete" })
	v := hintedVisit{requests: make(map[string][]testbrowser.Request), seen: make(map[string]int)}
	for _, r := range b.Requests(t) {
		target := strings.TrimPrefix(r.URL, "https://"+host)
		v.requests[target] = append(v.requests[target], r)
	}
	// What was hinted and not used is told of some seconds behind the load.
	b.Advance(t, time.Minute)
	v.errors, _ = b.Seen()
	v.warnings = slices.DeleteFunc(b.Warnings(), func(text string) bool {
		return strings.Contains(text, "decode downloaded font") || strings.Contains(text, "OTS parsing error")
	})
	for _, r := range drain(t, s.origin) {
		v.seen[r.Target]++
	}
	v.seen[foreignSheet] = int(s.foreign.count.Swap(0))
	s.seen[path]++
	v.log = s.logs.access(t, s.seen[path], path)[s.seen[path]-1]
	return v
}

// A hintedVisit is what became of a browser's visit.
type hintedVisit struct {
	log      logEntry
	requests map[string][]testbrowser.Request // of the page, by path or foreign URL
	seen     map[string]int                   // at the backend, by path
	errors   []string
	warnings []string
}

// came checks how far the response came early, and why no further.
func (v hintedVisit) came(t *testing.T, level, reason string) {
	t.Helper()
	got, why := v.log.field("headstart", "level"), v.log.field("headstart", "reason")
	if why == nil {
		why = ""
	}
	if got != level || why != reason {
		t.Errorf("level %v, reason %q; want %s, %q", got, why, level, reason)
	}
}

// quiet checks that the browser complains of nothing.
func (v hintedVisit) quiet(t *testing.T) {
	t.Helper()
	if len(v.errors)+len(v.warnings) > 0 {
		t.Errorf("the browser says %q, %q", v.errors, v.warnings)
	}
}

// once checks that the page asked for a download once, where it found it, and that the
// backend did not have to serve it twice.
func (v hintedVisit) once(t *testing.T, from testbrowser.Source, names ...string) {
	t.Helper()
	for _, name := range names {
		if r := v.requests[name]; len(r) != 1 || r[0].Source != from || v.seen[name] != 1 {
			t.Errorf("%s: %+v, and %d requests at the backend; want one, from %s", name, r, v.seen[name], from)
		}
	}
}

// never checks that nobody asked for a download.
func (v hintedVisit) never(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if len(v.requests[name])+v.seen[name] != 0 {
			t.Errorf("%s: %+v, and %d requests at the backend; want none", name, v.requests[name], v.seen[name])
		}
	}
}
