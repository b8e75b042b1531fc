package module

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/recovery"
)

// commitment is what a response is committed to: the headers and the nonce with
// which its recovery script may run.
type commitment struct {
	base   http.Header // what outer handlers had set; not changed, nor are its values
	header http.Header // what goes out; outer handlers may change values when it does
	nonce  string      // of the recovery script; "" if no policy asks for one
	nonces []string    // instead of those of the backend
}

// prepare makes the commitment of a planned response, or reports that a policy
// does not let the page correct itself.
func (x *exchange) prepare(w http.ResponseWriter) (commitment, bool) {
	// The values that are in the outer map now are taken out by commit.
	c := commitment{base: maps.Clone(w.Header())}
	if c.base == nil {
		c.base = make(http.Header)
	}
	c.header = c.base.Clone()
	c.nonces = opening.Fresh(x.plan.Nonces)
	x.plan.Headers.Replace(x.plan.Nonces, c.nonces).Apply(c.header)
	if links := x.final(c.header["Link"]); len(links) > 0 {
		c.header["Link"] = slices.Concat(c.header["Link"], opening.ReplaceNonces(links, x.plan.Nonces, c.nonces))
	}
	if x.plan.Charset != "" && !hasCharset(c.header.Get("Content-Type")) {
		// Padding could push a <meta charset> out of a browser's sight.
		c.header.Set("Content-Type", "text/html; charset="+x.plan.Charset)
	}
	c.header.Set("Cache-Control", x.plan.Strictness.CacheControl())
	c.header.Del("Content-Length")
	opening.DropCacheControls(c.header)

	enforced, reported := c.header[csp.Enforce], c.header[csp.ReportOnly]
	if len(enforced) == 0 && len(reported) == 0 {
		return c, true
	}
	// The script takes a nonce that the page's own scripts have, if there is one.
	nonce := csp.Own(slices.Concat(enforced, reported), c.nonces)
	if c.nonce = nonce; nonce == "" {
		nonce = rand.Text()
	}
	permit := func(name string, values []string) (ok bool) {
		permitted, ok := csp.Permit(values, nonce)
		if ok && !slices.Equal(permitted, values) {
			c.header[name], c.nonce = permitted, nonce
		}
		return ok
	}
	permit(csp.ReportOnly, reported) // a report-only sandbox does nothing
	return c, permit(csp.Enforce, enforced)
}

// firstWrite is how much of an opening is written on the request's goroutine, in
// bytes. It makes outer handlers write the header: deferred header operations
// and the like read what inner handlers may change meanwhile. It is small enough
// to stay in the buffers of net/http, x/net/http2 and quic-go, and so never
// waits for the visitor; and large enough for encode to compress, unless its
// minimum_length was raised above it.
const firstWrite = 2048

// inlineWrite is up to how many bytes an opening is written on the request's
// goroutine altogether, on HTTP/1: a socket that was read takes them at once, and
// it saves a switch (a third of the time to first byte).
const inlineWrite = 16 << 10

// early is the writing of an opening. Its header and first bytes are written
// before the inner handlers begin; the rest is written and flushed on a goroutine
// of its own, so that a visitor who reads slowly does not delay the backend
// request: a window of HTTP/2 starts at 65,535 bytes, and quic-go's Write waits
// until it has sent. Whoever writes next waits for that first.
type early struct {
	writing sync.WaitGroup

	// Written before the goroutine starts.
	permission recovery.Permission
	storable   bool // an outer handler made the response one that caches keep
	buffered   bool // an outer handler holds the response back

	// Written while writing goes on, read after.
	err      error
	panicked any // to be raised on the request's goroutine
}

// commit sends status, headers and opening, and flushes them.
func (j *joiner) commit() {
	h := j.outer.Header()
	clear(h)
	maps.Copy(h, j.commitment.header)
	bytes := j.x.plan.Early.Bytes
	j.x.flushed = len(bytes)
	inline := j.x.r.ProtoMajor == 1 && len(bytes) <= inlineWrite
	first := len(bytes)
	if !inline {
		first = min(first, firstWrite)
	}
	j.outer.WriteHeader(http.StatusOK)
	if _, j.early.err = j.outer.Write(bytes[:first]); j.early.err != nil {
		return
	}
	j.readBack()
	if inline {
		j.finishEarly(nil)
		return
	}
	j.early.writing.Go(func() { j.writeEarly(bytes[first:]) })
	// Let it go first. It is as a rule done when this goroutine comes back.
	runtime.Gosched()
}

// readBack looks at what outer handlers made of the response. Deferred header
// operations have run by now, and may have put in what we could not know of. A
// handler to which that happens commits no more.
func (j *joiner) readBack() {
	h := j.outer.Header()
	j.early.permission = recovery.Permission{
		Nonce:  j.commitment.nonce,
		Script: csp.Permits(h[csp.Enforce], j.commitment.nonce),
	}
	// Not as in j.commitment.header: they may have changed the value in place.
	j.early.storable = !slices.Equal(h["Cache-Control"], []string{j.x.plan.Strictness.CacheControl()})
	j.early.buffered = buffered(j.outer)
	switch {
	case !j.early.permission.Script:
		j.x.h.bar(reasonPolicy)
	case j.early.storable:
		j.x.h.bar(reasonCacheControl)
	case j.early.buffered:
		j.x.h.bar(reasonBuffered)
	}
}

// buffered reports whether an outer handler keeps a response in memory, as
// templates does; its recorder says so once the header was written.
func buffered(w http.ResponseWriter) bool {
	return anyWriter(w, func(w http.ResponseWriter) bool {
		b, ok := w.(interface{ Buffered() bool })
		return ok && b.Buffered()
	})
}

func (j *joiner) writeEarly(rest []byte) {
	defer func() {
		// An outer writer may panic. In a goroutine of ours that would end the
		// process, so the panic is carried over.
		j.early.panicked = recover()
	}()
	j.finishEarly(rest)
}

// finishEarly writes the rest of an opening, and flushes.
func (j *joiner) finishEarly(rest []byte) {
	if len(rest) > 0 {
		if _, j.early.err = j.outer.Write(rest); j.early.err != nil {
			return
		}
	}
	if err := j.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		j.early.err = err
		return
	}
	j.x.early = j.x.h.now().Sub(j.x.start)
}

// wait returns when the opening has been written, with the error of that.
func (j *joiner) wait() error {
	j.early.writing.Wait()
	if j.early.panicked != nil {
		return http.ErrAbortHandler
	}
	return j.early.err
}
