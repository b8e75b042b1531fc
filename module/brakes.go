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

	answersJudged = 50 // the last answers on pages that are learned, of which …
	maxFailed     = 10 // … no more may be errors: 20 %

	voicePause = time.Minute // how often one network is heard
	maxVoices  = 256
)

// … no more may be loaded again: 5 %.
var maxReloaded = 10 // tests that load pages again allow more

// brakes stop a handler from committing responses while things go wrong. In scope
// public a network has one vote, so that nobody can pull them alone.
type brakes struct {
	mu       sync.Mutex // protects all below
	commits  []bool     // the last ones; true if the page was loaded again
	reloaded int        // how many were
	released time.Time  // when commits may go on

	answers []ballot // the last ones
	failed  int      // how many were errors

	down   bool // the backend could not be reached, and has not answered since
	voices []voice
}

// ballot is how the backend answered a network.
type ballot struct {
	network netip.Prefix
	failed  bool
}

// voice is when a network was last heard.
type voice struct {
	network netip.Prefix
	at      time.Time
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
	return b.down || now.Before(b.released) || len(b.answers) == answersJudged && b.failed > maxFailed
}

// committed takes in how a commit went.
func (b *brakes) committed(v voter, reloaded bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if reloaded && !b.hear(v, now) {
		return
	}
	b.commits = append(b.commits, reloaded)
	if reloaded {
		b.reloaded++
	}
	if len(b.commits) > commitsJudged {
		if b.commits[0] {
			b.reloaded--
		}
		b.commits = b.commits[1:]
	}
	if len(b.commits) == commitsJudged && b.reloaded > maxReloaded {
		b.released = now.Add(reloadPause)
		b.commits, b.reloaded = nil, 0
	}
}

// answered takes in whether an answer on a page that is learned was an error.
func (b *brakes) answered(v voter, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.public {
		b.answers = slices.DeleteFunc(b.answers, func(a ballot) bool { return a.network == v.network })
	}
	b.answers = append(b.answers, ballot{v.network, failed})
	if extra := len(b.answers) - answersJudged; extra > 0 {
		b.answers = slices.Delete(b.answers, 0, extra)
	}
	b.failed = 0
	for _, a := range b.answers {
		if a.failed {
			b.failed++
		}
	}
}

// lost takes in that the backend could not be reached, or broke off.
func (b *brakes) lost(v voter, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hear(v, now) {
		b.down = true
	}
}

// up takes in that the backend answers.
func (b *brakes) up() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = false
}

// hear reports whether a network is to be heard now.
func (b *brakes) hear(v voter, now time.Time) bool {
	if !v.public {
		return true
	}
	b.voices = slices.DeleteFunc(b.voices, func(h voice) bool { return now.Sub(h.at) >= voicePause })
	if slices.ContainsFunc(b.voices, func(h voice) bool { return h.network == v.network }) {
		return false
	}
	if len(b.voices) == maxVoices {
		b.voices = slices.Delete(b.voices, 0, 1)
	}
	b.voices = append(b.voices, voice{v.network, now})
	return true
}
