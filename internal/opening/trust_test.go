package opening

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/request"
)

// world is a page in scope public, known to many.
type world struct {
	*trial
	visitors int
}

func newWorld() *world {
	w := &world{trial: newTrial()}
	w.rules.Public = true
	return w
}

// as makes the trial's visitor one of a network.
func (w *world) as(network int) {
	w.visit.Voter = Voter{
		Network: request.Network(netip.AddrFrom4([4]byte{100, byte(network >> 8), byte(network), 1})),
		Agent:   uint64(network % 3),
		Browser: true,
	}
}

// visits lets visitors of as many networks, each another one, see a page.
func (w *world) visits(n int, head string, header ...string) {
	for range n {
		w.visitors++
		w.as(w.visitors)
		w.teach(1, head, header...)
	}
	w.as(20_000) // one who has not been here
}

const attacker = 10_000

// attack does something as a visitor of one network.
func (w *world) attack(do func()) {
	before := w.visit
	w.as(attacker)
	do()
	w.visit = before
}

var otherPage = top + "<link rel=stylesheet href=evil.css><script>evil()</script>"

// What one network shows, as often as it likes, keeps nobody else from the page,
// neither while it is learned nor after.
func TestOneNetworkAlone(t *testing.T) {
	attacks := map[string]func(*world){
		"another page":   func(w *world) { w.teach(1, otherPage) },
		"an empty page":  func(w *world) { w.teach(1, top+"<title>x</title>") },
		"another header": func(w *world) { w.teach(1, page, "X-Frame-Options", "DENY") },
		"another policy": func(w *world) { w.teach(1, page, "Content-Security-Policy", "script-src 'none'") },
		"another nonce":  func(w *world) { w.teach(1, top+css+"<script nonce=x></script>") },
		"a shorter page": func(w *world) { w.teach(1, top) },
		"a cookie":       func(w *world) { w.answer(Answer{Observation: observation(page), Reason: SetsCookie, Depth: -1}) },
		"not found":      func(w *world) { w.answer(Answer{Reason: Status, Depth: -1}) },
		"private":        func(w *world) { w.answer(Answer{Reason: Private, Depth: -1}) },
		"Vary":           func(w *world) { w.answer(Answer{Observation: observation(page), Vary: []string{"X"}, Depth: -1}) },
		"compression":    func(w *world) { w.answer(Answer{Depth: -1, Coding: Encoded, Reason: BackendEncodes}) },
		"stricter":       func(w *world) { w.answer(Answer{Depth: -1, Strictness: Storing}) },
		"a surprise":     func(w *world) { w.Surprised(w.visit, w.rules, w.now) },
		"a fast answer":  func(w *world) { w.wait = 0; w.teach(1, page); w.wait = time.Second },
		"a repair": func(w *world) {
			w.Repaired(w.visit, w.opening(variantKey{}).learned(w.rules).sequence, 1, w.rules, w.now)
		},
		"a difference":       func(w *world) { w.match(1) },
		"a missing asset":    func(w *world) { w.teach(1, top+"<title>Hi</title>") },
		"another encoding":   func(w *world) { w.teach(1, top+"<meta charset=latin1>"+css) },
		"another kind of it": func(w *world) { w.teach(1, strings.ReplaceAll(page, "a.css", "b.css")) },
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.visit.NeedsPlain = true
			w.coding.vote(1, uint8(Plain), w.rules)
			w.coding.vote(2<<1, uint8(Plain), w.rules)
			flood := func() {
				w.attack(func() {
					for range 20 {
						if o := w.opening(w.variant(w.visit.Header)); o != nil {
							attack(w)
						}
						w.now = w.now.Add(5 * time.Second)
					}
				})
			}
			for range 4 {
				w.visits(1, page)
				flood()
			}
			w.want(t, page)
			for range 3 {
				flood()
				w.want(t, page)
				if s := w.plan().Strictness; s != Lax {
					t.Errorf("strictness %d", s)
				}
				w.visits(1, page)
				w.want(t, page)
			}
		})
	}
}

// A second network counts, unless others have agreed in between.
func TestSecondNetwork(t *testing.T) {
	w := newWorld()
	w.visits(4, page)
	w.want(t, page)
	surprise := func(network int) {
		w.as(network)
		w.Surprised(w.visit, w.rules, w.now)
		w.as(20_000)
	}
	surprise(9_001)
	w.as(9_001)
	w.want(t, "[surprised]") // whoever had it must not loop
	w.now = w.now.Add(minDoubt)
	w.want(t, page)
	w.as(20_000)
	w.visits(3, page)
	surprise(9_002)
	w.want(t, page)
	surprise(9_003)
	w.want(t, "[surprised]")
}

// A network that keeps being surprised is kept from commits for longer each time.
func TestDoubtGrows(t *testing.T) {
	w := newWorld()
	w.visits(4, page)
	w.as(attacker)
	for strike := range 10 {
		w.Surprised(w.visit, w.rules, w.now)
		wait := minDoubt << min(strike, maxStrikes)
		w.now = w.now.Add(wait - time.Second)
		w.agree()
		w.want(t, "[surprised]")
		w.now = w.now.Add(time.Second)
		w.agree()
		w.want(t, page)
	}
}

// agree keeps the page from expiring.
func (w *world) agree() {
	w.opening(variantKey{}).agreed = instantOf(w.now)
}

