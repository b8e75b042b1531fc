package module

import (
	"maps"
	"net/http"

	"github.com/headstart-proxy/headstart/internal/request"
)

// hint sends a 103 response (RFC 8297) with the learned Link values, if there are
// any and the response is not committed: to browsers that navigate, on HTTP/2 and
// HTTP/3 only, since there are HTTP/1 intermediaries that take it for the final one.
// It holds nothing but Link; the header map is as before when it returns.
func (x *exchange) hint(w http.ResponseWriter) {
	switch {
	case len(x.plan.Hints) == 0, x.plan.Early != nil, !x.verdict.Commit,
		x.reason == reasonPaused,
		x.verdict.Audience == request.Crawler,
		x.r.ProtoMajor < 2,
		x.r.Header.Get("Sec-Fetch-Mode") != "navigate":
		return
	}
	h := w.Header()
	before := maps.Clone(h)
	clear(h)
	h["Link"] = x.plan.Hints
	w.WriteHeader(http.StatusEarlyHints)
	// Deferred header operations have changed the map, and will again.
	clear(h)
	maps.Copy(h, before)
	x.hinted = true
}

// anyWriter reports whether a writer, or one that it wraps, is of a kind.
func anyWriter(w http.ResponseWriter, is func(http.ResponseWriter) bool) bool {
	for !is(w) {
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = u.Unwrap()
	}
	return true
}
