package opening

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/hints"
)

// siteOpening is what the pages of a host ask for alike: what is hinted to a visitor of a URL
// that nobody knows. Nothing else of it is ever sent, for that may be no page at all.
// Host.mu protects it.
type siteOpening struct {
	way     string // of the requests, see Visit
	votes   []siteVote
	shared  []hint
	headers siteHeaders // those of all
}

// siteVote is what one response asked for.
type siteVote struct {
	vote                  // without a head
	links   []*hints.Link // each once for all votes of the host
	headers siteHeaders
	at      instant
	sum     uint64 // of the response, see Observation
}

// siteHeaders is what the headers of a response say of downloads.
type siteHeaders struct {
	policies string // joined
	discreet bool
}

const (
	// maxSites is how many ways of a host are told apart: as a rule there is one.
	maxSites = 4
	// maxSiteLinks is how many Links are kept of one response, and maxSiteLinkBytes how
	// much those of all votes of a host may take. What is too much is not kept.
	maxSiteLinks     = 16
	maxSiteLinkBytes = 8 << 10
)

// MaxPolicies is how long the policies may be that go with hints, in bytes: without them
// nothing is hinted, and a browser takes no header of any size.
const MaxPolicies = 4 << 10

// site returns that of a way. It may be nil, unless it is to be made: then the one that
// has learned the longest ago gives way. The host is locked.
func (h *Host) site(way string, make bool) *siteOpening {
	for _, s := range h.sites {
		if s.way == way {
			return s
		}
	}
	if !make || h.closed.Load() {
		return nil
	}
	if len(h.sites) == maxSites {
		oldest := slices.MinFunc(h.sites, func(a, b *siteOpening) int { return cmp.Compare(a.latest(), b.latest()) })
		h.sites = slices.DeleteFunc(h.sites, func(s *siteOpening) bool { return s == oldest })
	}
	s := &siteOpening{way: way}
	h.sites = append(h.sites, s)
	return s
}

// ask takes in what a clean response of one of the pages asked for.
func (h *Host) ask(v Visit, o *Observation, rules Rules, now instant) {
	if o.Repeats() && h.asksAgain(v, o, rules, now) {
		return
	}
	asks := o.links() // it is read now
	if !o.whole {
		return
	}
	links := slices.DeleteFunc(resolved(asks, rules), func(l hints.Link) bool {
		return slices.ContainsFunc(o.nonces, func(nonce string) bool { return strings.Contains(l.String(), nonce) })
	})
	policies := strings.Join(csp.Fetching(o.Headers.Values(csp.Enforce)), ", ")
	if len(policies) > MaxPolicies {
		links, policies = nil, "" // what may be fetched is not looked into
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.site(v.Way, true)
	if s == nil {
		return
	}
	for _, w := range s.votes { // most pages have the same: it is kept once
		if w.headers.policies == policies {
			policies = w.headers.policies
		}
	}
	s.cast(siteVote{
		vote:    voteOf(v),
		links:   h.keep(links),
		headers: siteHeaders{policies, !laxReferrer(o.Headers.Values("Referrer-Policy"))},
		at:      now,
		sum:     o.sum,
	}, rules)
	h.settle()
}

// asksAgain reports whether what a response asked for before says enough.
func (h *Host) asksAgain(v Visit, o *Observation, rules Rules, now instant) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.site(v.Way, false).again(voteOf(v), o.sum, rules, now)
}

// keep returns the host's copies of Links. What is shared has been there before, so it is
// never too much.
func (h *Host) keep(links []hints.Link) (kept []*hints.Link) {
	known, size := h.siteLinks()
	for _, l := range links {
		i := slices.IndexFunc(known, func(k *hints.Link) bool { return *k == l })
		switch n := linkSize + l.Size(); {
		case len(kept) == maxSiteLinks:
			return kept
		case i >= 0:
			kept = append(kept, known[i])
		case size+n <= maxSiteLinkBytes:
			kept = append(kept, &l)
			size += n
		}
	}
	return kept
}

// siteLinks returns the Links of all votes, each once, and what they take, in bytes.
func (h *Host) siteLinks() (links []*hints.Link, size int) {
	for _, s := range h.sites {
		for _, v := range s.votes {
			for _, l := range v.links {
				if !slices.Contains(links, l) {
					links = append(links, l)
					size += linkSize + l.Size()
				}
			}
		}
	}
	return links, size
}

// resolved returns of Links those that may be hinted on another page, as they read there:
// it may have another path, and an import map.
func resolved(links []hints.Link, rules Rules) (out []hints.Link) {
	base := rules.location()
	for _, l := range links {
		l.Nonce = ""
		if l, ok := l.Resolve(base); ok && l.Soon() {
			out = append(out, l.WithImportMap())
		}
	}
	return out
}

