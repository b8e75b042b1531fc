package module

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
)

// handOver makes the request what the inner handlers get. The header map is changed in
// place, as Caddy's own handlers do: placeholders read it through the request that
// outer handlers have.
func (x *exchange) handOver() {
	x.attend()
	r := x.r
	if x.plan.Early != nil {
		// What comes after a surprise may not be worth waiting for; or it is parked,
		// and goes on when the visitor has left for the reload.
		ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
		x.inner, x.cancel = r.WithContext(ctx), cancel
		x.detach = context.AfterFunc(r.Context(), cancel)
	}
	if x.body != nil {
		x.inner.Body = x.body
	}
	if x.identity {
		x.codings, x.plain[0] = r.Header["Accept-Encoding"], "identity"
		r.Header["Accept-Encoding"] = x.plain[:]
	}
}

// takeBack takes back what handOver did.
func (x *exchange) takeBack() {
	if x.cancel != nil {
		x.detach()
		x.cancel()
	}
	if x.body != nil {
		x.r.Body = x.body.ReadCloser
	}
	switch {
	case x.plain[0] == "":
	case x.codings != nil:
		x.r.Header["Accept-Encoding"] = x.codings
	default:
		delete(x.r.Header, "Accept-Encoding")
	}
}

// watchBody looks on whether a body is read from a request whose header does not
// tell if there is one.
func (x *exchange) watchBody() {
	if x.r.Body != nil && x.r.Body != http.NoBody {
		x.body = &bodyWatch{ReadCloser: x.r.Body}
	}
}

// bodyWatch is a request body that knows whether anything was read from it.
type bodyWatch struct {
	io.ReadCloser
	read atomic.Bool // transports read bodies on goroutines of their own
}

func (b *bodyWatch) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.read.Store(true)
	}
	return n, err
}
