package module

import (
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// headerWishes is the response header with which a backend says what may be sent early
// of its page: no-shell (its head at most) or no-store (nothing). It is for this
// handler, and goes no further.
const headerWishes = "Headstart"

// dropWishes takes the backend's wishes out of a header map. The header of that name
// that outer handlers had set stays.
func dropWishes(h http.Header, outer []string) {
	switch {
	case outer != nil:
		h[headerWishes] = outer
	case h[headerWishes] != nil:
		h.Del(headerWishes)
	}
}

// discreet is the writer of a response that is no page for all that is known. It keeps
// the backend's wishes back, and changes nothing else.
type discreet struct {
	caddyhttp.ResponseWriterWrapper
	outer []string // what outer handlers had set
	wrote bool     // the header
}

func newDiscreet(w http.ResponseWriter) *discreet {
	return &discreet{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, outer: w.Header()[headerWishes]}
}

// WriteHeader drops the wishes.
func (d *discreet) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		d.drop()
	}
	d.ResponseWriter.WriteHeader(status)
}

func (d *discreet) Write(p []byte) (int, error) {
	d.drop()
	return d.ResponseWriter.Write(p)
}

// ReadFrom passes a body on by the outer writer's own ReadFrom (sendfile).
func (d *discreet) ReadFrom(r io.Reader) (int64, error) {
	d.drop()
	return d.ResponseWriterWrapper.ReadFrom(r)
}

func (d *discreet) drop() {
	if !d.wrote {
		d.wrote = true
		dropWishes(d.Header(), d.outer)
	}
}

// Interface guards
var (
	_ http.ResponseWriter = (*discreet)(nil)
	_ io.ReaderFrom       = (*discreet)(nil)
)
