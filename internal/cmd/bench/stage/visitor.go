package stage

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// Protocols are those that visitors speak.
var Protocols = []string{rig.H1, rig.H2, rig.H3}

// Browser returns the header that a Chrome sends whose user typed a URL.
func Browser() http.Header { return testorigin.Navigation() }

// Tool returns the header of a program that asks for no page in particular.
func Tool() http.Header {
	return http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.14.1"}}
}

// IsCommitted tells by its header a response that was committed early. The backends
// send no Cache-Control.
func IsCommitted(h http.Header) bool {
	return h.Get("Cache-Control") == "private, no-cache"
}

// A Visitor asks for pages over one protocol, one after the other, on a connection
// that it keeps. It is for one goroutine.
type Visitor struct {
	transport http.RoundTripper
	closeIdle func()
	buffer    []byte
}

// NewVisitor returns a visitor. The caller closes it.
func NewVisitor(protocol string) *Visitor {
	transport, closeIdle := rig.NewTransport(protocol, Host)
	return &Visitor{transport, closeIdle, make([]byte, 64<<10)}
}

// Close closes its connection.
func (v *Visitor) Close() { v.closeIdle() }

// A Visit is what came of one.
type Visit struct {
	Status    int
	Committed bool
	Size      int // bytes of the body, decoded
}

// Visit asks for a URL and reads all of the answer, at most for [rig.Patience]. With
// each piece that it reads it calls arrived, if that is not nil, with all that was
// read so far and the time since the request began.
func (v *Visitor) Visit(ctx context.Context, url string, header http.Header, arrived func(piece []byte, total int, since time.Duration)) (Visit, error) {
	ctx, cancel := context.WithTimeout(ctx, rig.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Visit{}, err
	}
	req.Host, req.Header = Host, header

	start := time.Now()
	resp, err := v.transport.RoundTrip(req)
	if err != nil {
		return Visit{}, err
	}
	defer resp.Body.Close()
	visit := Visit{Status: resp.StatusCode, Committed: IsCommitted(resp.Header)}
	body := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			return visit, fmt.Errorf("decoding the page: %w", err)
		}
	}
	for {
		n, err := body.Read(v.buffer)
		visit.Size += n
		if n > 0 && arrived != nil {
			arrived(v.buffer[:n], visit.Size, time.Since(start))
		}
		switch {
		case err == io.EOF:
			return visit, nil
		case err != nil:
			return visit, fmt.Errorf("reading the page: %w", err)
		}
	}
}
