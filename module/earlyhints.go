package module

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/opening"
)

// hinting is the writing of a 103 response. x/net/http2 waits until the frame is written,
// quic-go and net/http write at once: a visitor who does not read, or reads something
// large on the same connection, would hold up the backend request. So it is written on a
// goroutine of its own, which the request's goroutine waits for, but not for long.
type hinting struct {
	done   chan struct{} // closed when it was written, and the header map is as before
	header http.Header   // what the map was before; not changed
}

// hintPatience is how long a request waits for its 103 response to be written: as a rule
// that takes a few microseconds, on a machine that is busy a few milliseconds.
var hintPatience = 20 * time.Millisecond // tests change it

// hint sends a 103 response (RFC 8297) with what the page asks for, if that is known,
// whether the response is committed or not. It holds nothing but Link, and the policies
// that say what of it may be fetched. It returns the writer for the final response, and
// what must be called when that has been written. If the visitor does not read, the
// response is not committed, and the writer waits for the 103 as soon as it is used.
func (x *exchange) hint(w http.ResponseWriter) (writer http.ResponseWriter, finish func()) {
	finish = func() {}
	if !x.visit.Hints || !x.plan.Hintable {
		return w, finish
	}
	values := x.soon(w.Header()["Link"])
	policies := slices.Concat(csp.Fetching(w.Header()[csp.Enforce]), x.plan.Policies)
	if len(values) == 0 || len(strings.Join(policies, ", ")) > opening.MaxPolicies {
		return w, finish
	}
	inner := x.h.interimWriter(w)
	if inner == nil {
		return w, finish
	}
	x.hinted = len(values)
	h := hinting{done: make(chan struct{}), header: maps.Clone(inner.Header())}
	go h.write(inner, values, policies)
	patience := time.NewTimer(hintPatience)
	defer patience.Stop()
	select {
	case <-h.done:
		return w, finish
	case <-patience.C:
	}
	if x.plan.Early != nil {
		x.plan.Early, x.reason = nil, reasonStalled
	}
	late := &lateWriter{outer: w, hinting: h, header: maps.Clone(h.header)}
	return late, late.finish
}

// write writes the response. An outer writer's panic, in a goroutine of ours, would end the
// process; the final response meets the same.
func (h hinting) write(w http.ResponseWriter, values, policies []string) {
	defer close(h.done)
	live := w.Header()
	defer func() {
		_ = recover()
		clear(live)
		maps.Copy(live, h.header)
	}()
	clear(live)
	live["Link"] = values
	if len(policies) > 0 {
		live[csp.Enforce] = policies
	}
	w.WriteHeader(http.StatusEarlyHints)
}

// serverPackages are those of the writers that servers make.
var serverPackages = []string{"net/http", "golang.org/x/net/http2", "github.com/quic-go/quic-go/http3"}

// interimWriter returns the writer behind those of outer handlers, to which a response of
// our own means nothing but trouble: deferred header operations would run on it and once
// more on the final one, encode would write the status again if the handlers behind it
// fail or write none, metrics would count two responses. The one that keeps to Caddy's
// write timeouts stays. It returns nil if a writer is in the way that nobody can get past:
// that may take the status for the final one.
func (h *Handler) interimWriter(w http.ResponseWriter) http.ResponseWriter {
	var last http.ResponseWriter
	timed := anyWriter(w, func(w http.ResponseWriter) bool {
		last = w
		_, timed := w.(*caddyhttp.IdleTimeoutWriter)
		return timed
	})
	if timed || slices.Contains(serverPackages, packageOf(last)) {
		return last
	}
	h.unhintedOnce.Do(func() {
		h.logger.Warn("no 103 responses: an outer handler's writer cannot be passed by", zap.String("writer", fmt.Sprintf("%T", last)))
	})
	return nil
}

// lateWriter is the writer of a final response whose 103 response is not written yet. It
// has a header map of its own until the end, for the other one must not be touched before.
type lateWriter struct {
	outer http.ResponseWriter
	hinting
	header http.Header // the inner handlers' own

	mu      sync.Mutex  // protects written; reverse_proxy writes 1xx on another goroutine
	written http.Header // what it was when the final header was written, nil before
}

// Header returns the inner handlers' own header map.
func (w *lateWriter) Header() http.Header { return w.header }

// WriteHeader passes a header on. A 1xx leaves the outer map as it was.
func (w *lateWriter) WriteHeader(status int) {
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begin()
		w.outer.WriteHeader(status)
		return
	}
	h := w.outer.Header()
	before := maps.Clone(h)
	clear(h)
	maps.Copy(h, w.header)
	w.outer.WriteHeader(status)
	clear(h)
	maps.Copy(h, before)
}

// begin hands the header over, once.
func (w *lateWriter) begin() {
	if w.written != nil {
		return
	}
	w.written = maps.Clone(w.header)
	h := w.outer.Header()
	clear(h)
	maps.Copy(h, w.header)
}

// started makes sure that the header was handed over.
func (w *lateWriter) started() {
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin()
}

func (w *lateWriter) Write(p []byte) (int, error) {
	w.started()
	return w.outer.Write(p)
}

// FlushError flushes what was written.
func (w *lateWriter) FlushError() error {
	w.started()
	return http.NewResponseController(w.outer).Flush()
}

// Unwrap returns the writer below, which can be used once the 103 response is written.
func (w *lateWriter) Unwrap() http.ResponseWriter {
	<-w.done
	return w.outer
}

// finish hands on what came into the map behind the header: trailers.
func (w *lateWriter) finish() {
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.written == nil {
		w.begin() // an error's handler goes on with it
		return
	}
	for name, values := range w.header {
		if !slices.Equal(values, w.written[name]) {
			w.outer.Header()[name] = values
		}
	}
}

// Interface guard
var _ http.ResponseWriter = (*lateWriter)(nil)
