package opening

import (
	"slices"

	"github.com/headstart-proxy/headstart/internal/request"
)

// vote is one observation, as the window keeps it.
type vote struct {
	head     *head
	nonceSum uint32 // of the true nonces; a part of the hash, like the others
	network  uint32
	url      uint32
	agent    uint32
	audience request.Audience
	browser  bool
	good     bool // the response could have been committed; it set no cookie
}

// capacity is how many votes a window holds. In scope public it is one more than
// have to agree.
func capacity(rules Rules) int {
	if rules.Public {
		return rules.LearnAfter + 1
	}
	return rules.LearnAfter
}

// cast puts a vote into the window. In scope public a network has one vote. Under a
// shared key a URL has one; in scope public it has two, so that nobody can take
// another's away.
func (o *Opening) cast(v vote, rules Rules) {
	if o.window == nil {
		o.window = make([]vote, 0, capacity(rules))
	}
	if rules.Public {
		o.drop(func(w vote) bool {
			if w.network != v.network {
				return false
			}
			if w.browser && !v.browser && w.head == v.head { // a browser got the same from there
				v.agent, v.browser = w.agent, true
			}
			return true
		})
	}
	if rules.SharedKey {
		allowed := 1
		if rules.Public {
			allowed = 2
		}
		sameURL := 0
		for _, w := range o.window {
			if w.url == v.url {
				sameURL++
			}
		}
		o.drop(func(w vote) bool {
			if w.url != v.url || sameURL < allowed {
				return false
			}
			sameURL--
			return true
		})
	}
	if len(o.window) == capacity(rules) {
		out := o.dispensable(v, rules)
		i := -1
		o.drop(func(vote) bool { i++; return i == out })
	}
	o.window = append(o.window, v)
}

// dispensable returns which vote gives way to another one: the oldest, or the
// oldest that diversity can do without.
func (o *Opening) dispensable(v vote, rules Rules) int {
	for i := range o.window {
		rest := slices.Concat(o.window[:i], o.window[i+1:], []vote{v})
		if diverse(rest, rules) {
			return i
		}
	}
	return 0
}

// drop takes votes out of the window.
func (o *Opening) drop(which func(vote) bool) {
	o.window = slices.DeleteFunc(o.window, func(w vote) bool {
		if !which(w) {
			return false
		}
		if w.head.votes--; w.head.votes == 0 {
			w.head.close()
		}
		return true
	})
}

// wants reports whether the window has room for the vote of a visitor.
func (o *Opening) wants(v Visit, rules Rules) bool {
	network := uint32(v.Voter.network()) //nolint:gosec // a part of it
	return rules.Public && len(o.window) < capacity(rules) &&
		!slices.ContainsFunc(o.window, func(w vote) bool { return w.network == network })
}

// diverse reports whether the senders of votes are diverse enough: by networks, of
// which each has one vote, and browsers in scope public; by URLs under a shared
// key.
func diverse(votes []vote, rules Rules) bool {
	if !rules.Public {
		return true
	}
	var agents, urls [maxProofs]uint32
	browser := false
	for i, v := range votes {
		agents[i], urls[i] = v.agent, v.url
		browser = browser || v.browser
	}
	return browser && distinct(agents[:len(votes)]) >= 2 &&
		(!rules.SharedKey || distinct(urls[:len(votes)]) >= rules.LearnAfter)
}

// distinct returns how many different numbers there are. It sorts them.
func distinct(numbers []uint32) int {
	slices.Sort(numbers)
	return len(slices.Compact(numbers))
}
