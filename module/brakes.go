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
	commits  ballots
	released time.Time // when commits may go on
	answers  ballots   // not older than maxAge

	down   bool    // the backend could not be reached, and has not answered since
	voices ballots // who said so lately
}

// ballots are the last ones, the oldest first. They are counted as they come and go, for
// each request asks.
type ballots struct {
	all  []ballot
	gone int // so many of all were dropped; the rest moves now and then, not each time
	bad  int // how many of the rest are
}

func (b *ballots) list() []ballot { return b.all[b.gone:] }

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
	if answers := b.answers.list(); len(answers) < answersJudged || now.Sub(answers[0].at) >= maxAge {
		return false // too few, or too old
	}
	return b.answers.bad > maxFailed
}

// committed takes in how a commit went. In scope public a network has one vote a
// minute.
func (b *brakes) committed(v voter, reloaded bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.public {
		commits := b.commits.list()
		for i := range slices.Backward(commits) {
			if c := &commits[i]; now.Sub(c.at) >= votePause {
				break
			} else if c.network == v.network {
				if reloaded && !c.bad {
					c.bad = true
					b.commits.bad++
				}
				return
			}
		}
	}
	b.commits.add(ballot{v.network, now, reloaded}, commitsJudged)
	if len(b.commits.list()) == commitsJudged && b.commits.bad > maxReloaded {
		b.released = now.Add(reloadPause)
		b.commits = ballots{}
	}
}

// answered takes in whether an answer on a page that is learned was an error. In
// scope public a network has one vote.
func (b *brakes) answered(v voter, failed bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers.expire(now, maxAge)
	if v.public {
		b.answers.remove(v.network)
	}
	b.answers.add(ballot{v.network, now, failed}, answersJudged)
}

// lost takes in that the backend could not be reached, or broke off. In scope public
// a network is heard once a minute.
func (b *brakes) lost(v voter, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.public {
		b.voices.expire(now, votePause)
		if b.voices.find(v.network) >= 0 {
			return
		}
		b.voices.add(ballot{v.network, now, true}, maxVoices)
	}
	b.down = true
}

// up takes in that the backend answers.
func (b *brakes) up() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = false
}

// add puts in a ballot, and drops the oldest if there are too many.
func (b *ballots) add(one ballot, most int) {
	if b.gone >= most {
		b.all = slices.Delete(b.all, 0, b.gone)
		b.gone = 0
	}
	b.all = append(b.all, one)
	if one.bad {
		b.bad++
	}
	if len(b.list()) > most {
		b.drop(0)
	}
}

// expire drops those of some age.
func (b *ballots) expire(now time.Time, age time.Duration) {
	for len(b.list()) > 0 && now.Sub(b.list()[0].at) >= age {
		b.drop(0)
	}
}

// remove drops the ballot of a network.
func (b *ballots) remove(network netip.Prefix) {
	if i := b.find(network); i >= 0 {
		b.drop(i)
	}
}

// find returns where the ballot of a network is, -1 if there is none.
func (b *ballots) find(network netip.Prefix) int {
	return slices.IndexFunc(b.list(), func(one ballot) bool { return one.network == network })
}

func (b *ballots) drop(i int) {
	if b.list()[i].bad {
		b.bad--
	}
	if i == 0 {
		b.gone++
		return
	}
	b.all = slices.Delete(b.all, b.gone+i, b.gone+i+1)
}