// A deploy is learned as ever.
func TestPublicDeploy(t *testing.T) {
	w := newWorld()
	w.visits(4, page)
	next := strings.ReplaceAll(page, "a.css", "b.css")
	w.visits(1, next)
	w.want(t, "[stale]"[:0]+page) // one visitor alone
	w.visits(1, next)
	if got := w.sent(); got == page {
		t.Error("two networks changed nothing")
	}
	w.visits(2, next)
	w.want(t, next)
}

// site is pages of one host.
type site struct {
	pages []*trial
}

func newSite(n int, public bool) *site {
	var ledger atomic.Int64
	host := NewHost(&ledger)
	s := new(site)
	for i := range n {
		p := newTrial()
		p.host.Store(host)
		p.rules.Public = public
		s.pages = append(s.pages, p)
		for network := range 4 {
			p.visit.Voter = Voter{Network: request.Network(netip.AddrFrom4([4]byte{100, 1, byte(network), 1})), Agent: uint64(network), Browser: true}
			p.teach(1, s.head(i, "1"))
		}
	}
	return s
}

func (s *site) head(i int, version string) string {
	return fmt.Sprintf("%s<link rel=stylesheet href=%s.css><title>Page %d</title>", top, version, i)
}

// Of a thousand pages one or two show that a stylesheet is gone; none of the
// others sends it.
func TestStalenessSpreads(t *testing.T) {
	for _, public := range []bool{false, true} {
		t.Run(fmt.Sprint("public ", public), func(t *testing.T) {
			s := newSite(1000, public)
			s.pages[0].want(t, s.head(0, "1"))
			show := func(i, network int, head string) {
				p := s.pages[i]
				p.now = p.now.Add(time.Second)
				p.visit.Voter = Voter{Network: request.Network(netip.AddrFrom4([4]byte{100, 2, byte(network), 1})), Agent: uint64(network), Browser: true}
				p.teach(1, head)
			}
			show(7, 1, s.head(7, "2"))
			if public {
				s.pages[500].want(t, s.head(500, "1")) // one network alone
				show(7, 1, s.head(7, "2"))
				show(9, 1, s.head(9, "2"))
				s.pages[500].want(t, s.head(500, "1"))
				show(8, 2, s.head(8, "2"))
			}
			for i, p := range s.pages {
				p.now = p.now.Add(time.Minute)
				if got := p.sent(); strings.Contains(got, "1.css") {
					t.Fatalf("page %d sends what is gone: %s", i, got)
				}
				if i > 10 && !p.plan().Observe {
					t.Fatalf("page %d does not look whether it is", i)
				}
			}
			// A page that has it all the same says so.
			show(500, 3, s.head(500, "1"))
			s.pages[500].want(t, s.head(500, "1"))
			if got := s.pages[501].sent(); got != "[stale]" {
				t.Errorf("page 501 sends %s", got)
			}
		})
	}
}

// A response that is cut short, or that was shown to one who is signed in, says
// nothing of other pages.
func TestWhatDoesNotSpread(t *testing.T) {
	s := newSite(3, false)
	o, _, _ := Observe(LearnHeaders(nil, nil), []byte(top+"<meta charset=utf-8>"), false, Scope{})
	s.pages[0].answer(Answer{Observation: o, Depth: -1})
	s.pages[1].visit.Learn = false
	s.pages[1].match(1)
	s.pages[2].want(t, s.head(2, "1"))
}

// What a page was made of is given back, and pages can be used all the same.
func TestCool(t *testing.T) {
	p := newTrial()
	p.teach(3, page)
	p.visit.Audience, p.visit.Learn = request.Returning, false
	expected := p.plan().Expected
	p.Cool()
	for range 3 {
		p.Cool()
		p.answer(Answer{Depth: len(expected.Items), Expected: expected})
	}
	p.Cool()
	p.want(t, page)
}

// A host counts what its pages share, and no more when they are gone.
func TestHostForgets(t *testing.T) {
	var ledger atomic.Int64
	host := NewHost(&ledger)
	empty := ledger.Load() + maxRecent*16
	var pages []*trial
	for i := range 50 {
		p := newTrial()
		p.host.Store(host)
		pages = append(pages, p)
		for j := range 10 {
			p.teach(1, fmt.Sprintf("%s<title>%d</title><script>%d</script>", top+css, i, j), "X-Request-Id", fmt.Sprint(i, j))
		}
	}
	full := ledger.Load()
	for _, p := range pages {
		p.Close()
	}
	if left := ledger.Load(); full <= empty || left > empty {
		t.Errorf("%d bytes with pages, %d without, %d at first", full, left, empty)
	}
	if len(host.ids.entries) > 0 || len(host.frames.entries) > 0 {
		t.Errorf("%d items and %d frames are left", len(host.ids.entries), len(host.frames.entries))
	}
}

// Headers that differ each time are not kept, those that do not are sent.
func TestFleetingHeaders(t *testing.T) {
	p := newTrial()
	for i := range 4 {
		p.teach(1, page, "X-Request-Id", fmt.Sprint(i), "X-Served-By", "one", "Link", "<b.css>; rel=preload; as=style")
	}
	plan := p.plan()
	if plan.Headers.Get("X-Request-Id") != "" || plan.Headers.Get("X-Served-By") != "one" || plan.Headers.Get("Link") == "" {
		t.Errorf("%v", plan.Headers)
	}
	for _, v := range p.opening(variantKey{}).window[1:] {
		if v.head.frame.headers.Get("X-Request-Id") != "" {
			t.Error("a request id is kept")
		}
	}
}
