package module_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(innerHandler{})
	httpcaddyfile.RegisterHandlerDirective("headstart_test_inner", func(httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		return innerHandler{}, nil
	})
}

// innerHandler is the Caddyfile directive headstart_test_inner, for use in a
// route: a handler behind Headstart that does what a test says, and nothing
// otherwise.
type innerHandler struct{}

// inner is what innerHandler does, nil for going on to the next handler.
var inner atomic.Pointer[caddyhttp.HandlerFunc]

// setInner sets what the inner handler does until the test ends, or the returned
// function is called.
func setInner(t *testing.T, f caddyhttp.HandlerFunc) (clear func()) {
	t.Helper()
	inner.Store(&f)
	clear = func() { inner.Store(nil) }
	t.Cleanup(clear)
	return clear
}

func (innerHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.headstart_test_inner",
		New: func() caddy.Module { return new(innerHandler) },
	}
}

func (innerHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if f := inner.Load(); f != nil {
		return (*f)(w, r)
	}
	return next.ServeHTTP(w, r)
}
