package module

import (
	"io"
	"net/http"
	"sync/atomic"
)

// cloneInner gives the inner handlers a request of their own, so that it can be
// changed without a change to what outer handlers see. The URL stays shared, as
// Caddy's handlers expect.
func (x *exchange) cloneInner() {
	if x.inner == x.r {
		x.inner = x.r.WithContext(x.r.Context())
	}
}

// watchBody looks on whether a body is read from a request whose header does not
// tell if there is one.
func (x *exchange) watchBody() {
	if x.r.Body == nil || x.r.Body == http.NoBody {
		return
	}
	x.cloneInner()
	x.body = &bodyWatch{ReadCloser: x.r.Body}
	x.inner.Body = x.body
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
