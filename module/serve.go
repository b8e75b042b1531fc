package module

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// ServeHTTP answers one request:
//
//	judge ─▶ decide ─▶ [hints] ─▶ [commit] ─▶ next ─▶ splice ─▶ learn ─▶ report
//
// The reload of a page that was committed too early gets the response that was
// parked for it. What may not be committed goes straight to next: if it is no page
// navigation, with a writer that keeps one header back, else through a watcher, which
// only looks on. After a commit, next writes to a joiner, which owns the rest of the
// response.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if !h.outermost(r) {
		return next.ServeHTTP(w, r)
	}
	judged, evidence := h.judge(r)
	if judged.passes() {
		d := newDiscreet(judged, w)
		defer d.report()
		return next.ServeHTTP(d, r)
	}
	x := judged.decide(evidence, w)
	defer x.report()
	if x.parked != nil {
		return x.collect(w)
	}
	defer x.takeBack()

	w, finish := x.hint(w)
	defer finish()
	if x.plan.Early == nil {
		x.handOver()
		watch := newWatcher(x, w)
		defer watch.learn() // a panic of an inner handler passes through
		watch.err = errPanic
		watch.err = next.ServeHTTP(watch, x.inner)
		return watch.err
	}
	j := newJoiner(x, w)
	defer j.settle() // also after a panic
	j.commit()
	x.handOver()
	j.finish(next.ServeHTTP(j, x.inner))
	j.learn()
	return j.close()
}
