package opening

import (
	"slices"
	"time"
)

// An observation costs as much as ten plain requests or more, so what taught nothing new
// is looked at again ever later. Between two observations responses are compared with
// what is known, and looked at for what was hinted, which costs next to nothing: what is
// wrong is found at once, what is new within a quarter of Rules.Expire.
const (
	// minPause is the first pause after learn_after observations that taught nothing new;
	// each further one is twice as long.
	minPause = time.Second
	// maxPause is the longest while a page cannot be committed for what it is: the operator
	// who changes that waits for it to be seen. The longest of other pages is a quarter of
	// Rules.Expire.
	maxPause = 10 * time.Second
	// maxIdle is how many such observations are counted.
	maxIdle = 32
	// maxSkips is how many clean requests in a row may go unobserved on a page that taught
	// nothing so far.
	maxSkips = 48
)

// wanted reports whether the response to a clean request should be observed in full.
// settled says that the page is committed, or need not be.
func (p *Page) wanted(o *Opening, v Visit, reason Reason, settled bool, rules Rules, now instant) bool {
	switch {
	case o.eager > 0, reason == Stale, o.wants(v, rules):
		return true
	case !o.rested(v, rules, now):
		return false
	}
	return o.stale(rules, now) || !settled && p.sample()
}

// sample reports whether a clean request of a page that is not settled should be
// observed: always at first, ever more rarely while responses teach nothing.
func (p *Page) sample() bool {
	if p.refused < 3 {
		return true
	}
	p.skips++
	if p.skips < min(1<<min(p.refused-2, 6), uint16(maxSkips)) {
		return false
	}
	p.skips = 0
	return true
}

// stale reports whether the last observation that counts is too long ago.
func (o *Opening) stale(rules Rules, now instant) bool {
	return now.since(o.observed) > rules.Expire/4
}

// rested reports whether the pause after the last observation is over. One that did not
// count holds its own network only, or one visitor could keep others from being seen.
func (o *Opening) rested(v Visit, rules Rules, now instant) bool {
	if o.lookedFor != 0 && o.lookedFor != tagOf(v.Voter.network()) || int(o.idle) < rules.LearnAfter {
		return true
	}
	longest := rules.Expire / 4
	if o.learned(rules).worth() <= 0 {
		longest = min(longest, maxPause)
	}
	return now.since(o.looked) >= min(minPause<<(int(o.idle)-rules.LearnAfter), longest)
}

// lookedAt notes an observation by a network, and whether it taught something new.
func (o *Opening) lookedAt(network uint64, taught, counts bool, rules Rules, now instant) {
	o.idle = min(o.idle+1, maxIdle)
	if taught {
		o.idle = 0
	}
	o.looked, o.lookedFor = max(o.looked, now), 0
	who := tagOf(network)
	if !counts || rules.Public && who == o.lookedBy {
		o.lookedFor = who
	}
	o.lookedBy = who
}

// stir notes that a clean response was not as expected: the next one is observed, but
// for one pause of the shortest.
func (o *Opening) stir(rules Rules) {
	o.observed = 0
	o.idle = min(o.idle, uint8(rules.LearnAfter)) //nolint:gosec // below maxProofs
}

// wants reports whether the vote of a visitor is one that the window waits for.
func (o *Opening) wants(v Visit, rules Rules) bool {
	full := len(o.window) == capacity(rules)
	if !rules.Public && !rules.SharedKey || full && (!rules.Public || o.learned(rules).diverse) {
		return false
	}
	mine := voteOf(v)
	lacks := func(like func(w vote) bool) bool { return !slices.ContainsFunc(o.window, like) }
	network := rules.Public && lacks(func(w vote) bool { return w.network == mine.network })
	url := rules.SharedKey && lacks(func(w vote) bool { return w.url == mine.url })
	if !full {
		return network || url
	}
	return url || network && lacks(func(w vote) bool { return w.agent == mine.agent })
}

// teaches reports whether an observation made something else of the window.
func (f *form) teaches(before *form) bool {
	return f.full != before.full || f.diverse != before.diverse || f.sequence != before.sequence || f.late != before.late ||
		f.bars != before.bars || f.differs != before.differs || f.charset != before.charset || !f.headers.equal(before.headers) ||
		f.importMap != before.importMap || !slices.EqualFunc(f.hints, before.hints, func(a, b hint) bool { return a.link == b.link })
}
