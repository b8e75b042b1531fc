package module

import (
	"hash/maphash"
	"net/http"
	"strings"

	"github.com/headstart-proxy/headstart/internal/hints"
	"github.com/headstart-proxy/headstart/internal/opening"
	"github.com/headstart-proxy/headstart/internal/request"
)

// noteAsset takes note of whether browsers can use a download that passes by when they ask
// for it again: what a 103 response starts goes through their caches. One that must be
// asked for anew is not worth a hint. It is a fact of the response's header alone, and
// nothing of it is kept but one bit under a hash. For the public it takes two networks to
// say that a download is of no use.
func (j *judged) noteAsset(status int, h http.Header) {
	r := j.r
	if r.Method != http.MethodGet || status != http.StatusNotModified && !hintable(h.Get("Content-Type")) {
		return
	}
	for _, name := range []string{"Origin", "Authorization", "Range"} { // a 103 response starts no such request
		if r.Header[name] != nil {
			return
		}
	}
	reusable, known := opening.Reusable(status, h, j.h.now())
	if !known {
		return
	}
	ip := clientOf(r)
	scope := request.ScopeOf(ip)
	network := uint64(0)
	if scope == request.Public {
		network = maphash.Comparable(seed, request.Network(ip))
	}
	j.h.state.store.NoteAsset(assetHash(scope, r.Host, targetOf(r)), reusable, network)
}

// hintable reports whether a type is one of those that pages preload.
func hintable(contentType string) bool {
	for _, part := range []string{"text/css", "javascript", "font", "image/"} {
		if strings.Contains(contentType, part) {
			return true
		}
	}
	return false
}

// assetHash names a download of a host, whoever serves it.
func assetHash(scope request.Scope, host, target string) uint64 {
	return maphash.Comparable(seed, [3]string{string(scope), host, target})
}

// worthwhile returns of Link values those of downloads that browsers can use. values are
// not changed.
func (x *exchange) worthwhile(values []string) []string {
	out, l := make([]string, 0, len(values)), x.list()
	for _, value := range values {
		target, rest, _ := strings.Cut(strings.TrimPrefix(value, "<"), ">")
		asset := assetHash(x.scope, x.r.Host, l.Resolve(target))
		if strings.HasPrefix(rest, "; rel="+hints.Preconnect) || !x.h.state.store.Wasteful(asset) {
			out = append(out, value)
		}
	}
	return out
}
