package module

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"runtime"
	"slices"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/recovery"
)

// commitment is what a response is committed to: the headers and the nonce with
// which its recovery script may run.
type commitment struct {
	base   http.Header // what outer handlers had set; not changed
	header http.Header // what goes out
	nonce  string      // "" if no policy asks for one
}

// prepare makes the commitment of a planned response, or reports that a policy
// does not let the page correct itself.
func (x *exchange) prepare(w http.ResponseWriter) (commitment, bool) {
	c := commitment{base: w.Header().Clone()}
	if c.base == nil {
		c.base = make(http.Header)
	}
	c.header = c.base.Clone()
	x.plan.Headers.Apply(c.header)
	if x.plan.Charset != "" && !hasCharset(c.header.Get("Content-Type")) {
		// Padding could push a <meta charset> out of a browser's sight.
		c.header.Set("Content-Type", "text/html; charset="+x.plan.Charset)
	}
	c.header.Set("Cache-Control", x.plan.Strictness.CacheControl())
	c.header.Del("Content-Length")

	enforced, reported := c.header[csp.Enforce], c.header[csp.ReportOnly]
	if len(enforced) == 0 && len(reported) == 0 {
		return c, true
	}
	nonce := rand.Text()
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

// early is the writing of an opening. It runs on a goroutine of its own, so that
// a visitor who reads slowly does not delay the backend request: a window of
// HTTP/2 starts at 65,535 bytes, and quic-go's Write waits until it has sent.
// Whoever writes next waits for done first.
type early struct {
	done chan struct{}

	// Written before done is closed, read after.
	err        error
	panicked   any // to be raised on the request's goroutine
	permission recovery.Permission
}

// commit sends status, headers and opening in one write and flushes it.
func (j *joiner) commit() {
	h := j.outer.Header()
	clear(h)
	maps.Copy(h, j.commitment.header)
	j.x.flushed = len(j.x.plan.Early.Bytes)
	go j.writeEarly()
	// Let it go first. It is as a rule done when this goroutine comes back.
	runtime.Gosched()
}

func (j *joiner) writeEarly() {
	defer close(j.early.done)
	defer func() {
		// An outer writer may panic. In a goroutine of ours that would end the
		// process, so the panic is carried over.
		j.early.panicked = recover()
	}()
	j.outer.WriteHeader(http.StatusOK)
	if _, j.early.err = j.outer.Write(j.x.plan.Early.Bytes); j.early.err != nil {
		return
	}
	if err := j.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		j.early.err = err
		return
	}
	j.x.early = j.x.h.now().Sub(j.x.start)
	// Deferred header operations of outer handlers have run by now. They may
	// have put in a policy that we could not know of.
	j.early.permission = recovery.Permission{
		Nonce:  j.commitment.nonce,
		Script: csp.Permits(j.outer.Header()[csp.Enforce], j.commitment.nonce),
	}
}

// wait returns when the opening has been written, with the error of that.
func (j *joiner) wait() error {
	<-j.early.done
	if j.early.panicked != nil {
		return http.ErrAbortHandler
	}
	return j.early.err
}
