package testbrowser_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
)

// What a 103 response (RFC 8297) made the browser load is told apart from what the page
// asked for, and from what was in a cache.
func TestRequests(t *testing.T) {
	s := startHintingSite(t)
	b := testbrowser.Open(t, t, testbrowser.Start(t, "the log of requests",
		chromium.Host("example.test", s.server.Listener.Addr().String()), chromium.Trust(s.server.Certificate())))
	b.Load(t, "https://example.test/start", "\x00", func() {})

	// Chromium drops a 103 response that arrives before it knows that its request was
	// sent, as it may without a network. When it sends the next request of the same
	// connection, it knows.
	b.Leave(t, `fetch("/when-asked").then(() => fetch("/mark")); location.href = "/page"`)
	b.AwaitLeft(t)
	testbrowser.AwaitState(t, b, `location.pathname + document.readyState`, func(s string) bool { return s == "/pagecomplete" })
	s.compare(t, b,
		request{"/page", network.ResourceTypeDocument, testbrowser.Network, true},
		request{"/style.css", network.ResourceTypeStylesheet, testbrowser.EarlyHints, false},
		request{"/moved.js", network.ResourceTypeScript, testbrowser.Network, false},
		request{"/script.js", network.ResourceTypeScript, testbrowser.Network, false},
	)
	if n := s.count("/style.css"); n != 1 {
		t.Errorf("%d requests for the stylesheet", n)
	}

	b.Load(t, "https://example.test/again", "\x00", func() {})
	s.compare(t, b,
		request{"/again", network.ResourceTypeDocument, testbrowser.Network, false},
		request{"/style.css", network.ResourceTypeStylesheet, testbrowser.MemoryCache, false},
		request{"/script.js", network.ResourceTypeScript, testbrowser.Network, false},
	)
}

// request is what has to be told of a request.
type request struct {
	path   string
	kind   network.ResourceType
	source testbrowser.Source
	hinted bool
}

// hintingSite is a site with a page that is hinted, and then held.
type hintingSite struct {
	server *httptest.Server
	asked  chan struct{} // closed when the page is asked for
	hint   chan struct{} // closed when the 103 response may go
	answer chan struct{} // closed when the page may go

	mu    sync.Mutex
	paths []string // asked for
}

func startHintingSite(t *testing.T) *hintingSite {
	t.Helper()
	s := &hintingSite{asked: make(chan struct{}), hint: make(chan struct{}), answer: make(chan struct{})}
	s.server = httptest.NewUnstartedServer(s)
	s.server.EnableHTTP2 = true // Chromium takes no 103 response over HTTP/1.1
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	return s
}

func (s *hintingSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.paths = append(s.paths, r.URL.Path)
	s.mu.Unlock()
	const icon, sheet = `<!doctype html><link rel="icon" href="data:,">`, `<link rel="stylesheet" href="/style.css">`
	h, body := w.Header(), ""
	switch r.URL.Path {
	case "/start":
		body = icon
	case "/page":
		close(s.asked)
		wait(r, s.hint)
		h.Set("Link", "</style.css>; rel=preload; as=style")
		w.WriteHeader(http.StatusEarlyHints)
		h.Del("Link")
		wait(r, s.answer)
		body = icon + sheet + `<script src="/moved.js"></script>`
	case "/again":
		body = icon + sheet + `<script src="/script.js"></script>`
	case "/style.css":
		h.Set("Content-Type", "text/css")
		h.Set("Cache-Control", "max-age=3600")
		body = "body { color: red }"
		if s.count(r.URL.Path) == 1 {
			defer close(s.answer)
		}
	case "/moved.js":
		http.Redirect(w, r, "/script.js", http.StatusFound)
	case "/script.js":
		h.Set("Content-Type", "text/javascript")
		h.Set("Cache-Control", "no-store")
		body = "0"
	case "/when-asked":
		wait(r, s.asked)
	case "/mark":
		close(s.hint)
	default:
		http.NotFound(w, r)
	}
	_, _ = io.WriteString(w, body)
}

// wait waits for a channel to be closed, or for the visitor to leave.
func wait(r *http.Request, gate <-chan struct{}) {
	select {
	case <-gate:
	case <-r.Context().Done():
	}
}

// compare compares the requests since the last load with what they should be.
func (s *hintingSite) compare(t *testing.T, b *testbrowser.Tab, want ...request) {
	t.Helper()
	var got []request
	for _, r := range b.Requests(t) {
		got = append(got, request{strings.TrimPrefix(r.URL, "https://example.test"), r.Type, r.Source, r.Hinted})
		if over := r.Source == testbrowser.Network; over != (r.Bytes > 0) {
			t.Errorf("%d bytes of %s from the %s", r.Bytes, r.URL, r.Source)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("requests %+v\nwant %+v", got, want)
	}
}

// count returns how often a path was asked for.
func (s *hintingSite) count(path string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.paths {
		if p == path {
			n++
		}
	}
	return n
}
