package load

import (
	"net/http"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
)

// The sites. Each has a twin with [gzipped] in its name, behind encode.
const (
	plain = "plain"
	hints = "hints"
	head  = stage.Head
	shell = stage.Shell
	early = "bare" // with the opening of shell
)

const gzipped = "-gzip"

// Paths of the backend. All answer at once.
const (
	pathPage    = "/page"
	pathChunked = "/chunked" // without a Content-Length
	pathNonce   = "/nonce"   // with a nonce of its own in page and policy
	pathCookie  = "/cookie"  // with a Set-Cookie: never committed
)

var siteTexts = []struct{ name, text string }{
	{plain, stage.Plain},
	{hints, stage.Headstart("flush hints", "early_hints on")},
	{head, stage.Headstart("flush head")},
	{shell, stage.Headstart("flush shell")},
}

// A target is the least ratio of the rate, or the most of the CPU time, that the
// project wants; 0 where it wants none.
type target struct {
	Rate float64 `json:"rate,omitempty"`
	CPU  float64 `json:"cpu,omitempty"`
}

// A kind is a kind of request, as Headstart sees it. The plain site gets the same.
type kind struct {
	name, what string
	site, path string
	tool       bool // not a browser
	cookie     bool // a browser with one
	aside      bool // measured with 16 connections only: it explains another
	want       answer
	target     target
}

// An answer is what is checked of each.
type answer struct {
	committed, hinted bool
}

var (
	nothing   = answer{}
	hinted    = answer{hinted: true}
	committed = answer{committed: true}
)

// With a Content-Length, plain reverse_proxy works least: it passes it on and never
// flushes. A committed response is always chunked.
//
// A page that sets a cookie each time is never committed, so every visit is compared,
// and a clean one is learned from where it is of use.
var kinds = []kind{
	{name: "ineligible", what: "not eligible", site: shell, path: pathPage, tool: true, want: nothing, target: target{Rate: 0.99}},
	{name: "learning", what: "learning", site: shell, path: pathCookie, want: nothing, target: target{CPU: 1.05}},
	{name: "comparing", what: "comparing", site: shell, path: pathCookie, cookie: true, aside: true, want: nothing},
	{name: "hints", what: "hints (103)", site: hints, path: pathPage, want: hinted},
	{name: "head", what: "head", site: head, path: pathPage, want: committed, target: target{Rate: 0.97}},
	{name: "shell", what: "shell", site: shell, path: pathPage, want: committed, target: target{Rate: 0.97}},
	{name: "chunked", what: "shell, chunked backend", site: shell, path: pathChunked, aside: true, want: committed, target: target{Rate: 0.97}},
	{name: "bare", what: "bare flush, the limit of shell", site: early, path: pathPage, want: committed},
	{name: "nonce", what: "shell, nonce rewriting", site: shell, path: pathNonce, want: committed, target: target{Rate: 0.90}},
}

// numbers returns with how many connections it is measured.
func (k kind) numbers() []int {
	if k.aside {
		return []int{16}
	}
	return connections
}

// header returns what the request has beside Host.
func (k kind) header(gzip bool) http.Header {
	h := stage.Browser()
	if k.tool {
		h = stage.Tool()
	}
	if gzip {
		h.Set("Accept-Encoding", "gzip")
	} else {
		h.Del("Accept-Encoding")
	}
	if k.cookie {
		h.Set("Cookie", "session=1")
	}
	return h
}

// newBackend returns what answers at once.
func newBackend() http.Handler {
	mux := http.NewServeMux()
	page := stage.NewDocument(false, true)
	mux.Handle(pathPage, page)
	mux.Handle(pathChunked, stage.NewDocument(false, false))
	mux.Handle(pathNonce, stage.NewDocument(true, true))
	mux.HandleFunc(pathCookie, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=1; Path=/; HttpOnly")
		page.ServeHTTP(w, r)
	})
	return mux
}
