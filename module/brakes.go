package module

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Limits of the brakes. They judge as soon as there were so many: before that each
// page has only its own record.
const (
	commitsJudged = 200 // the last commits, of which …
	reloadPause   = time.Minute

	answersJudged = 50               // the last answers on pages that are learned, of which …
	maxFailed     = 10               // … no more may be errors: 20 %
	maxAge        = 10 * time.Minute // older answers do not count

	votePause = time.Minute // how often one network has a vote
	maxVoices = 256
)

// … no more may be loaded again: 5 %.
var maxReloaded = 10 // tests that load pages again allow more

// brakes stop a handler from committing responses while things go wrong. In scope
// public a network has one vote, so that nobody can keep them applied alone.
type brakes struct {
	mu       sync.Mutex // protects all below
	commits  []ballot   // the last ones
	released time.Time  // when commits may go on
	answers  []ballot   // the last ones, not older than maxAge

	down   bool     // the backend could not be reached, and has not answered since
	voices []ballot // who said so lately
}

// ballot is how it went for a network.
type ballot struct {
	network netip.Prefix
	at      time.Time
	bad     bool // the page was loaded again; the answer was an error
}

// voter is whose request it was.
type voter struct {
	network netip.Prefix
	public  bool // else each request has a vote
}

// applied reports whether nothing may be committed at a time.
func (b *brakes) applied(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down || now.Before(b.released) {
		return true
	}
	if len(b.answers) < answersJudged || now.Sub(b.answers[0].at) >= maxAge {
		return false // too few, or too old
	}
	return count(b.answers) > maxFailed
}

// committed takes in how a commit went. In scope public a network has one vote a
// minute.
func (b *brakes) committed(v voter, reloaded bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.public {
		for i := range slices.Backward(b.commits) {
			if c := &b.commits[i]; now.Sub(c.at) >= votePause {
				break
			} else if c.network == v.network {
				c.bad = c.bad || reloaded
				return
			}
		}
	}
	b.commits = last(append(b.commits, ballot{v.network, now, reloaded}), commitsJudged)
	if len(b.commits) == commitsJudged && count(b.commits) > maxReloaded {
		b.released = now.Add(reloadPause)
		b.commits = nil
	}
}

// answered takes in whether an answer on a page that is learned was an error. In
// scope public a network has one vote.
func (b *brakes) answered(v voter, failed bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers = slices.DeleteFunc(b.answers, func(a ballot) bool {
		return v.public && a.network == v.network || now.Sub(a.at) >= maxAge
	})
	b.answers = last(append(b.answers, ballot{v.network, now, failed}), answersJudged)
}

// lost takes in that the backend could not be reached, or broke off. In scope public
// a network is heard once a minute.
func (b *brakes) lost(v voter, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.public {
		b.voices = slices.DeleteFunc(b.voices, func(h ballot) bool { return now.Sub(h.at) >= votePause })
		if slices.ContainsFunc(b.voices, func(h ballot) bool { return h.network == v.network }) {
			return
		}
		b.voices = last(append(b.voices, ballot{v.network, now, true}), maxVoices)
	}
	b.down = true
}

// up takes in that the backend answers.
func (b *brakes) up() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = false
}

// last returns the last n ballots.
func last(ballots []ballot, n int) []ballot {
	if extra := len(ballots) - n; extra > 0 {
		return slices.Delete(ballots, 0, extra)
	}
	return ballots
}

// count returns how many ballots are bad.
func count(ballots []ballot) (n int) {
	for _, b := range ballots {
		if b.bad {
			n++
		}
	}
	return n
}
