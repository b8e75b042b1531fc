package module

import (
	"errors"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// watcher looks on while a response that was not committed passes through. It
// changes nothing: what is not overridden here (Flush, Hijack, Push, deadlines)
// is the outer writer's own, by Unwrap.
//
// Inner handlers may send 1xx responses from another goroutine; those touch none
// of its fields. All else happens on the request's goroutine, or under the lock
// of whoever writes.
type watcher struct {
	*caddyhttp.ResponseWriterWrapper
	x    *exchange
	base http.Header // what outer handlers had set

	wroteHeader bool
	answer      opening.Answer
	headers     opening.Headers
	tap         tap            // the first bytes of the body, if they may teach
	splicer     splice.Splicer // measures how much is as expected
	replacer    *csp.Replacer  // of nonces in what is compared; nil if there are none
	comparing   bool
	declared    int64 // Content-Length, -1 if there is none
	received    int64 // bytes of the body
	err         error // what next returned, errPanic if it has not
}

// errPanic stands for the return of a handler that panicked.
var errPanic = errors.New("panic")

func newWatcher(x *exchange, w http.ResponseWriter) *watcher {
	return &watcher{
		ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w},
		x:                     x,
		base:                  w.Header().Clone(),
		answer:                opening.Answer{Depth: -1},
	}
}

