package opening

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/request"
)

// siteTrial is a host whose pages are visited once each.
type siteTrial struct {
	host  *Host
	rules Rules
	now   time.Time
	way   string
	count int
}

// visit teaches the host a page that nobody knows, from a network and an agent.
func (s *siteTrial) visit(network int, agent uint64, head string, header ...string) {
	s.count++
	s.at(s.count, network, agent, head, header...)
}

func (s *siteTrial) at(url, network int, agent uint64, head string, header ...string) {
	p := new(Page)
	p.Settle(s.host)
	rules := s.rules
	rules.Host, rules.Target = "example.test", fmt.Sprintf("/dir/%d", url)
	v := Visit{Learn: true, Way: s.way, Voter: Voter{
		Network: netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, byte(network), 0}), 24), Agent: agent, Browser: agent == 0, URL: uint64(url),
	}}
	p.Answered(v, Answer{Observation: observation(head, header...), Depth: -1}, rules, s.now)
}

func (s *siteTrial) want(t *testing.T, want string) {
	t.Helper()
	values, _ := s.host.Hints(Visit{Way: s.way}, s.rules, s.now)
	if got := targets(values); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A URL that nobody knows gets what learn_after URLs of the host have asked for.
func TestSiteWide(t *testing.T) {
	s := &siteTrial{host: NewHost(new(atomic.Int64)), rules: testRules, now: time.Unix(1e9, 0)}
	head := "<!doctype html>" + sheet("/a.css") + sheet("../b.css")
	s.visit(1, 0, head+sheet("/x.css"))
	s.visit(1, 0, head+sheet("/y.css"))
	s.at(s.count, 1, 0, head+sheet("/y.css"))
	s.want(t, "") // two URLs
	s.visit(1, 0, head)
	s.want(t, "/a.css /b.css")
	s.rules.NoHints = true
	s.want(t, "")
	s.rules.NoHints = false
	s.way = "+-"
	s.want(t, "") // other matchers, other pages
	s.way = ""
	s.now = s.now.Add(maxHintAge + 1)
	s.want(t, "")
	s.visit(1, 0, head)
	s.want(t, "/a.css /b.css")
	s.visit(1, 0, "<!doctype html>"+sheet("/a.css"))
	s.want(t, "/a.css")

	// Policies that differ leave in doubt what the next page may fetch.
	s.visit(1, 0, head, "Content-Security-Policy", "style-src 'none'")
	s.want(t, "")

	s.host.Close()
	s.want(t, "")
	var none *Host
	if values, _ := none.Hints(Visit{}, s.rules, s.now); values != nil {
		t.Error("a host that is not there hints")
	}
}

// What a response asks for is compared as it reads on every page.
func TestAskedHas(t *testing.T) {
	rules := Rules{Host: "example.test", Target: "/dir/page"}
	a := AskedBy(nil, nil, []byte("<script type=module src=../c.mjs></script>"+sheet("a.css")+sheet("/b.css")+"<link rel=stylesheet crossorigin href=/d.css></head>"), true, Scope{})
	for value, want := range map[string]bool{
		hintValue("/dir/a.css"):                         true,
		hintValue("/b.css") + "; fetchpriority=high":    true,
		"</c.mjs>; rel=preload; as=script; crossorigin": true,
		hintValue("/d.css"):                             false,
		hintValue("/e.css"):                             false,
		"":                                              false,
	} {
		if got := a.Has(value, rules); got != want {
			t.Errorf("%s: %v", value, got)
		}
	}
}

// In scope public it takes networks and browsers of which none alone changes anything.
func TestSiteWidePublic(t *testing.T) {
	s := &siteTrial{host: NewHost(new(atomic.Int64)), rules: testRules, now: time.Unix(1e9, 0)}
	s.rules.Public = true
	head := "<!doctype html>" + sheet("/a.css")
	for range 9 {
		s.visit(1, 0, head)
	}
	s.want(t, "") // one network
	s.visit(2, 0, head)
	s.visit(3, 0, head)
	s.want(t, "") // one agent
	s.visit(4, 1, head)
	s.want(t, "/a.css")
	s.visit(5, 1, "<!doctype html>"+sheet("/evil.css"))
	s.want(t, "/a.css")
	s.visit(5, 1, "<!doctype html>"+sheet("/evil.css"))
	s.want(t, "/a.css")
}

// However different the pages of a host are, what it keeps of them is bounded.
func TestSiteWideBounded(t *testing.T) {
	s := &siteTrial{host: NewHost(new(atomic.Int64)), rules: testRules, now: time.Unix(1e9, 0)}
	s.rules.LearnAfter = 16
	for i := range 200 {
		s.way = strings.Repeat("+", i%8)
		var head strings.Builder
		for j := range 40 {
			head.WriteString(sheet(fmt.Sprintf("/%d/%d-%s.css", i, j, strings.Repeat("x", 60))))
		}
		s.visit(1, 0, "<!doctype html>"+head.String())
		s.now = s.now.Add(time.Second)
	}
	const most = maxSiteLinkBytes + maxSites*(siteSize+100+17*(siteVoteSize+8*maxSiteLinks))
	if n := s.host.sizeOfSites(); n > most || len(s.host.sites) > maxSites {
		t.Errorf("%d bytes, %d ways", n, len(s.host.sites))
	}
	if got, want := s.host.own, hostSize+8*maxRecent+s.host.sizeOfSites(); got != want && got != want-8*maxRecent {
		t.Errorf("%d bytes in the ledger, want %d", got, want)
	}
}

// What the pages of a host share is found however much else they ask for, in as many ways
// and votes as there are.
func TestSiteWideAmongMuch(t *testing.T) {
	s := &siteTrial{host: NewHost(new(atomic.Int64)), rules: testRules, now: time.Unix(1e9, 0)}
	s.rules.LearnAfter = 16
	var shared strings.Builder
	shared.WriteString("<!doctype html>")
	for i := range 8 {
		shared.WriteString(sheet(fmt.Sprintf("/%d-%s.css", i, strings.Repeat("x", 60))))
	}
	for range 16 {
		for _, way := range []string{"", "+", "-", "+-"} {
			s.way = way
			own := sheet(fmt.Sprintf("/own/%d-%s.css", s.count, strings.Repeat("x", 60)))
			s.visit(1, 0, shared.String()+own+own)
		}
	}
	for _, way := range []string{"", "+", "-", "+-"} {
		values, _ := s.host.Hints(Visit{Way: way}, s.rules, s.now)
		if len(values) != 8 {
			t.Errorf("%d values for %q", len(values), way)
		}
	}
}

// No nonce, nor what stands for one, is hinted to anybody, wherever it stands.
func TestSiteWideNonces(t *testing.T) {
	s := &siteTrial{host: NewHost(new(atomic.Int64)), rules: testRules, now: time.Unix(1e9, 0)}
	for i := range 3 {
		nonce := fmt.Sprintf("0123456789abcdefghi%03d", i)
		s.visit(1, 0, `<!doctype html><script nonce=`+nonce+` src="/a.js?n=`+nonce+`"></script><script nonce=`+nonce+` src=/b.js integrity="sha256-`+nonce+`"></script>`+
			`<script nonce=`+nonce+` src=/c.js></script>`, "Content-Security-Policy", "script-src 'nonce-"+nonce+"'")
	}
	s.want(t, "/c.js")
}

// Who knows what stands for nonces, and has it in a page, gets no nonce for it.
func TestStandInInPage(t *testing.T) {
	const nonce = "0123456789abcdefghijkl"
	head := `<!doctype html><script nonce=` + nonce + `>1</script><script nonce=` + neutral[0][:len(nonce)] + `>alert(1)</script>`
	if o := observation(head, "Content-Security-Policy", "script-src 'nonce-"+nonce+"'"); o.bars != Nonce {
		t.Errorf("barred by %q", o.bars)
	}
}

// A page that nobody knows may have an import map.
func TestSiteWideModules(t *testing.T) {
	s := &siteTrial{host: NewHost(new(atomic.Int64)), rules: testRules, now: time.Unix(1e9, 0)}
	for range 3 {
		s.visit(1, 0, "<!doctype html><script type=module src=/a.js></script>")
	}
	values, _ := s.host.Hints(Visit{}, s.rules, s.now)
	if diff := cmp.Diff([]string{"</a.js>; rel=preload; as=script; crossorigin"}, values); diff != "" {
		t.Error(diff)
	}
}

// The hints of a site are as old as what bore them out last, whoever's vote that was.
func TestSiteAge(t *testing.T) {
	s := &siteTrial{host: NewHost(new(atomic.Int64)), rules: testRules, now: time.Unix(1e9, 0)}
	s.rules.Public = true
	pages := make(map[int]*Page)
	visit := func(url, network int) {
		if pages[url] == nil {
			pages[url] = new(Page)
			pages[url].Settle(s.host)
		}
		rules := s.rules
		rules.Host, rules.Target = "example.test", fmt.Sprintf("/dir/%d", url)
		v := Visit{Learn: true, Voter: Voter{
			Network: request.Network(netip.AddrFrom4([4]byte{203, 0, byte(network), 1})),
			Agent:   uint64(network % 2), Browser: true, URL: uint64(url),
		}}
		o, reason, _ := pages[url].Observe(v, observation(page).Headers, []byte(page+"</head>"), true, Scope{})
		if reason != "" {
			t.Fatal(reason)
		}
		pages[url].Answered(v, Answer{Observation: o, Depth: -1}, rules, s.now)
	}
	for i := range 4 {
		visit(i, i)
		s.now = s.now.Add(time.Second)
	}
	for range 25 * 60 {
		s.now = s.now.Add(time.Minute)
		visit(0, 0)
		visit(3, 7)
	}
	if values, _ := s.host.Hints(Visit{}, s.rules, s.now); len(values) == 0 {
		t.Error("borne out every minute, but hinted no more")
	}
}
