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
// the backend's wishes back, takes note of what caches are told, and changes nothing
// else.
type discreet struct {
	caddyhttp.ResponseWriterWrapper
	judged
	outer []string // what outer handlers had set
	wrote bool     // the header
}

func newDiscreet(j judged, w http.ResponseWriter) *discreet {
	d := &discreet{
		ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w},
		judged:                j,
		outer:                 w.Header()[headerWishes],
	}
	replacerOf(j.r).Map(d.placeholder)
	return d
}

// WriteHeader drops the wishes.
func (d *discreet) WriteHeader(status int) {
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		d.ResponseWriter.WriteHeader(status)
		return
	}
	first := d.drop()
	d.ResponseWriter.WriteHeader(status)
	if first { // deferred header operations have run
		d.noteAsset(status, d.Header())
	}
}

func (d *discreet) Write(p []byte) (int, error) {
	d.begin()
	return d.ResponseWriter.Write(p)
}

// ReadFrom passes a body on by the outer writer's own ReadFrom (sendfile).
func (d *discreet) ReadFrom(r io.Reader) (int64, error) {
	d.begin()
	return d.ResponseWriterWrapper.ReadFrom(r)
}

// begin takes note of a body without a header.
func (d *discreet) begin() {
	if d.drop() {
		d.noteAsset(http.StatusOK, d.Header())
	}
}

// drop drops the wishes, if it is the first time.
func (d *discreet) drop() (first bool) {
	first = !d.wrote
	d.wrote = true
	if first {
		dropWishes(d.Header(), d.outer)
	}
	return first
}

// Interface guards
var (
	_ http.ResponseWriter = (*discreet)(nil)
	_ io.ReaderFrom       = (*discreet)(nil)
)