// WriteHeader notes the final header and passes it on.
func (w *watcher) WriteHeader(status int) {
	if status == http.StatusEarlyHints {
		w.x.interim.note(w.base, w.Header())
		if w.x.hinted > 0 {
			return // browsers heed the first one only
		}
	}
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.noteHeader(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// noteHeader judges what may be learned from the response.
func (w *watcher) noteHeader(status int) {
	if w.wroteHeader {
		return
	}
	w.wroteHeader = true
	x := w.x
	h := w.Header()
	x.answered(status, h)
	defer dropWishes(h, w.base[headerWishes])
	w.declared = declaredLength(h)
	w.headers = opening.LearnHeaders(w.base, h)
	w.answer.Wait = x.header
	w.answer.Vary = opening.VaryNames(h)
	w.answer.Strictness = opening.StrictnessOf(h)
	if x.visit.Learn {
		w.answer.Reason = opening.Learnable(status, h, x.h.LearnPrivate)
	} else {
		w.answer.Reason = opening.Committable(status, h)
	}
	if x.asked != opening.UnknownCoding && status == http.StatusOK {
		w.answer.Coding = x.asked
		if h.Get("Content-Encoding") != "" {
			w.answer.Coding = opening.Encoded
			if !x.visit.NeedsPlain { // encode stands outside: others are asked for identity
				w.answer.Coding, w.answer.Reason = opening.UnknownCoding, ""
				return
			}
		}
	}
	readable := status == http.StatusOK && w.answer.Reason != opening.NotHTML && h.Get("Content-Encoding") == ""
	if w.answer.Reason != "" {
		if readable { // it teaches nothing, but says what was hinted for nothing
			w.tap = x.newTap(false)
		}
		return
	}
	w.tap = x.newTap(x.plan.Observe)
	if !x.plan.Observe && x.plan.Expected != nil {
		w.startComparing()
	}
	if _, sets := h["Set-Cookie"]; sets {
		w.answer.Reason = opening.SetsCookie
	}
}

// startComparing prepares to measure the body.
func (w *watcher) startComparing() {
	neutral, nonces, _ := w.headers.Neutral()
	if len(nonces) > 0 {
		w.replacer = csp.NewReplacer(nonces, opening.Neutral(nonces))
	}
	if w.x.plan.Headers.Differs(neutral, w.x.rules.Ignored) != "" {
		w.answer.Reason = opening.HeaderDiffers
	}
	w.comparing = true
	w.splicer = splice.New(w.x.plan.Expected, 0)
}

// Write passes p on. It does not write the header by itself: an outer writer may
// want to choose it by the first bytes.
func (w *watcher) Write(p []byte) (int, error) {
	w.noteBody(p)
	return w.ResponseWriter.Write(p)
}

func (w *watcher) noteBody(p []byte) {
	w.noteHeader(http.StatusOK)
	w.x.bodyHere()
	w.received += int64(len(p))
	w.tap.write(p)
	if w.comparing && w.splicer.Measuring() {
		if w.replacer != nil {
			p = w.replacer.Next(p)
		}
		w.splicer.Next(p)
	}
}

// ReadFrom passes a body on by the outer writer's own ReadFrom (sendfile), but
// for the first part, as far as it is looked at.
func (w *watcher) ReadFrom(r io.Reader) (n int64, err error) {
	w.noteHeader(http.StatusOK)
	for w.watching() {
		m, err := io.CopyN(writerOnly{w}, r, copyChunk)
		n += m
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	w.x.bodyHere()
	m, err := w.ResponseWriterWrapper.ReadFrom(r)
	w.received += m
	return n + m, err
}

// copyChunk is how much ReadFrom reads at a time while it looks on, in bytes.
const copyChunk = 16 << 10

// writerOnly masks ReadFrom.
type writerOnly struct{ io.Writer }

func (w *watcher) watching() bool {
	return w.tap.wants() || w.comparing && w.splicer.Measuring()
}

// learn tells the page how it was answered, after next has returned or
// panicked. A visitor who leaves right behind the last byte makes reverse_proxy
// panic, though the response is whole; its length tells.
func (w *watcher) learn() {
	x := w.x
	if w.replacer != nil {
		defer w.replacer.Close()
	}
	whole := w.err == nil
	if w.err != errPanic { //nolint:errorlint // this very value
		x.health(w.err)
	}
	if w.declared >= 0 {
		whole = w.declared == w.received && (whole || x.left())
	}
	if !whole || x.status == 0 || x.status >= 500 || x.status == http.StatusTooManyRequests {
		return // says nothing of the page
	}
	if w.comparing {
		if x.left() && w.splicer.Measuring() {
			return // the rest may be missing
		}
		if w.replacer != nil {
			w.splicer.Next(w.replacer.End())
		}
		w.splicer.End()
		w.answer.Depth, w.answer.Expected = x.proved(w.splicer.Depth(), x.plan.Expected), x.plan.Expected
	}
	x.learn(w.answer, w.headers, w.tap)
}

// learn gives the page an answer, with the observation that a tap yields.
func (x *exchange) learn(answer opening.Answer, headers opening.Headers, t tap) {
	if x.body != nil && x.body.read.Load() {
		return // the body may have shaped the page, and is not in the key
	}
	what := opening.Scope{Shell: t.shell, StopAt: x.h.StopAt}
	borne := func(steps int) bool { return answer.Depth >= 0 && answer.Depth >= steps }
	switch {
	case t.on && t.teaches:
		observation, reason, cut := x.page.Observe(x.visit, headers, t.bytes, !t.full, what)
		defer func() {
			if !observation.Repeats() { // it may have to be read later than here
				x.h.state.store.Spend(x.spender(), len(t.bytes), x.h.now())
			}
		}()
		switch {
		case cut && x.left():
			return // the rest may be missing
		case reason != "":
			answer.Reason = reason
		default:
			observation.Interim = x.interim.list()
			answer.Observation = observation
			if !observation.Repeats() || len(x.ofHost) > 0 {
				answer.Asked = observation.Asked()
			}
		}
	case t.on && borne(x.plan.Within): // it asks for all that was hinted
	case t.on && !x.left():
		what.Shell = what.Shell && !borne(x.plan.WithinBody)
		answer.Asked = opening.AskedBy(headers, x.interim.list(), t.bytes, !t.full, what)
	case !t.on && x.ask != askNothing && x.status == http.StatusOK:
		answer.Asked = opening.Unreadable() // compressed, for one
	}
	if answer.Asked != nil {
		x.noteAsked(answer.Asked)
	}
	if answer.Observation != nil && x.page.Host() == nil {
		x.page.Settle(x.h.site.room.Host(x.host))
	}
	// It says what the page was when the backend answered: a recovery may have taken
	// seconds since, and others have learned what is newer.
	grown := x.page.Answered(x.visit, answer, x.rules, x.start.Add(x.header))
	// A page that taught nothing is kept for its reason, unless it is none: there
	// is no end of URLs that are not found.
	if answer.Observation != nil || x.visit.Learn && answer.Reason != "" && answer.Reason != opening.Status {
		x.h.state.store.Put(x.key, x.page)
	} else if grown {
		x.h.state.store.Grown(x.key, x.page)
	}
}

// Interface guards
var (
	_ http.ResponseWriter = (*watcher)(nil)
	_ io.ReaderFrom       = (*watcher)(nil)
)
