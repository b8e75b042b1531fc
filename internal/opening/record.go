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
)

// record is what one audience has proved of one opening.
type record struct {
	// depths are how many items the last good responses matched, at most
	// learn_after of them, the newest last.
	depths []int
	// good counts the good responses since the last bad one; need is how many it
	// takes for a commit, more after each surprise.
	good, need int
	surprises  int
	demoted    time.Time // until when nothing is committed
	held       int       // no more items than these are committed …
	heldUntil  time.Time // … until then
	strictness Strictness
	reason     Reason // why the last response was no good

	waits  [keptWaits]time.Duration // the last header times, a ring
	waited int                      // how many have been written
}

// match notes a good response that repeated depth items.
func (r *record) match(depth int, rules Rules) {
	r.depths = append(r.depths, depth)
	if extra := len(r.depths) - rules.LearnAfter; extra > 0 {
		r.depths = slices.Delete(r.depths, 0, extra)
	}
	r.count()
}

// count notes a good response whose depth is known already.
func (r *record) count() {
	r.reason = ""
	r.good++
	if r.good >= r.need+maxNeed { // nothing is for ever
		r.need, r.surprises = 0, 0
	}
}

// miss notes a response that could not have been committed.
func (r *record) miss(reason Reason) {
	r.depths = r.depths[:0]
	r.good = 0
	r.reason = reason
}

// surprise notes a commit that went wrong.
func (r *record) surprise(rules Rules, now time.Time) {
	r.miss(Surprised)
	r.demoted = now.Add(minDemotion)
	r.surprises++
	r.need = min(max(r.need, rules.LearnAfter)*2, maxNeed)
}

// proved returns how many items this audience may be committed to, 0 if it has
// not proved itself.
func (r *record) proved(rules Rules, now time.Time) int {
	if len(r.depths) < rules.LearnAfter || r.good < r.need || now.Before(r.demoted) {
		return 0
	}
	depth := slices.Min(r.depths)
	if now.Before(r.heldUntil) {
		depth = min(depth, r.held)
	}
	return depth
}

// repaired notes that a page had to correct itself behind so many items. They are
// no more for a while, as after a surprise: a page that fails to loads itself again.
func (r *record) repaired(items int, now time.Time) {
	r.limit(items)
	r.held, r.heldUntil = items, now.Add(minDemotion)
}

// limit lowers the depths to the number of items that are left.
func (r *record) limit(items int) {
	for i := range r.depths {
		r.depths[i] = min(r.depths[i], items)
	}
}

// wait notes the time from the request to the backend's header.
func (r *record) wait(d time.Duration) {
	r.waits[r.waited%keptWaits] = d
	r.waited++
}

// median returns the median header time, or ok false if there is none.
func (r *record) median() (d time.Duration, ok bool) {
	n := min(r.waited, keptWaits)
	if n == 0 {
		return 0, false
	}
	sorted := r.waits
	slices.Sort(sorted[:n])
	return sorted[(n-1)/2], true
}
