package opening

import (
	"slices"
	"time"
)

// tag is a part of the hash of a network, enough to tell a few apart.
type tag uint16

// tagOf returns the tag of a network, never 0.
func tagOf(network uint64) tag { return tag(network) | 1 } //nolint:gosec // a part of it

// pending is a change that one network alone has shown. In scope public it takes a
// second one, within a day. The zero value is none.
type pending struct {
	network tag
	at      instant
}

// confirm notes that a network shows a change, and reports whether to believe it.
func (p *pending) confirm(network uint64, rules Rules, now instant) bool {
	who := tagOf(network)
	if !rules.Public || p.network != 0 && p.network != who && now.since(p.at) < maxDoubt {
		*p = pending{}
		return true
	}
	*p = pending{who, now}
	return false
}

// majority is a small number on which two of the last three networks agree, in
// scope public; in scope local it is what the last response showed.
type majority struct {
	who   [3]tag
	value [3]uint8
	n     uint8 // how many there are
}

// vote takes in what a network shows.
func (m *majority) vote(network uint64, value uint8, rules Rules) {
	who := tagOf(network)
	if !rules.Public {
		*m = majority{who: [3]tag{who}, value: [3]uint8{value}, n: 1}
		return
	}
	n := 0
	for i := range int(m.n) {
		if m.who[i] != who {
			m.who[n], m.value[n] = m.who[i], m.value[i]
			n++
		}
	}
	if n == len(m.who) {
		copy(m.who[:], m.who[1:])
		copy(m.value[:], m.value[1:])
		n--
	}
	m.who[n], m.value[n] = who, value
	m.n = uint8(n + 1)
}

// is returns the value, 0 if there is none.
func (m *majority) is(rules Rules) uint8 {
	if !rules.Public {
		return m.value[0]
	}
	for i := range int(m.n) {
		for j := range i {
			if m.value[i] == m.value[j] {
				return m.value[i]
			}
		}
	}
	return 0
}

// strictest returns the value that a majority has, or the highest while there is
// none.
func (m *majority) strictest(rules Rules) uint8 {
	if m.n < 3 && rules.Public {
		return slices.Max(m.value[:])
	}
	return m.is(rules)
}

// doubts are what single networks show against an opening. In scope public that
// changes nothing for others, or anybody could switch the gain off for all: it
// takes a second network, with less agreement in between than it takes to learn. A
// network itself is held: it is not committed to what it showed to be wrong, so
// that none of its visitors can loop.
//
// In scope local there are none: what one visitor shows is believed.
type doubts struct {
	held []hold // the last of them at the end

	by     uint64  // the network whose doubt waits for another's
	since  instant // 0 if there is none
	agreed [maxProofs]tag
	others int // how many other networks have agreed since
}

// hold is a network that is kept from commits.
type hold struct {
	network uint64
	until   instant
	depth   uint16 // beyond so many steps
	reason  Reason // why, if depth is 0
	strikes uint8  // how often in a row
}

const (
	minDoubt   = time.Minute // how long a network is kept from commits at first
	maxStrikes = 7           // it is doubled each time, up to two hours
	maxHeld    = 16          // networks of one audience of one opening
)

// doubts notes that a response to a network bore out only depth steps, and reports
// whether that counts for all.
func (r *record) doubts(network uint64, depth int, reason Reason, rules Rules, now instant) bool {
	if !rules.Public {
		return true
	}
	if r.doubt == nil {
		r.doubt = new(doubts)
	}
	d := r.doubt
	d.hold(network, depth, reason, now)
	confirmed := d.since != 0 && d.by != network && d.others < rules.LearnAfter && now.since(d.since) < maxDoubt
	d.by, d.since, d.others = network, now, 0
	if confirmed {
		d.since = 0
	}
	return confirmed
}

// hold keeps a network from commits for a while: the longer the sooner it comes
// again.
func (d *doubts) hold(network uint64, depth int, reason Reason, now instant) {
	h := hold{network: network, depth: uint16(min(depth, 1<<16-1)), reason: reason} //nolint:gosec // bounded by min
	if i := slices.IndexFunc(d.held, func(h hold) bool { return h.network == network }); i >= 0 {
		switch before := d.held[i]; {
		case now < before.until:
			h.strikes = before.strikes
			if before.depth <= h.depth { // it stays with the worse
				h.depth, h.reason = before.depth, before.reason
			}
		case now.since(before.until) < minDoubt<<(before.strikes+3):
			h.strikes = min(before.strikes+1, maxStrikes)
		}
		d.held = slices.Delete(d.held, i, i+1)
	}
	if len(d.held) == maxHeld {
		d.held = slices.Delete(d.held, 0, 1)
	}
	h.until = now.add(minDoubt << h.strikes)
	d.held = append(d.held, h)
}

// refutes notes a good response to a network.
func (r *record) refutes(network uint64) {
	d := r.doubt
	if d == nil || d.by == network || d.others == len(d.agreed) {
		return
	}
	if who := tagOf(network); !slices.Contains(d.agreed[:d.others], who) {
		d.agreed[d.others] = who
		d.others++
	}
}

// limits returns to how many steps the visitors of a network may be committed,
// and why to none.
func (r *record) limits(network uint64, depth int, now instant) (int, Reason) {
	if r.doubt == nil {
		return depth, ""
	}
	for _, h := range r.doubt.held {
		if h.network == network && now < h.until && int(h.depth) < depth {
			return int(h.depth), h.reason
		}
	}
	return depth, ""
}
