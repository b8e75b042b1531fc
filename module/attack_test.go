package module_test

import (
	"cmp"
	"net/http"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// An attack is one way to try to change what others get early, or to keep it
// from them. The pages of an attack are those of a site of its own.
type attack struct {
	name string

	// What the attacker sends: a browser's navigation in one of these dresses
	// after the other, or text as it goes over the wire, with HOST for the host,
	// lines separated by " | ".
	send     []lessonDress
	raw      string
	protocol string // of the attacker; that of the site's visitors if empty
	path     string // that the attacker asks for; the visitors' if empty
	badge    bool   // the attacker shows a client certificate
	flood    int    // how many requests are sent at a learned page, attackFlood if 0
	// crowd says that this is no matter of trust, for it has an opening of its own: it
	// comes from three networks and two browsers. never says that it is never answered
	// early. shut is both, for what may not even count.
	crowd, never, shut bool

	// The site: its directives, in which APP stands for Headstart and the backend,
	// HEADSTART and BACKEND for these alone, and options of Headstart.
	site, options string
	secure        bool          // visitors come by https and HTTP/2, else by http
	proxied       bool          // they come through a trusted proxy
	paths         []string      // that the visitors ask for in turn; /page if empty
	others        []lessonDress // visitors of another audience, who are to get the page early, too

	// The backend. It writes into its answer, in the way of answer, whatever of a
	// request holds the marker, or what reads finds there. Without an answer both
	// inDocument and inHeaders are tried.
	reads  func(*http.Request) string
	answer answer
	slow   bool // the backend is slow, but for the attacker

	fate    fate
	forgive int  // honest visits after the attack that may be late: a pause ends with the next good answer
	stored  bool // the marker is part of the page for everybody; it must not get into headers
}

// A fate is how far an attack gets. Each has to get so far, or it shows nothing.
type fate uint8

const (
	reflected fate = iota // the backend writes what the attacker wants
	dropped               // Caddy does not pass it on
	guarded               // Caddy answers by itself
	refused               // net/http refuses the request
	atTimes               // Headstart does not pass it on when it answers early
)

// refusals are the statuses by which net/http refuses a request.
var refusals = []int{http.StatusBadRequest, http.StatusExpectationFailed, http.StatusNotImplemented}

// How many requests an attacker sends.
const (
	attackBetween = 3  // before, between and after the visits that teach
	attackFlood   = 20 // when the page is learned, or alone
)

// attacks is the table. Its rows are in groups, one file each.
var attacks = [][]attack{attacksByHeader, attacksByAllowedHeader, attacksByTarget, attacksByIdentity, attacksByFraming, attacksByKey, attacksByAnswer, attacksByPage}

// TestAttacks lets an attacker try everything to change a byte of what others get
// early, or to keep them from getting it early. Honest visitors of three networks
// teach a page, and one of them must then get it early: the same bytes and headers
// as at a site that nobody attacks, and in the end the backend's own page. What
// the attacker teaches alone is for nobody else.
func TestAttacks(t *testing.T) {
	names := make(map[string]bool)
	for _, group := range attacks {
		for _, a := range group {
			if names[a.name] {
				t.Errorf("there are two attacks %q", a.name)
			}
			names[a.name] = true
			if a.answer != nil {
				t.Run(a.name, func(t *testing.T) { a.run(t) })
				continue
			}
			for place, answer := range a.places() {
				t.Run(a.name+", in "+place, func(t *testing.T) {
					a := a
					a.answer = answer
					a.run(t)
				})
			}
		}
	}
	if len(names) < 60 {
		t.Errorf("only %d attacks", len(names))
	}
}

// places are the ways in which the backend repeats what an attack says.
func (a attack) places() map[string]answer {
	if a.fate == refused || a.fate == guarded {
		return map[string]answer{"nothing": inDocument}
	}
	return map[string]answer{"document": inDocument, "headers": inHeaders}
}

func (a attack) run(t *testing.T) {
	f := startAttack(t, a)
	f.teach(t, "control", nil)
	want := f.views(t, "control")

	t.Run("while learning", func(t *testing.T) {
		f.teach(t, "learning", func() { f.attack(t, "learning", attackBetween) })
		f.compare(t, "learning", want)
	})
	t.Run("when learned", func(t *testing.T) {
		f.teach(t, "learned", nil)
		f.attack(t, "learned", cmp.Or(a.flood, attackFlood))
		f.compare(t, "learned", want)
	})
	t.Run("alone", func(t *testing.T) {
		f.attack(t, "alone", cmp.Or(a.flood, attackFlood))
		f.load(t, "alone", f.honest()[0], f.paths[0])
		if level := f.lastLog.field("headstart", "level"); level != levelNone {
			t.Fatalf("what the attacker taught alone comes early for others: %v", f.lastLog["headstart"])
		}
	})
}

// levelNone is the level of a response that was not committed, in the log.
const levelNone = "none"

// teach lets the honest visitors load their page as often as it takes to learn
// it. Before, between and after that something else may happen.
func (f *attackField) teach(t *testing.T, site string, between func()) {
	t.Helper()
	if between == nil {
		between = func() {}
	}
	between()
	for i, who := range f.honest() {
		f.load(t, site, who, f.paths[i%len(f.paths)])
		between()
	}
}

// compare checks that honest visitors get what they would get without the attack.
func (f *attackField) compare(t *testing.T, site string, want []attackView) {
	t.Helper()
	for range f.a.forgive {
		f.load(t, site, f.honest()[0], f.paths[0])
	}
	for i, got := range f.views(t, site) {
		if diff := gocmp.Diff(want[i], got); diff != "" {
			t.Errorf("visitor %d gets something else than without the attack (-without +with):\n%s", i, diff)
		}
	}
}

// views lets a visitor of each audience load the page, which must come early.
func (f *attackField) views(t *testing.T, site string) []attackView {
	t.Helper()
	views := []attackView{f.view(t, site, f.honest()[0])}
	if len(f.a.others) > 0 {
		views = append(views, f.view(t, site, f.honest()[len(publicVisitors)]))
	}
	return views
}

// attack lets the attacker send some requests, and checks that they get as far as
// they should.
func (f *attackField) attack(t *testing.T, site string, times int) {
	t.Helper()
	asked, said := f.backend.asked.Load(), f.backend.said.Load()
	for i := range times {
		who := attackers[0]
		if f.a.shut || f.a.crowd {
			who = attackers[i%len(attackers)]
		}
		status := f.assail(t, site, who, i)
		if f.a.fate == refused && !slices.Contains(refusals, status) {
			t.Fatalf("the attacker gets status %d, want one of %v", status, refusals)
		}
		if level := f.lastLog.field("headstart", "level"); (f.a.shut || f.a.never) && level != nil && level != levelNone {
			t.Fatalf("the attacker is answered early: %v", f.lastLog["headstart"])
		}
	}
	asked, said = f.backend.asked.Load()-asked, f.backend.said.Load()-said
	arrived := asked >= int64(times) // a proxy tries again if a connection is lost
	switch f.a.fate {
	case refused, guarded:
		arrived = asked == 0
	case dropped:
		arrived = arrived && said == 0
	case atTimes:
		arrived = arrived && (said > 0 || site != "alone")
	case reflected:
		arrived = arrived && said == asked
	}
	if !arrived {
		t.Fatalf("of %d requests %d came to the backend, and it reflected %d, which is not the fate of this attack", times, asked, said)
	}
}

// protocolOf is the protocol by which honest visitors come.
func (a attack) protocolOf() string {
	if a.secure {
		return "h2"
	}
	return "h1"
}

// attackerProtocol is the protocol by which the attacker comes.
func (a attack) attackerProtocol() string { return cmp.Or(a.protocol, a.protocolOf()) }
