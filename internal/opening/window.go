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

// voteOf returns a vote of a visitor.
func voteOf(v Visit) vote {
	return vote{
		network:  uint32(v.Voter.network()), //nolint:gosec // parts of hashes are enough
		url:      uint32(v.Voter.URL),       //nolint:gosec // the same
		agent:    uint32(v.Voter.Agent),     //nolint:gosec // the same
		audience: v.Audience,
		browser:  v.Voter.Browser,
	}
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
		v = o.recast(v, rules)
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
	for len(o.window) >= capacity(rules) {
		out := o.dispensable(v, rules)
		i := -1
		o.drop(func(vote) bool { i++; return i == out })
	}
	o.window = append(o.window, v)
}

// recast takes a network's earlier vote out of the window, and returns the one that
// stands for both: if the response was the same, that of the browser which makes the
// window diverse.
func (o *Opening) recast(v vote, rules Rules) vote {
	i := slices.IndexFunc(o.window, func(w vote) bool { return w.network == v.network })
	if i < 0 {
		return v
	}
	before := o.window[i]
	o.drop(func(w vote) bool { return w.network == v.network })
	with := func(v vote) bool { return diverse(append(slices.Clone(o.window), v), rules) }
	if before.head == v.head && !with(v) && with(before) {
		v.agent, v.browser = before.agent, before.browser
	}
	return v
}

// dispensable returns which vote gives way to another one: the oldest, or the
// oldest that diversity can do without, if possible even without any other.
func (o *Opening) dispensable(v vote, rules Rules) int {
	if !rules.Public {
		return 0
	}
	enough := -1
	for i := range o.window {
		rest := slices.Concat(o.window[:i], o.window[i+1:], []vote{v})
		if !diverse(rest, rules) {
			continue
		}
		robust := true
		for j := range rest {
			robust = robust && diverse(slices.Concat(rest[:j], rest[j+1:]), rules)
		}
		if robust {
			return i
		}
		if enough < 0 {
			enough = i
		}
	}
	return max(enough, 0)
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

// diverse reports whether the senders of votes are diverse enough: by networks, of
// which each has one vote, and browsers in scope public; by URLs under a shared
// key.
func diverse(votes []vote, rules Rules) bool {
	if !rules.Public {
		return true
	}
	agents, urls := make([]uint32, 0, maxProofs), make([]uint32, 0, maxProofs)
	browser := false
	for _, v := range votes {
		agents, urls = append(agents, v.agent), append(urls, v.url)
		browser = browser || v.browser
	}
	return browser && distinct(agents) >= 2 && (!rules.SharedKey || distinct(urls) >= rules.LearnAfter)
}

// distinct returns how many different numbers there are. It sorts them.
func distinct(numbers []uint32) int {
	slices.Sort(numbers)
	return len(slices.Compact(numbers))
}
