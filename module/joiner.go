package module

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// joiner is the writer that inner handlers get after a commit. It joins what
// they write onto what was sent.
//
// Order of calls: commit; then those of http.ResponseWriter, by inner handlers;
// then finish, learn, close. settle comes last, also after a panic.
//
// It has no Unwrap, so nobody can get past it: the response is on its way, and
// cannot be hijacked. It has a header map of its own, for quic-go writes the
// outer one out late, and nothing of the backend's must get into it.
type joiner struct {
	x          *exchange
	outer      http.ResponseWriter
	control    http.ResponseController // of outer
	commitment commitment
	header     http.Header
	early      early

	// mu protects all below. reverse_proxy flushes from a timer's goroutine, and
	// calls Header and WriteHeader for a 1xx from its transport's.
	mu        sync.Mutex
	state     phase
	splicer   splice.Splicer
	headers   opening.Headers // of the backend's response
	neutral   opening.Headers // the same, without its nonces
	replacer  *csp.Replacer   // of its nonces, by those committed; nil if there are none
	raw       kept            // its body, from the first difference on, or if it has nonces
	tap       tap
	failing   action // joinError or ownError while an error page is spliced: it gets noindex
	surprised bool   // the audience was demoted
	bodyOnly  bool   // … to what was right of the body
	parked    *recovery.Parked
	declared  int64 // Content-Length of the backend's response, -1 if it gave none
	received  int64 // bytes of its body
	complete  bool  // the inner handlers returned without an error
	writeErr  error

	// leading is set when recovery markup was written, and done when the visitor
	// has left, or patience has ended.
	leading  context.Context
	patience context.CancelFunc
}

// phase says what becomes of what inner handlers write.
type phase uint8

const (
	waiting  phase = iota // no header yet
	splicing              // compared with what was sent
	passing               // passed on
	parking               // kept for the reload
	dropping              // dropped: the visitor is led away, or has left
)

func newJoiner(x *exchange, w http.ResponseWriter) *joiner {
	return &joiner{
		x:          x,
		outer:      w,
		control:    *http.NewResponseController(w),
		commitment: x.commitment,
		header:     x.commitment.base.Clone(),
		splicer:    splice.New(x.plan.Early.Sequence, x.plan.Early.Sent),
	}
}

// Header returns the inner handlers' own header map.
func (j *joiner) Header() http.Header { return j.header }

// WriteHeader takes the backend's header. A 1xx comes too late and is dropped.
func (j *joiner) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		if status == http.StatusEarlyHints {
			j.x.interim.note(j.commitment.base, j.Header())
		}
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.takeHeader(status)
}

func (j *joiner) takeHeader(status int) {
	if j.state != waiting {
		return
	}
	j.x.answered(status, j.header)
	j.declared = declaredLength(j.header)
	j.headers = opening.LearnHeaders(j.commitment.base, j.header)
	j.tap = j.x.newTap(j.x.plan.Observe)
	j.replaceNonces()
	j.act(status)
}

// replaceNonces prepares for the response's nonces, which the visitor never sees:
// the policies were sent with others.
func (j *joiner) replaceNonces() {
	j.neutral = j.headers
	neutral, nonces, _ := j.headers.Neutral()
	if len(nonces) == 0 || len(nonces) != len(j.commitment.nonces) {
		return // if there should have been some, the policies differ
	}
	j.neutral = neutral
	j.replacer = csp.NewReplacer(nonces, j.commitment.nonces)
}

