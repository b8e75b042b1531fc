package opening

import (
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
)

// Most pages answer all first visitors with the same bytes, so most observations repeat
// one that the window holds. Such a one is known by its hash, and is not read again: it
// costs a fiftieth.

// Observe is the function Observe for a response to a visitor of the page. What repeats a
// response that the page has in mind is not read, see Observation.Repeats.
func (p *Page) Observe(v Visit, headers Headers, body []byte, complete bool, what Scope) (o *Observation, reason Reason, cut bool) {
	o = newObservation(headers, body, complete, what)
	if p.remembers(v.Header, o) {
		return o, "", false
	}
	reason, cut = o.read()
	return o, reason, cut
}

// Repeats reports whether the observation has not been read, since the page has one alike
// in mind. Its Items, Body and Charset are not set; body must stay as it is until the Page
// has got the Answer.
func (o *Observation) Repeats() bool { return o.body != nil }

// remembers reports whether the window has a head for an observation.
func (p *Page) remembers(h http.Header, o *Observation) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	opening := p.opening(p.variant(h))
	return opening != nil && opening.repeated(o) != nil
}

// repeated returns the head that an observation repeats, nil if there is none that
// counts. Interim and what the response varies with are not looked at.
func (o *Opening) repeated(seen *Observation) *head {
	if seen.bars != "" || len(o.window) == 0 {
		return nil
	}
	headers := seen.Headers.lasting(o.window[len(o.window)-1].head.frame.headers)
	for i, v := range o.window {
		if v.head.sum == seen.sum && (o.form == nil || o.form.bears(i)) &&
			slices.Equal(v.head.frame.nonces, seen.nonces) && v.head.frame.headers.equal(headers) {
			return v.head
		}
	}
	return nil
}

// sumOfBody is a hash of all that is read of a response, never 0. It never leaves the
// process.
func sumOfBody(body []byte, complete bool, what Scope) uint64 {
	return 1 | maphash.Comparable(internSeed, struct {
		body            uint64
		size            int
		complete, shell bool
		stop            string
	}{maphash.Bytes(internSeed, body), len(body), complete, what.Shell, strings.Join(what.StopAt, " ")})
}

// headOf returns the head of an observation, which may be one of the window. reason says
// why there is none.
func (p *Page) headOf(o *Opening, a Answer) (h *head, reason Reason) {
	seen := a.Observation
	if seen.Repeats() {
		h := o.repeated(seen)
		agents := slices.Contains(a.Vary, "User-Agent")
		if h != nil && agents == (h.frame.bars == VaryUserAgent) && slices.Equal(h.frame.links, seen.Headers.links(seen.Interim)) {
			return h, ""
		}
		if reason, _ := seen.read(); reason != "" { // others have changed the window meanwhile
			return nil, reason
		}
	}
	if slices.Contains(a.Vary, "User-Agent") {
		seen.bars = VaryUserAgent
	}
	if n := len(o.window); n > 0 {
		seen.Headers = seen.Headers.lasting(o.window[n-1].head.frame.headers)
	}
	return newHead(p.Host(), seen, p.id), ""
}

// stays reports whether the form is what a window makes of which all votes are for one
// head, and would be with any other such votes.
func (f *form) stays(window []vote, h *head, rules Rules) bool {
	if !f.full || !f.diverse || f.outlier > 0 || !alike(window) || window[0].head != h || len(h.frame.nonces) > 0 {
		return false
	}
	return diverse(window[f.outlier+1:], rules)
}

// again reports whether a response that repeats another need not be read for what it asks
// for: its visitor has a vote for that already, or what the site shares is known, and was
// borne out lately.
func (s *siteOpening) again(v vote, sum uint64, rules Rules, now instant) bool {
	if s == nil || len(s.votes) == 0 {
		return false
	}
	i := slices.IndexFunc(s.votes, func(w siteVote) bool { return w.sum == sum && w.url == v.url && w.network == v.network })
	if i >= 0 {
		s.votes[i].at = max(s.votes[i].at, now)
		return true
	}
	return len(s.shared) > 0 && now.since(s.latest()) < rules.Expire/4
}
