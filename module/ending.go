package module

import (
	"maps"
	"net/http"

	"github.com/headstart-proxy/headstart/internal/opening"
)

// finish takes the return of next.
func (j *joiner) finish(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	x := j.x
	x.health(err)
	j.complete = err == nil
	defer j.endParked(err) // what follows may park, too
	if err == nil {
		j.takeHeader(http.StatusOK) // a handler that wrote nothing
	}
	switch {
	case x.outcome != "": // settled when the header came
	case x.left() && (err != nil || j.state != passing):
		x.outcome = canceled
	case err != nil && j.state == waiting:
		j.fail(err)
	case err != nil: // inside the body
		j.logLost(err)
		x.outcome = aborted
	default:
		j.end()
	}
	if j.state == passing {
		j.passTrailers()
	}
}

// end takes the end of the backend's body.
func (j *joiner) end() {
	x := j.x
	if j.failing == ownError && j.received == 0 && j.state == splicing { // an error page without a page
		j.showError(x.status, nil)
		return
	}
	j.endStream()
	switch {
	case j.writeErr != nil:
		x.outcome = canceled
	case x.outcome != "":
	case j.declared >= 0 && j.received != j.declared: // net/http would have cut it, too
		x.outcome = aborted
	default:
		x.outcome = j.joined()
	}
}

// endStream takes what was held back until now. An error of writing is kept in
// writeErr.
func (j *joiner) endStream() {
	if j.replacer != nil && (j.state == splicing || j.state == passing) {
		_ = j.forward(j.replacer.End())
	}
	switch j.state {
	case splicing:
		j.keepEqual(j.splicer.Matched())
		if j.declared < 0 || j.received == j.declared { // else it is aborted
			_ = j.spliced(j.splicer.End())
		}
	case passing:
		j.splicer.End()
	default:
	}
}

// joined says how a response was joined.
func (j *joiner) joined() outcome {
	switch {
	case j.failing != join:
		return failed
	case j.splicer.Repairs():
		return repaired
	case j.splicer.Exact() && j.replacer == nil: // nonces are other bytes
		return exact
	}
	return merged
}

// passTrailers hands on trailers that came unannounced. Announced ones would
// have been a surprise.
func (j *joiner) passTrailers() {
	if late := trailers(j.header); late != nil && j.wait() == nil {
		maps.Copy(j.outer.Header(), late)
	}
}

// learn tells the page how it was answered.
func (j *joiner) learn() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.takeIn()
}

func (j *joiner) takeIn() {
	x := j.x
	joined := x.outcome == exact || x.outcome == merged || x.outcome == repaired
	if !joined && x.outcome != reloaded {
		return
	}
	answer := opening.Answer{
		Depth:      -1,
		Vary:       opening.VaryNames(j.header),
		Wait:       x.header,
		Strictness: opening.StrictnessOf(j.header),
	}
	switch {
	case x.visit.Learn:
		answer.Reason = opening.Learnable(x.status, j.header, x.h.LearnPrivate)
	case joined:
		answer.Reason = opening.Committable(x.status, j.header)
	}
	switch {
	case answer.Reason != "":
		j.tap.teaches = false
	case joined:
		answer.Depth, answer.Expected = x.proved(j.splicer.Depth(), x.expected), x.expected
	case j.bodyOnly && !j.complete: // the rest may be missing
		return
	case j.bodyOnly:
		answer.Depth, answer.Expected = x.proved(j.splicer.Stands(), x.expected), x.expected
	case j.surprised && j.tap.on && j.complete:
		answer.Reason = opening.Surprised // the new document replaces the old one the sooner
	}
	// Also if only what the response asks for is known of it.
	if answer.Reason != "" || answer.Depth >= 0 || j.complete && j.tap.on && !j.tap.teaches {
		x.learn(answer, j.headers, j.tap)
	}
}

// close ends the response: as a complete one, or by an abort.
func (j *joiner) close() error {
	_ = j.wait()
	if j.early.panicked != nil {
		panic(j.early.panicked) // an outer writer's own
	}
	switch j.x.outcome {
	case exact, merged, repaired:
		return nil
	case failed:
		if !j.early.storable {
			return nil
		}
		panic(http.ErrAbortHandler) // an error page with status 200 must not be kept
	default:
		if j.leading != nil && !j.early.permission.Script && !j.early.storable {
			return nil // a meta refresh, all that there is, waits for the end
		}
		j.linger()
		// Browsers, service workers and CDNs must not keep it.
		panic(http.ErrAbortHandler)
	}
}

// linger waits for the visitor to be led away. An abort overtakes what was
// flushed before it: on HTTP/3 by definition (RFC 9000 section 3.2), on HTTP/2
// Chromium drops what it has not read yet, and on HTTP/1.1 there may be a proxy
// in between that speaks one of them. The recovery markup would be lost.
func (j *joiner) linger() {
	j.mu.Lock()
	leading := j.leading
	j.mu.Unlock()
	if leading != nil && !j.early.buffered {
		<-leading.Done()
	}
}

// settle makes sure that nothing of the request is left running, and that its
// outcome is known, even if an inner handler panics.
func (j *joiner) settle() {
	_ = j.wait()
	j.mu.Lock()
	j.endParked(errPanic) // counts only if it has not ended
	j.mu.Unlock()
	j.linger() // reverse_proxy panics if the backend breaks off, or nobody wants the rest
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.free()
	if j.patience != nil {
		j.patience()
	}
	x := j.x
	if x.outcome != "" {
		return
	}
	if j.state == passing && j.failing == join && j.declared >= 0 && j.received == j.declared {
		j.splicer.End()
		x.outcome = j.joined() // the visitor left right behind the last byte
		j.takeIn()
		return
	}
	if x.left() || j.writeErr != nil || j.early.err != nil {
		x.outcome = canceled
		return
	}
	x.outcome = aborted
	x.lost()
	if x.status == 0 {
		j.demote()
	}
}

// free gives buffers back. What is written after that, by a goroutine that a handler has
// left behind, is dropped.
func (j *joiner) free() {
	j.state = dropping
	j.raw.free()
	if j.replacer != nil {
		j.replacer.Close()
	}
	j.x.plan.Early.Free()
}

// demote takes the commit away from the audience, before anything is written
// that could make the visitor come back.
func (j *joiner) demote() {
	if j.surprised {
		return
	}
	j.surprised = true
	switch x, status := j.x, j.x.status; {
	case x.rules.SharedKey && (status == http.StatusNotFound || status == http.StatusGone):
		x.page.Gone(x.visit)
	case status >= 300 && status < 500 && status != http.StatusTooManyRequests:
		x.page.Refused(x.visit, x.rules, x.h.now())
	default:
		x.page.Surprised(x.visit, x.rules, x.h.now())
	}
}
