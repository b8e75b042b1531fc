package opening

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/request"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// neverCommitted are pages that can never be committed, by what stands in their way.
var neverCommitted = []struct {
	name, want string
	document   func(i int) string
	header     func(i int) []string
	reason     Reason // of each response
	most       int    // observations in an hour of a request a second
}{
	{name: "sets a cookie", want: "[sets_cookie]", document: func(int) string { return page }, reason: SetsCookie, most: 60},
	{
		name: "a header differs", want: "[header_differs]", document: func(int) string { return page }, most: 600,
		header: func(i int) []string { return []string{"X-Tenant", fmt.Sprint(i)} },
	},
	{name: "a meta policy", want: "[policy]", most: 600, document: func(int) string {
		return top + "<meta http-equiv=content-security-policy content=\"script-src 'self'\">" + css
	}},
	{name: "all differs", want: "[unstable]", most: 3600, document: func(i int) string {
		return fmt.Sprintf("<!doctype html><html data-x=%d><head><script>f(%d)</script>", i, i)
	}},
}

// visitNever lets a visitor have a page that is not committed, and reports whether it
// was observed.
func (p *trial) visitNever(t *testing.T, document string, header []string, reason Reason) bool {
	t.Helper()
	plan := p.plan()
	if plan.Early != nil {
		t.Fatal("the page is committed")
	}
	answer := Answer{Reason: reason, Depth: -1}
	switch {
	case plan.Observe:
		answer.Observation = observation(document, header...)
	case plan.Expected != nil:
		s := splice.New(plan.Expected, 0)
		s.Next([]byte(document + "</head>"))
		s.End()
		answer.Depth, answer.Expected = s.Depth(), plan.Expected
	}
	p.answer(answer)
	return plan.Observe
}

// A page that teaches nothing is sampled ever more rarely, but never not at all.
func TestSampling(t *testing.T) {
	p := newTrial()
	p.teach(1, page)
	sampled := 0
	for range 1000 {
		if p.plan().Observe {
			sampled++
			p.answer(Answer{Reason: Private, Depth: -1})
		}
	}
	if sampled < 10 || sampled > 100 {
		t.Errorf("%d of 1000 requests were observed", sampled)
	}
	p.want(t, "[private]")
}

// What can never be committed is observed ever more rarely, however often it is asked for.
func TestObservationsBecomeRare(t *testing.T) {
	for _, test := range neverCommitted {
		for _, public := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, " public ", public), func(t *testing.T) {
				p := newTrial()
				p.rules.Public = public
				observed := 0
				for i := range 36_000 {
					p.now = p.now.Add(time.Second / 10)
					network := netip.AddrFrom4([4]byte{100, 2, byte(i % 53), 1})
					p.visit.Voter = Voter{Network: request.Network(network), Agent: uint64(i % 7), Browser: true}
					var header []string
					if test.header != nil {
						header = test.header(i)
					}
					if p.visitNever(t, test.document(i), header, test.reason) {
						observed++
					}
				}
				p.want(t, test.want)
				if least := 3600 / 150; observed < least || observed > test.most {
					t.Errorf("%d observations in an hour, want %d to %d", observed, least, test.most)
				}
			})
		}
	}
}

// A change is seen by the next response, and learned at once.
func TestChangesAreObserved(t *testing.T) {
	p := newTrial()
	for range 100 {
		p.now = p.now.Add(time.Second)
		p.visitNever(t, page, nil, SetsCookie)
	}
	if p.plan().Observe {
		t.Fatal("nothing is new, but it is observed")
	}
	next := strings.ReplaceAll(page, "a.css", "b.css")
	p.visitNever(t, next, nil, SetsCookie)
	p.now = p.now.Add(time.Second)
	for i := range p.rules.LearnAfter {
		if !p.visitNever(t, next, nil, SetsCookie) {
			t.Errorf("response %d of the new page is not observed", i+1)
		}
	}
	if got := fmt.Sprint(p.plan().Hints); !strings.Contains(got, "b.css") {
		t.Errorf("hinted are %s", got)
	}
}

