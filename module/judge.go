package module

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/request"
)

// judged is a request of which is known whether it may be answered early.
type judged struct {
	h       *Handler
	r       *http.Request // as it reached the handler, the marker cookie taken off
	verdict request.Verdict
	reason  string // why the response is not committed; "" if it is
}

// evidence is what a navigation was judged by, beside what net/http knows.
type evidence struct {
	request.Facts
	ticket string // of the marker cookie
}

// judge judges a request.
func (h *Handler) judge(r *http.Request) (j judged, e evidence) {
	e.ticket = recovery.TakeMarker(r.Header, r.TLS != nil)
	verdict := request.Inspect(r, func() request.Facts {
		e.Facts = factsOf(r, e.ticket != "")
		return e.Facts
	}, &h.request)
	return judged{h, r, verdict, string(verdict.Reason)}, e
}

// passes reports whether the response is nothing to learn from, to compare, or to
// commit.
func (j *judged) passes() bool { return !j.verdict.Commit && j.verdict.Reason != request.Marked }

func (j *judged) audience() string {
	if !j.verdict.Navigation {
		return ""
	}
	return j.verdict.Audience.String()
}

// replacerOf returns what the placeholders of a request come from.
func replacerOf(r *http.Request) *caddy.Replacer {
	return r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
}
