package opening

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/request"
)

// returning makes the trial's visitors those who have cookies.
func (w *world) returning() {
	w.visit.Audience, w.visit.Learn = request.Returning, false
}

// surprise lets a visitor of a network have a surprise.
func (w *world) surprise(network int) {
	before := w.visit
	w.as(network)
	w.Surprised(w.visit, w.rules, w.now)
	w.visit.Voter = before.Voter
}

// What proves a depth comes from different networks, too.
func TestOneNetworkProvesNothing(t *testing.T) {
	w := newWorld()
	w.visits(4, page)
	w.returning()
	junk := func() {
		w.attack(func() {
			for range 5 {
				w.match(len(page))
			}
		})
	}
	junk()
	w.want(t, "[not_learned]")
	for network := range 4 { // they bear out the stylesheet, and no more
		w.as(network + 1)
		w.match(len(top + css))
	}
	w.as(20_000)
	w.want(t, top+css)
	junk()
	w.want(t, top+css)
}

// Whoever had a surprise is held, whatever others show meanwhile.
func TestHoldsAreSeparate(t *testing.T) {
	w := newWorld()
	w.visits(4, page)
	w.surprise(9_001)
	w.attack(func() { w.teach(3, page) })
	w.surprise(attacker)
	w.now = w.now.Add(time.Second)
	w.as(9_001)
	w.want(t, "[surprised]")
	w.teach(1, page, "X-Frame-Options", "DENY") // it differs in a header only
	w.want(t, "[surprised]")
}

// Good answers to one network do not make the surprises of others harmless.
func TestOneNetworkCannotVouch(t *testing.T) {
	w := newWorld()
	w.visits(4, page)
	surprised := 0
	for i := range 20 {
		w.as(9_000 + i)
		if w.plan().Early != nil {
			surprised++
			w.surprise(9_000 + i)
		}
		w.attack(func() { w.teach(3, page) })
		w.now = w.now.Add(time.Second)
	}
	if surprised > 2 {
		t.Errorf("%d of 20 networks are surprised", surprised)
	}
}

// A large network is not shut out for what happens there once a week.
func TestStrikesEnd(t *testing.T) {
	w := newWorld()
	w.visits(4, page)
	for range 8 {
		w.surprise(attacker)
		w.now = w.now.Add(2 * minDoubt)
		w.agree()
		w.as(attacker)
		w.want(t, page)
		w.now = w.now.Add(7 * 24 * time.Hour)
		w.agree()
	}
}

// Those who get no-store are sent it early, if nobody says otherwise.
func TestStrictnessOfFew(t *testing.T) {
	w := newWorld()
	w.visits(4, page)
	w.returning()
	sequence := w.opening(variantKey{}).learned(w.rules).sequence
	for network := range 4 {
		w.as(network + 1)
		w.answer(Answer{Depth: len(sequence.Items), Expected: sequence, Strictness: Storing})
		if got := w.plan().Strictness; got != Storing {
			t.Errorf("after %d networks: strictness %d", network+1, got)
		}
	}
}

// speak lets the trial's visitor see a page in a language.
func (w *world) speak(language string) {
	w.visit.Header = http.Header{"Accept-Language": {language}}
	w.answer(Answer{Observation: observation(page), Vary: []string{"Accept-Language"}, Depth: -1})
}

// One network with many languages does not keep one from being learned.
func TestVariantFlood(t *testing.T) {
	w := newWorld()
	for network := range 8 {
		w.as(network + 1)
		w.speak("en")
		w.attack(func() {
			for i := range 2 * maxVariants {
				w.speak(fmt.Sprint("x", i))
			}
		})
		w.now = w.now.Add(time.Second)
	}
	w.as(20_000)
	w.want(t, page)
}

// Nor does it take one away that is in use.
func TestVariantsInUseStay(t *testing.T) {
	w := newWorld()
	for i := range maxVariants {
		for network := range 4 {
			w.as(network + 1)
			w.speak(fmt.Sprint("l", i))
		}
		w.now = w.now.Add(time.Second)
	}
	w.attack(func() { w.speak("x") })
	for i := range maxVariants {
		w.as(20_000)
		w.visit.Header = http.Header{"Accept-Language": {fmt.Sprint("l", i)}}
		w.want(t, page)
	}
	w.now = w.now.Add(w.rules.Expire)
	w.speak("x") // others are not in use any more
	if w.opening(w.variant(w.visit.Header)) == nil {
		t.Error("no variant can be learned any more")
	}
}

// A change that one network shows is forgotten when nobody confirms it.
func TestPendingEnds(t *testing.T) {
	w := newWorld()
	w.visits(4, page)
	vary := func(network int, name string) {
		w.as(network)
		w.answer(Answer{Observation: observation(page), Vary: []string{name}, Depth: -1})
	}
	vary(attacker, "X-A")
	w.visits(5, page)
	w.now = w.now.Add(2 * maxDoubt)
	w.agree()
	vary(9, "X-B")
	w.as(20_000)
	w.want(t, page)
}

// A network that has shown two browsers the same page counts for the one that makes
// the window diverse.
func TestDiversityStays(t *testing.T) {
	w := newWorld()
	vote := func(network int, agent uint64) {
		w.as(network)
		w.visit.Voter.Agent = agent
		w.teach(1, page)
		w.as(20_000)
	}
	for network, agent := range []uint64{'A', 'A', 'B', 'A'} {
		vote(network, agent)
	}
	w.want(t, page)
	vote(attacker, 'B')
	for network := range 5 {
		vote(100+network, 'A')
	}
	w.want(t, page)
	vote(attacker, 'A')
	w.want(t, page)
}

// A window is cut to what the rules want now.
func TestLearnAfterLowered(t *testing.T) {
	for _, public := range []bool{false, true} {
		w := newWorld()
		w.rules.Public = public
		w.rules.LearnAfter = 16
		w.visits(20, page)
		w.rules.LearnAfter = 3
		w.visits(300, page)
		if n := len(w.opening(variantKey{}).window); n != capacity(w.rules) {
			t.Errorf("public %v: %d votes", public, n)
		}
		w.want(t, page)
		w.Close()
	}
}

// A host that was closed before its pages leaves nothing behind.
func TestClosedHost(t *testing.T) {
	var ledger atomic.Int64
	for range 100 {
		host := NewHost(&ledger)
		p := newTrial()
		p.Settle(host)
		p.teach(1, page)
		host.Close()
		p.teach(1, page+"<script>x</script>")
		p.Close()
	}
	if n := ledger.Load(); n != 0 {
		t.Errorf("%d bytes are still counted", n)
	}
}