// What is added behind all that is compared is learned within a quarter of expire.
func TestAdditionsAreObserved(t *testing.T) {
	p := newTrial()
	for range 1000 {
		p.now = p.now.Add(time.Second)
		p.visitNever(t, page, nil, SetsCookie)
	}
	start := p.now
	for !strings.Contains(fmt.Sprint(p.plan().Hints), "b.css") {
		p.now = p.now.Add(time.Second)
		p.visitNever(t, page+"<link rel=stylesheet href=b.css>", nil, SetsCookie)
		if p.now.Sub(start) > p.rules.Expire {
			t.Fatal("the new stylesheet is not hinted")
		}
	}
	t.Logf("hinted after %s", p.now.Sub(start))
}

// What one network shows in scope public holds off its own visitors only.
func TestObservationsOfOneNetwork(t *testing.T) {
	p := newTrial()
	p.rules.Public = true
	voter := func(network byte) Voter {
		return Voter{Network: request.Network(netip.AddrFrom4([4]byte{100, 2, network, 1})), Agent: uint64(network), Browser: true}
	}
	for i := range byte(4) {
		p.visit.Voter = voter(i)
		p.teach(1, page, "X-Tenant", "a")
	}
	p.visit.Voter = voter(9)
	for i := range 20 {
		p.answer(Answer{Observation: observation("<title>no</title>", "X-Tenant", fmt.Sprint(i)), Reason: SetsCookie, Depth: -1})
	}
	p.now = p.now.Add(p.rules.Expire / 2)
	p.answer(Answer{Observation: observation("<title>no</title>"), Reason: SetsCookie, Depth: -1})
	if p.visit.Voter = voter(1); !p.plan().Observe {
		t.Error("a network that shows nonsense keeps another's response from being observed")
	}
}

// answerAs answers the visitor at hand with a page and a header, observed if it is wanted,
// else compared. It reports whether the page was committed.
func (p *trial) answerAs(document string, header ...string) (committed, observed bool) {
	plan := p.plan()
	a, expected := Answer{Depth: -1}, plan.Expected
	if plan.Early != nil {
		expected = plan.Early.Sequence
	}
	switch {
	case plan.Observe:
		a.Observation = observation(document, header...)
	case expected != nil:
		s := splice.New(expected, 0)
		s.Next([]byte(document + "</head>"))
		s.End()
		a.Depth, a.Expected = s.Depth(), expected
		if plan.Headers.Differs(observation(document, header...).Headers, nil) != "" {
			a.Reason = HeaderDiffers
		}
	}
	p.answer(a)
	return plan.Early != nil, plan.Observe
}

// However often one network asks, others are seen in time: when a header that differed is
// fixed, the page is soon committed.
func TestOneNetworkTakesNoTurns(t *testing.T) {
	w := newWorld()
	honest := 0
	ask := func(header string) (committed bool) {
		honest++
		w.as(honest)
		w.visit.Voter.Agent = uint64(honest % 3)
		committed, _ = w.answerAs(page, "X-Tenant", header)
		return committed
	}
	for i := range 300 {
		w.now = w.now.Add(time.Second)
		ask(fmt.Sprint(i))
	}
	start := w.now
	for i := 0; ; i++ {
		w.now = w.now.Add(time.Second / 100)
		if i%100 < 99 {
			w.attack(func() { w.answerAs(page, "X-Tenant", "a") })
		} else if ask("a") {
			break
		}
		if w.now.Sub(start) > 2*time.Minute {
			t.Fatal("one network keeps a page from being learned")
		}
	}
}

// A header that has changed is looked at as soon as a body that has.
func TestHeaderChangesAreObserved(t *testing.T) {
	w := newWorld()
	visit := func(i int, header string) (observed bool) {
		w.now = w.now.Add(time.Second)
		w.as(i)
		_, observed = w.answerAs(page, "X-Tenant", header)
		return observed
	}
	for i := range 3600 {
		visit(i, "a")
	}
	w.Surprised(w.visit, w.rules, w.now)
	for i := range 5 {
		if visit(3600+i, "b") {
			return
		}
	}
	t.Error("a new header is not observed by the fifth response")
}