// Write takes a part of the backend's body. It always takes all of it: a short
// count would make reverse_proxy abort.
func (j *joiner) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.takeHeader(http.StatusOK)
	if len(p) == 0 {
		return 0, nil
	}
	j.x.bodyHere()
	j.received += int64(len(p))
	if err := j.take(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// take handles a part of the backend's body.
func (j *joiner) take(p []byte) error {
	j.tap.write(p)
	switch j.state {
	case splicing, passing:
		if j.replacer == nil {
			return j.forward(p)
		}
		if j.state == splicing {
			j.raw.take(p)
			defer j.keepOn()
		}
		return j.forward(j.replacer.Next(p))
	case parking:
		_, err := j.parked.Write(p)
		return err // nobody can collect it
	case dropping:
		return j.x.inner.Context().Err() // nobody waits for the rest
	case waiting:
	}
	return nil
}

// forward joins p onto what was sent, or passes it on if that is done. The
// response's nonces are replaced in it.
func (j *joiner) forward(p []byte) error {
	if j.state == passing {
		if j.splicer.Measuring() {
			j.splicer.Next(p)
		}
		return j.emit(p)
	}
	before := j.splicer.Matched()
	parts := j.splicer.Next(p)
	if j.replacer == nil && j.splicer.State() != splice.Comparing && !j.splicer.Exact() {
		j.keepEqual(before)
		j.raw.take(p)
		defer j.keepOn()
	}
	return j.spliced(parts)
}

// keepOn makes what is kept last as long as the response may have to be parked.
func (j *joiner) keepOn() {
	if j.state == splicing {
		j.raw.store()
	} else {
		j.raw.free()
	}
}

// keepEqual keeps what came as long as all was equal, n bytes, if nothing is kept
// yet.
func (j *joiner) keepEqual(n int) {
	if j.raw.Bytes == nil {
		j.raw.take(j.x.plan.Early.Sequence.Bytes[:n])
		j.raw.store()
	}
}

// spliced writes what the splicer gave.
func (j *joiner) spliced(parts []splice.Part) (err error) {
	if j.splicer.State() == splice.Differs {
		// What came out is in the page that the visitor gets now.
		j.differ()
		return nil
	}
	for _, part := range parts {
		if len(part.Edits) > 0 && !j.mend(&part) {
			return nil
		}
		err = j.emit(part.Bytes) // an error shows again with the rest
	}
	if j.splicer.State() == splice.Joined {
		j.state = passing
		j.raw.free()
	}
	return err
}

// mend adds to a part the markup that does its edits. It reports false if the page
// cannot be corrected, and has ended or leads away.
func (j *joiner) mend(part *splice.Part) bool {
	if j.failing != ownError {
		if j.abandonCrawler() {
			return false
		}
		if !j.early.permission.Script {
			j.differ()
			return false
		}
	}
	if !j.early.permission.Script {
		return true // an error page is shown as well as can be
	}
	if j.splicer.Repairs() {
		// Before the page can load itself again.
		if !j.x.page.Repaired(j.x.visit, j.x.expected, j.splicer.Depth(), j.x.rules, j.x.h.now()) {
			j.demote()
		}
		j.retap()
	}
	part.Bytes = append(part.Bytes, j.repair(part.Edits, j.failing == ownError)...)
	return true
}

// repair returns the markup that does edits. stay says that the page is not loaded again
// whatever happens.
func (j *joiner) repair(edits []splice.Edit, stay bool) []byte {
	return recovery.Repair(j.early.permission, edits, recovery.Repaired{
		Secure: j.x.r.TLS != nil,
		URL:    j.pageRef(),
		Body:   j.x.expected.Shell(j.x.plan.Early.Sent),
		Stay:   stay,
	})
}

// emit passes p on to the visitor.
func (j *joiner) emit(p []byte) error {
	if len(p) == 0 {
		return j.writeErr
	}
	err := j.wait()
	if err == nil {
		_, err = j.outer.Write(p)
	}
	if err != nil {
		j.writeErr = err
	}
	return err
}

// ReadFrom passes a body on by the outer writer's own ReadFrom (sendfile) once
// nothing is compared any more.
func (j *joiner) ReadFrom(r io.Reader) (n int64, err error) {
	for !j.passesAll() {
		m, err := io.CopyN(writerOnly{j}, r, copyChunk)
		n += m
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	// Without the lock: what r waits for may be a goroutine that flushes.
	m, err := io.Copy(j.outer, r)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.received += m
	if err != nil {
		j.writeErr = err
	}
	return n + m, err
}

func (j *joiner) passesAll() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state == passing && j.replacer == nil && !j.splicer.Measuring() && !j.tap.wants() && j.wait() == nil
}

// FlushError flushes what has been passed on. While all is equal there is nothing to
// flush, the opening was.
func (j *joiner) FlushError() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state == passing || j.state == splicing && j.splicer.State() == splice.Merging {
		return j.flush()
	}
	return nil
}

func (j *joiner) flush() error {
	if err := j.wait(); err != nil {
		return err
	}
	return j.control.Flush()
}

// SetReadDeadline, SetWriteDeadline and EnableFullDuplex reach the outer writer;
// ResponseController would find it by Unwrap.

// SetReadDeadline implements the method of http.ResponseController.
func (j *joiner) SetReadDeadline(t time.Time) error {
	_ = j.wait() // the opening is written with deadlines of its own
	return j.control.SetReadDeadline(t)
}

// SetWriteDeadline implements the method of http.ResponseController.
func (j *joiner) SetWriteDeadline(t time.Time) error {
	_ = j.wait()
	return j.control.SetWriteDeadline(t)
}

// EnableFullDuplex implements the method of http.ResponseController.
func (j *joiner) EnableFullDuplex() error {
	_ = j.wait()
	return j.control.EnableFullDuplex()
}

// declaredLength returns the Content-Length of a header map, or -1.
func declaredLength(h http.Header) int64 {
	values := h["Content-Length"]
	if len(values) == 0 {
		return -1 // an error of strconv is an allocation
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// hasCharset reports whether a Content-Type names one.
func hasCharset(contentType string) bool {
	_, charset := opening.ContentType(contentType)
	return charset != ""
}

// retap begins to keep the body at a difference, so that the new document
// replaces the old one the sooner, and what is not in it any more is not hinted.
func (j *joiner) retap() {
	if j.tap.on && (j.tap.teaches || !j.x.visit.Learn) || j.raw.lost {
		return
	}
	j.x.ask = max(j.x.ask, askHead)
	j.tap = j.x.newTap(j.x.visit.Learn)
	for _, part := range j.raw.parts() {
		j.tap.write(part)
	}
}

// Interface guards
var (
	_ http.ResponseWriter = (*joiner)(nil)
	_ io.ReaderFrom       = (*joiner)(nil)
)
