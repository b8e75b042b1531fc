package opening

import "time"

// tag is a part of the hash of a network, enough to tell a few apart.
type tag uint16

// tagOf returns the tag of a network, never 0.
func tagOf(network uint64) tag { return tag(network) | 1 } //nolint:gosec // a part of it

// pending is a change that one network alone has shown. In scope public it takes a
// second one. The zero value is none.
type pending struct{ network tag }

// confirm notes that a network shows a change, and reports whether to believe it.
func (p *pending) confirm(network uint64, rules Rules) bool {
	before, who := p.network, tagOf(network)
	if !rules.Public || before != 0 && before != who {
		p.network = 0
		return true
	}
	p.network = who
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

// doubt is what one network alone shows against an opening. In scope public that
// changes nothing for others, or anybody could switch the gain off for all: it
// takes a second network, with nothing but agreement between the two. The
// network itself is not committed to what it showed to be wrong, so that none of
// its visitors can loop.
//
// In scope local there is no doubt: what one visitor shows is believed.
type doubt struct {
	network uint64
	since   instant
	until   instant // until when the network is kept from commits
	depth   uint16  // beyond so many items
	reason  Reason  // why, if depth is 0
	strikes uint8   // how often in a row
	against uint8   // good responses to others since
}

const (
	minDoubt   = time.Minute // how long a network is kept from commits at first
	maxStrikes = 7           // it is doubled each time, up to two hours
)

// doubts notes that a response to a network bore out only depth items, and reports
// whether that counts for all.
func (r *record) doubts(network uint64, depth int, reason Reason, rules Rules, now instant) bool {
	if !rules.Public {
		return true
	}
	d := r.doubt
	switch {
	case d == nil:
		d = &doubt{network: network}
		r.doubt = d
	case d.network == network:
		if now >= d.until {
			d.strikes = min(d.strikes+1, maxStrikes)
		}
	case int(d.against) < rules.LearnAfter && now.since(d.since) < maxDoubt:
		r.doubt = nil
		return true
	default:
		*d = doubt{network: network}
	}
	d.since, d.until = now, now.add(minDoubt<<d.strikes)
	d.depth, d.reason, d.against = uint16(min(depth, 1<<16-1)), reason, 0 //nolint:gosec // bounded by min
	return false
}

// refutes notes a good response to a network.
func (r *record) refutes(network uint64) {
	if d := r.doubt; d != nil && d.network != network && d.against < maxProofs {
		d.against++
	}
}

// limits returns to how many items the visitors of a network may be committed,
// and why to none.
func (r *record) limits(network uint64, depth int, now instant) (int, Reason) {
	d := r.doubt
	if d == nil || d.network != network || now >= d.until || int(d.depth) >= depth {
		return depth, ""
	}
	return int(d.depth), d.reason
}