// cast takes in a vote. A URL has one, in scope public two, and a network has one.
func (s *siteOpening) cast(v siteVote, rules Rules) {
	allowed := 0
	if rules.Public {
		allowed = 1
	}
	s.votes = slices.DeleteFunc(s.votes, func(w siteVote) bool { return rules.Public && w.network == v.network })
	for sameURL := s.count(v.url); sameURL > allowed; sameURL-- {
		i := slices.IndexFunc(s.votes, func(w siteVote) bool { return w.url == v.url })
		s.votes = slices.Delete(s.votes, i, i+1)
	}
	if extra := len(s.votes) + 1 - capacity(rules); extra > 0 {
		s.votes = slices.Delete(s.votes, 0, extra)
	}
	s.votes = append(s.votes, v)
	s.share(rules)
}

// latest returns when the last vote was cast, or borne out.
func (s *siteOpening) latest() (at instant) {
	for _, v := range s.votes {
		at = max(at, v.at)
	}
	return at
}

func (s *siteOpening) count(url uint32) (n int) {
	for _, v := range s.votes {
		if v.url == url {
			n++
		}
	}
	return n
}

// share finds what the votes share: as in a window, in scope public all but the one
// without which there is most.
func (s *siteOpening) share(rules Rules) {
	s.shared = nil
	if len(s.votes) < rules.LearnAfter {
		return
	}
	outliers := []int{-1}
	if len(s.votes) > rules.LearnAfter {
		outliers = outliers[:0]
		for i := range s.votes {
			outliers = append(outliers, i)
		}
	}
	for _, outlier := range outliers {
		votes := s.votes
		if outlier >= 0 {
			votes = slices.Delete(slices.Clone(votes), outlier, outlier+1)
		}
		if shared, headers := intersect(votes, rules); len(shared) > len(s.shared) {
			s.shared, s.headers = shared, headers
		}
	}
}

// intersect returns what all of some votes ask for, nothing if they are not diverse.
func intersect(votes []siteVote, rules Rules) (shared []hint, headers siteHeaders) {
	plain := make([]vote, len(votes))
	for i, v := range votes {
		plain[i] = v.vote
	}
	rules.SharedKey = true
	if !diverse(plain, rules) {
		return nil, headers
	}
	headers = votes[0].headers
	for _, v := range votes {
		if v.headers.policies != headers.policies {
			return nil, headers // it cannot be told what such a page may fetch
		}
		headers.discreet = headers.discreet || v.headers.discreet
	}
	for _, l := range votes[len(votes)-1].links {
		if !slices.ContainsFunc(votes, func(v siteVote) bool { return !slices.Contains(v.links, l) }) {
			shared = append(shared, hint{link: *l, soon: l.String()})
		}
	}
	return shared, headers
}

// Hints returns Link values for a 103 response to a visitor of a page that nobody knows,
// the most urgent first, and the policies that go with them. A nil Host knows nothing.
func (h *Host) Hints(v Visit, rules Rules, now time.Time) (values, policies []string) {
	if h == nil || rules.NoHints {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.site(v.Way, false)
	if s == nil || len(s.shared) == 0 || instantOf(now).since(s.latest()) > maxHintAge {
		return nil, nil
	}
	for _, shared := range s.shared {
		if !s.headers.discreet && !v.Discreet || shared.link.Discreet() {
			values = append(values, shared.soon)
		}
	}
	if s.headers.policies != "" {
		policies = []string{s.headers.policies}
	}
	return values, policies
}

// Has reports whether the response makes the request of a value that Host.Hints gave.
func (a *Asked) Has(value string, rules Rules) bool {
	wanted := hints.Parse([]string{value})
	return len(wanted) == 1 && slices.ContainsFunc(resolved(a.links, rules), func(l hints.Link) bool { return l.Request() == wanted[0].Request() })
}

// sizeOfSites is what the sites take, in bytes.
func (h *Host) sizeOfSites() int {
	_, n := h.siteLinks()
	for _, s := range h.sites {
		n += siteSize + len(s.way)
		for i, v := range s.votes {
			n += siteVoteSize + 8*len(v.links)
			if i == 0 || s.votes[i-1].headers.policies != v.headers.policies {
				n += len(v.headers.policies)
			}
		}
		for _, shared := range s.shared {
			n += hintSize + len(shared.soon)
		}
	}
	return n
}

const (
	siteSize     = int(unsafe.Sizeof(siteOpening{}))
	siteVoteSize = int(unsafe.Sizeof(siteVote{}))
)
