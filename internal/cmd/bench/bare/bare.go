// Package bare is a Caddy handler for comparison: it sends the beginning of a page that
// it is told, flushes, and lets the backend's response follow without as many bytes. It
// decides, compares and learns nothing, so no handler that sends early can do less.
// Pages would be wrong with it as soon as they change: it is for the bench only.
package bare

import (
	"context"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
)

func init() {
	caddy.RegisterModule(new(Handler))
	httpcaddyfile.RegisterHandlerDirective("bench_bare", parse)
	httpcaddyfile.RegisterDirectiveOrder("bench_bare", httpcaddyfile.Before, "reverse_proxy")
}

// Site returns the text of a site with the handler.
func Site(opening []byte) string { return "bench_bare `" + string(opening) + "`\n\t" + stage.Plain }

// Handler is the handler.
type Handler struct {
	// The first bytes of each response.
	Opening string `json:"opening"`

	opening []byte
}

// parse reads the directive: bench_bare <opening>.
func parse(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // consume the directive's name
	b := new(Handler)
	if !h.Args(&b.Opening) || h.NextArg() {
		return nil, h.ArgErr()
	}
	return b, nil
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.bench_bare", New: func() caddy.Module { return new(Handler) }}
}

// Provision makes bytes of the opening.
func (b *Handler) Provision(caddy.Context) error {
	b.opening = []byte(b.Opening)
	return nil
}

// ServeHTTP sends the opening, and what follows it. Like after a commit of Headstart, the
// backend goes on if the visitor leaves.
func (b *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	h := w.Header()
	h["Content-Type"] = []string{"text/html; charset=utf-8"}
	h["Cache-Control"] = []string{"private, no-cache"}
	w.WriteHeader(http.StatusOK)
	rest := &rest{outer: w, header: make(http.Header), skip: len(b.opening), control: http.NewResponseController(w)}
	if _, err := w.Write(b.opening); err != nil {
		return err
	}
	if err := rest.control.Flush(); err != nil {
		return err
	}
	return next.ServeHTTP(rest, r.WithContext(context.WithoutCancel(r.Context())))
}

// rest passes on what comes behind the opening.
type rest struct {
	outer   http.ResponseWriter
	control *http.ResponseController
	header  http.Header // for nobody
	skip    int         // bytes
}

func (w *rest) Header() http.Header { return w.header }

func (w *rest) WriteHeader(int) {}

func (w *rest) Write(p []byte) (int, error) {
	n := min(w.skip, len(p))
	w.skip -= n
	if n == len(p) {
		return n, nil
	}
	m, err := w.outer.Write(p[n:])
	return n + m, err
}

// FlushError flushes what was passed on.
func (w *rest) FlushError() error {
	if w.skip > 0 {
		return nil
	}
	return w.control.Flush()
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
