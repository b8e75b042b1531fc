package module

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/opening"
)

// stalledWriter is a server's writer whose visitor reads nothing before the gate opens.
type stalledWriter struct {
	gate    chan struct{}
	header  http.Header
	written []http.Header // of each response; the status is in it
	body    string
}

func (w *stalledWriter) Header() http.Header { return w.header }

func (w *stalledWriter) WriteHeader(status int) {
	<-w.gate
	h := maps.Clone(w.header)
	h["Status"] = []string{http.StatusText(status)}
	w.written = append(w.written, h)
}

func (w *stalledWriter) Write(p []byte) (int, error) {
	w.body += string(p)
	return len(p), nil
}

// A visitor who does not read holds up neither the request nor what is written to it, and
// gets all of it in order: the 103 response, others in between, the final one, trailers.
func TestStalledHint(t *testing.T) {
	serverPackages = append(slices.Clone(serverPackages), "github.com/headstart-proxy/headstart/module")
	t.Cleanup(func() { serverPackages = serverPackages[:len(serverPackages)-1] })
	t.Cleanup(SetHintPatience(0))
	site := newBenchSite(t, benchCases[0], chunks(32<<10))
	w := &stalledWriter{gate: make(chan struct{}), header: http.Header{"Server": {"Caddy"}, "X-Gone": {"yes"}}}
	x := &exchange{judged: judged{h: site.handler, r: site.request}}
	x.visit.Hints, x.plan.Hintable = true, true
	x.plan.Hints, x.plan.Early = []string{"</a.css>; rel=preload; as=style"}, new(opening.Early)

	late, finish := x.hint(w) // returns although nobody reads
	if x.plan.Early != nil || x.reason != reasonStalled || x.hinted != 1 || late == http.ResponseWriter(w) {
		t.Fatalf("reason %q, %d hints", x.reason, x.hinted)
	}
	if late.Header().Get("Link") != "" {
		t.Error("the 103 response shows")
	}
	done := make(chan struct{})
	go func() { // the inner handlers
		defer close(done)
		h := late.Header()
		h["X-Interim"] = []string{"1"}
		late.WriteHeader(http.StatusProcessing)
		delete(h, "X-Interim")
		delete(h, "X-Gone")
		h["X-Page"] = []string{"1"}
		late.WriteHeader(http.StatusOK)
		if _, err := late.Write([]byte("page")); err != nil {
			t.Error(err)
		}
		h["X-Trailer"] = []string{"1"}
		finish()
	}()
	close(w.gate)
	<-done
	if diff := cmp.Diff([]http.Header{
		{"Status": {"Early Hints"}, "Link": {"</a.css>; rel=preload; as=style"}},
		{"Status": {"Processing"}, "Server": {"Caddy"}, "X-Gone": {"yes"}, "X-Interim": {"1"}},
		{"Status": {"OK"}, "Server": {"Caddy"}, "X-Page": {"1"}},
	}, w.written); diff != "" {
		t.Error(diff)
	}
	if w.body != "page" || w.header.Get("X-Trailer") != "1" {
		t.Errorf("%q, %v", w.body, w.header)
	}
}

// A handler that fails before it has written anything leaves its header to who comes next.
func TestStalledHintAndNothing(t *testing.T) {
	h := hinting{done: make(chan struct{}), header: http.Header{"Server": {"Caddy"}}}
	w := &stalledWriter{header: http.Header{"Link": {"x"}}}
	late := &lateWriter{outer: w, hinting: h, header: http.Header{"X-Page": {"1"}}}
	close(h.done)
	late.finish()
	if diff := cmp.Diff(http.Header{"X-Page": {"1"}}, w.header); diff != "" || len(w.written) > 0 {
		t.Error(diff, w.written)
	}
}

// A writer that is no server's, and that nobody can get past, gets no 103 response.
func TestNoWayPastAWriter(t *testing.T) {
	site := newBenchSite(t, benchCases[0], chunks(32<<10))
	if w := site.handler.interimWriter(&stalledWriter{}); w != nil {
		t.Errorf("%T", w)
	}
}
