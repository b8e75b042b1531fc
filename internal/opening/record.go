package opening

import (
	"slices"
	"time"
)

const (
	// keptWaits is how many header times are kept; their median is what counts,
	// so that one slow or fast answer changes nothing.
	keptWaits = 9
	// maxNeed is the most good responses in a row that win back a commit.
	maxNeed = 48
	// minDemotion is how long a surprise takes the commit away at least: as long as
	// a marker cookie lives, so that a browser without cookies cannot loop however
	// many good responses others get meanwhile.
	minDemotion = 10 * time.Second
	// maxProofs is how many depths are kept, at most: one more than the largest
	// learn_after.
	maxProofs = 17
)

// record is what one audience has proved of one opening.
type record struct {
	// depths are how many steps the last good responses matched, the newest last;
	// by whom says depthsOf. There are so many as a window has votes at most.
	depths   [maxProofs]uint16
	depthsOf [maxProofs]tag
	proofs   uint8 // how many there are
	// good counts the good responses since the last bad one; need is how many it
	// takes for a commit, more after each surprise.
	good, need uint16
	surprises  uint16
	counted    tag      // the network of the last good response
	held       uint16   // no more steps than these are committed …
	heldUntil  instant  // … until then
	strikes    uint8    // how often that was doubled
	demoted    instant  // until when nothing is committed
	strictness majority // a Strictness
	reason     Reason   // why the last response was no good
	away       bool     // the last answer of all was no page, whoever got it
	doubt      *doubts  // nil if there are none
	unasked    unasked  // what was hinted to it for nothing

	waits   [keptWaits]uint32 // the last header times in µs, a ring
	waitsOf [keptWaits]tag
	waited  uint8 // how many have been written, twice the ring at most
}

// extent is what the record takes in memory, in bytes.
func (r *record) extent() int {
	switch {
	case r == nil:
		return 0
	case r.doubt == nil:
		return recordSize + 4*cap(r.unasked)
	}
	return recordSize + 4*cap(r.unasked) + doubtSize + holdSize*cap(r.doubt.held)
}

// match notes a good response that repeated depth steps.
func (r *record) match(depth int, network uint64, rules Rules) {
	r.prove(depth, tagOf(network), rules)
	r.count(network, rules)
}

// prove notes how many steps one of a network was sent. In scope public each network
// has one depth among those that count.
func (r *record) prove(depth int, who tag, rules Rules) {
	if rules.Public {
		r.dropProofs(func(i int) bool { return r.depthsOf[i] == who })
	}
	extra := int(r.proofs) + 1 - capacity(rules)
	r.dropProofs(func(i int) bool { return i < extra })
	if r.proofs < maxProofs {
		r.depths[r.proofs] = uint16(min(depth, 1<<16-1)) //nolint:gosec // bounded by min
		r.depthsOf[r.proofs] = who
		r.proofs++
	}
}

func (r *record) dropProofs(which func(i int) bool) {
	n := 0
	for i := range int(r.proofs) {
		if !which(i) {
			r.depths[n], r.depthsOf[n] = r.depths[i], r.depthsOf[i]
			n++
		}
	}
	r.proofs = uint8(n)
}

// count notes a good response whose depth is known already. In scope public several
// of one network in a row count once.
func (r *record) count(network uint64, rules Rules) {
	r.reason = ""
	who := tagOf(network)
	if rules.Public && r.good > 0 && r.counted == who {
		return
	}
	r.counted = who
	r.good = min(r.good+1, 1<<15)
	if r.good >= r.need+maxNeed { // nothing is for ever
		r.need, r.surprises = 0, 0
	}
}

// miss notes a response that could not have been committed.
func (r *record) miss(reason Reason) {
	r.proofs = 0
	r.good = 0
	r.reason = reason
}

// surprise notes a commit that went wrong.
func (r *record) surprise(rules Rules, now instant) {
	r.miss(Surprised)
	r.demoted = now.add(minDemotion)
	r.surprises++
	r.need = min(max(r.need, uint16(rules.LearnAfter))*2, maxNeed) //nolint:gosec // below maxProofs
}

// proved returns how many steps this audience may be committed to, 0 if it has
// not proved itself.
func (r *record) proved(rules Rules, now instant) int {
	if int(r.proofs) < rules.LearnAfter || r.good < r.need || now < r.demoted {
		return 0
	}
	depths := r.depths
	slices.Sort(depths[:r.proofs])
	depth := depths[int(r.proofs)-min(int(r.proofs), rules.LearnAfter)] // the outlier is left out
	if now < r.heldUntil {
		depth = min(depth, r.held)
	}
	return int(depth)
}

// repaired notes that a page had to correct itself behind so many steps. They are
// no more for a while, as after a surprise: a page that fails to loads itself again.
func (r *record) repaired(steps int, now instant) {
	r.limit(steps)
	r.held = uint16(min(steps, 1<<16-1)) //nolint:gosec // bounded by min
	r.heldUntil = max(r.heldUntil, now.add(minDemotion))
}

// differed notes that a page had to be loaded again behind so many steps.
func (r *record) differed(steps int, now instant) {
	if now.since(r.heldUntil) > maxDoubt {
		r.strikes = 0
	}
	r.repaired(steps, now)
	r.heldUntil = max(r.heldUntil, now.add(minDemotion<<r.strikes))
	r.strikes = min(r.strikes+1, maxDiffered)
}

// maxDiffered is how often the time for which a body is held back is doubled: to an
// hour and a half.
const maxDiffered = 9

// limit lowers the depths to the number of steps that are left.
func (r *record) limit(steps int) {
	for i := range r.depths[:r.proofs] {
		r.depths[i] = uint16(min(int(r.depths[i]), steps)) //nolint:gosec // bounded by min
	}
}

// wait notes the time from the request to the backend's header. In scope public
// each network has one time among those that count.
func (r *record) wait(d time.Duration, network uint64, rules Rules) {
	us := uint32(min(max(d, 0)/time.Microsecond, 1<<32-1))
	who := tagOf(network)
	if rules.Public {
		if i := slices.Index(r.waitsOf[:min(r.waited, keptWaits)], who); i >= 0 {
			r.waits[i] = us
			return
		}
	}
	r.waits[r.waited%keptWaits], r.waitsOf[r.waited%keptWaits] = us, who
	if r.waited++; r.waited == 2*keptWaits {
		r.waited = keptWaits
	}
}

// median returns the median header time, or ok false if there is none.
func (r *record) median() (d time.Duration, ok bool) {
	n := min(r.waited, keptWaits)
	if n == 0 {
		return 0, false
	}
	sorted := r.waits
	slices.Sort(sorted[:n])
	return time.Duration(sorted[(n-1)/2]) * time.Microsecond, true
}
