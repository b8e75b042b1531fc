package opening

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/request"
)

const (
	top  = "<!doctype html><html><head>"
	css  = "<link rel=stylesheet href=a.css>"
	page = top + css + "<title>Hi</title>"
)

var testRules = Rules{LearnAfter: 3, Expire: 10 * time.Minute, MinWait: 30 * time.Millisecond}

// trial is a page under test, with a clock.
type trial struct {
	Page
	rules Rules
	now   time.Time
	visit Visit
	wait  time.Duration // the backend's
}

func newTrial() *trial {
	return &trial{
		rules: testRules,
		now:   time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		visit: Visit{Header: http.Header{}, Learn: true, Hints: true},
		wait:  time.Second,
	}
}

// observation of a head that ends as the page says.
func observation(head string, header ...string) *Observation {
	final := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for i := 0; i < len(header); i += 2 {
		final.Add(header[i], header[i+1])
	}
	o, reason, _ := Observe(LearnHeaders(nil, final), []byte(head+"</head>"), true, Scope{})
	if reason != "" {
		panic(reason)
	}
	return o
}

// teach gives the page n observations.
func (p *trial) teach(n int, head string, header ...string) {
	for range n {
		p.answer(Answer{Observation: observation(head, header...), Depth: -1, Wait: p.wait})
	}
}

func (p *trial) answer(a Answer) {
	a.Wait = p.wait
	p.Answered(p.visit, a, p.rules, p.now)
}

// match answers with as many of the expected items as a number of bytes holds.
func (p *trial) match(matched int) {
	seq := p.opening(variantKey{}).learned(p.rules).sequence
	depth := 0
	for depth < len(seq.Items) && seq.Size(depth+1) <= matched {
		depth++
	}
	p.answer(Answer{Depth: depth, Expected: seq})
}

func (p *trial) plan() Plan { return p.Decide(p.visit, p.rules, p.now) }

// sent returns what would be sent now, padding aside, or the reason in brackets.
func (p *trial) sent() string {
	plan := p.plan()
	if plan.Early == nil {
		return "[" + string(plan.Reason) + "]"
	}
	return string(plan.Early.Sequence.Bytes[:plan.Early.Sequence.Size(plan.Early.Sent)])
}

func (p *trial) want(t *testing.T, want string) {
	t.Helper()
	if got := p.sent(); got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func ExamplePage() {
	p := newTrial()
	for range 4 {
		fmt.Println(p.sent())
		p.teach(1, "<head><link href=a.css><title>"+p.now.Format("15:04")+"</title>")
		p.now = p.now.Add(time.Minute)
	}
	// Output:
	// [not_learned]
	// [not_learned]
	// [not_learned]
	// <head><link href=a.css>
}

func TestLearning(t *testing.T) {
	p := newTrial()
	p.teach(2, page)
	p.want(t, "[not_learned]")
	p.teach(1, page)
	p.want(t, page)
}

func TestDifference(t *testing.T) {
	t.Run("shrinks the opening at once", func(t *testing.T) {
		p := newTrial()
		p.teach(3, page)
		p.teach(1, top+css+"<title>Ho</title>")
		p.want(t, top+css)
	})
	t.Run("is forgotten when the window has moved on", func(t *testing.T) {
		p := newTrial()
		p.teach(3, page)
		p.teach(1, top+css+"<title>Ho</title>")
		p.teach(2, page)
		p.want(t, top+css)
		p.teach(1, page)
		p.want(t, page)
	})
	t.Run("a deploy", func(t *testing.T) {
		p := newTrial()
		p.teach(3, page)
		next := strings.ReplaceAll(page, "a.css", "b.css")
		p.teach(1, next)
		p.want(t, "[unstable]")
		p.teach(2, next)
		p.want(t, next)
	})
}

func TestBarriers(t *testing.T) {
	tests := []struct{ name, head, want string }{
		{"a nonce attribute without a policy", top + css + "<script nonce=x></script>" + css, "[nonce]"},
		{"a policy in the document", top + css + "<meta http-equiv=content-security-policy content='img-src *'>", top + css + "<meta http-equiv=content-security-policy content='img-src *'>"},
		{"a policy in the document that allows no recovery", top + css + "<meta http-equiv=content-security-policy content='script-src a.js'>", "[policy]"},
		{"an async script", top + css + "<script src=a.js async></script>" + css, top + css + css},
		{"nothing to act on", top, "[unstable]"},
		{"a comment is nothing to act on", top + "<!-- x -->", "[unstable]"},
		{"a meta is nothing to act on", top + "<meta charset=utf-8>", "[unstable]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newTrial()
			p.teach(3, test.head)
			p.want(t, test.want)
		})
	}
}

func TestHeaders(t *testing.T) {
	t.Run("a protective header differs", func(t *testing.T) {
		p := newTrial()
		for i := range 3 {
			p.teach(1, page, "X-Frame-Options", []string{"DENY", "SAMEORIGIN"}[i%2])
		}
		p.want(t, "[header_differs]")
		if plan := p.plan(); plan.Differs != "X-Frame-Options" {
			t.Errorf("differs in %q", plan.Differs)
		}
		p.teach(3, page, "X-Frame-Options", "DENY")
		p.want(t, page)
	})
	t.Run("a request id differs", func(t *testing.T) {
		p := newTrial()
		for i := range 3 {
			p.teach(1, page, "X-Request-Id", fmt.Sprint(i), "X-Frame-Options", "DENY")
		}
		p.want(t, page)
		h := http.Header{}
		p.plan().Headers.Apply(h)
		if h.Get("X-Request-Id") != "" || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("headers are %v", h)
		}
	})
	t.Run("an ignored header differs", func(t *testing.T) {
		p := newTrial()
		p.rules.Ignored = Ignored{"X-Mine": true}
		for i := range 3 {
			p.teach(1, page, "X-Mine", fmt.Sprint(i))
		}
		p.want(t, page)
	})
	t.Run("a nonce that repeats", func(t *testing.T) {
		p := newTrial()
		p.teach(3, page, "Content-Security-Policy", "script-src 'nonce-constant'")
		p.want(t, "[nonce]")
	})
	t.Run("a nonce", func(t *testing.T) {
		p := newTrial()
		for _, nonce := range []string{"abcdefgh+jklmnopqrst==", "bbcdefghijklmnopqrst==", "cbcdefghijklmnopqr/t=="} {
			p.teach(1, page+"<script nonce="+strings.ReplaceAll(nonce, "+", "&#43;")+"></script>",
				"Content-Security-Policy", "script-src 'nonce-"+nonce+"'", "Link", "</a>; nonce="+nonce)
		}
		plan := p.plan()
		if plan.Early == nil {
			t.Fatal(plan.Reason)
		}
		fresh := Fresh(plan.Nonces)
		if len(fresh) != 1 || len(fresh[0]) < 22 || fresh[0] == Fresh(plan.Nonces)[0] {
			t.Errorf("nonces %q", fresh)
		}
		early := plan.Early.Replace(plan.Nonces, fresh)
		headers := plan.Headers.Replace(plan.Nonces, fresh)
		want := page + "<script nonce=" + fresh[0] + "></script>"
		if got := string(early.Sequence.Bytes); got != want || !strings.HasSuffix(string(early.Bytes), want[len(top):]) {
			t.Errorf("sent %s\n%s", got, early.Bytes)
		}
		if got := headers.Get("Content-Security-Policy"); got != "script-src 'nonce-"+fresh[0]+"'" {
			t.Errorf("policy %s", got)
		}
		if strings.Contains(string(plan.Early.Bytes), fresh[0]) {
			t.Error("the opening itself is changed")
		}
	})
	t.Run("another nonce in the page", func(t *testing.T) {
		p := newTrial()
		for _, nonce := range []string{"abcdefghijklmnopqrstuv", "bbcdefghijklmnopqrstuv", "cbcdefghijklmnopqrstuv"} {
			p.teach(1, page+"<script nonce=x"+nonce[1:]+"></script>", "Content-Security-Policy", "script-src 'nonce-"+nonce+"'")
		}
		p.want(t, "[nonce]")
	})
}

func TestVary(t *testing.T) {
	p := newTrial()
	in := func(language string) { p.visit.Header = http.Header{"Accept-Language": {language}} }
	teach := func(head string) {
		p.answer(Answer{Observation: observation(head, "Vary", "Accept-Language, Accept-Encoding"), Vary: []string{"Accept-Language"}, Depth: -1})
	}
	english, german := top+css+"<title>Hello</title>", top+css+"<title>Hallo</title>"
	for range 4 {
		in("en")
		teach(english)
		in("de")
		teach(german)
	}
	p.want(t, german)
	in("en")
	p.want(t, english)
	in("fr")
	p.want(t, "[not_learned]")

	for i := range 3 * maxVariants {
		p.now = p.now.Add(time.Second)
		in(fmt.Sprint(i))
		teach(english)
	}
	if len(p.variants) > maxVariants {
		t.Errorf("%d variants", len(p.variants))
	}
}

func TestPublicDiversity(t *testing.T) {
	p := newTrial()
	p.rules.Public = true
	from := func(ip string, agent uint64, browser bool) {
		p.visit.Voter = Voter{Network: request.Network(netip.MustParseAddr(ip)), Agent: agent, Browser: browser}
		p.teach(1, page)
	}
	for i := range 9 {
		from(fmt.Sprintf("203.0.113.%d", i), uint64(i), true)
	}
	p.want(t, "[not_learned]") // one network
	from("198.51.100.1", 8, true)
	p.want(t, "[not_learned]")
	from("192.0.2.1", 8, true)
	p.want(t, "[not_learned]") // three networks, one User-Agent
	from("100.0.0.1", 9, false)
	p.visit.Audience = request.Anonymous
	p.want(t, page)

	p = newTrial()
	p.rules.Public = true
	for i := range 3 {
		from(fmt.Sprintf("203.0.%d.1", i), uint64(i), false)
	}
	p.want(t, "[not_learned]") // no browser among them
}

func TestSharedKey(t *testing.T) {
	p := newTrial()
	p.rules.SharedKey = true
	at := func(url uint64) { p.visit.Voter.URL = url }
	at(1)
	p.teach(5, page)
	p.want(t, "[not_learned]") // one URL
	at(2)
	p.teach(1, page)
	at(3)
	p.teach(1, page)
	p.want(t, page)
	at(4)
	p.want(t, "[not_learned]") // may be a 404
	p.match(len(page))
	p.want(t, page)
	for url := range uint64(2 * maxURLs) {
		at(100 + url)
		p.match(len(page))
	}
	if len(p.urls.urls) > maxURLs || len(p.urls.ring) > maxURLs {
		t.Errorf("%d URLs", len(p.urls.urls))
	}
	at(4)
	p.want(t, "[not_learned]") // too many came since
	p.match(len(page))
	p.want(t, page)

	at(5)
	p.match(len(page))
	p.now = p.now.Add(p.rules.Expire)
	at(4)
	p.match(len(page)) // the page is as fresh as ever, and
	p.now = p.now.Add(time.Second)
	p.want(t, page)
	at(5)
	p.want(t, "[not_learned]") // too long ago

	// One URL that is gone says nothing of the others, and comes back by itself.
	at(6)
	p.answer(Answer{Depth: -1, Reason: Status})
	at(4)
	p.answer(Answer{Depth: -1, Reason: Status})
	p.want(t, "[not_learned]")
	at(5)
	p.match(len(page))
	p.want(t, page)
	at(4)
	p.match(len(page))
	p.want(t, page)
}

func TestBackendEncodes(t *testing.T) {
	p := newTrial()
	p.teach(3, page)
	p.visit.NeedsPlain = true
	p.want(t, "[not_learned]") // it was never asked
	p.answer(Answer{Depth: -1, Coding: Encoded, Reason: BackendEncodes})
	p.want(t, "[backend_encodes]")
	p.answer(Answer{Observation: observation(page), Depth: -1, Coding: Plain})
	p.answer(Answer{Observation: observation(page), Depth: -1, Coding: Plain})
	p.answer(Answer{Observation: observation(page), Depth: -1, Coding: Plain})
	p.want(t, page)
}

func TestPadding(t *testing.T) {
	for _, head := range []string{page, "\xef\xbb\xbf" + page, "<head>" + css, "<!-- x -->" + page} {
		p := newTrial()
		p.teach(3, head)
		early := p.plan().Early
		if len(early.Bytes) < minFirstWrite {
			t.Errorf("%q: %d bytes", head, len(early.Bytes))
		}
		if got := strings.ReplaceAll(string(early.Bytes), "\n", ""); got != head {
			t.Errorf("without padding %q, want %q", got, head)
		}
		before, _, _ := strings.Cut(string(early.Bytes), "\n")
		if strings.Contains(before, "<h") {
			t.Errorf("%q comes before the padding", before)
		}
	}
	p := newTrial()
	long := page + strings.Repeat(css, 100)
	p.teach(3, long)
	if got := string(p.plan().Early.Bytes); got != long {
		t.Error("a long opening was changed")
	}
}

func TestItemsAreShared(t *testing.T) {
	p := newTrial()
	p.teach(3, page)
	one := p.Size()
	p.rules.LearnAfter = 16
	p.teach(13, page)
	if many := p.Size(); many > 6*one {
		t.Errorf("3 observations take %d bytes, 16 take %d", one, many)
	}
	if window := p.opening(variantKey{}).window; window[0].head != window[15].head {
		t.Error("what observations share is held twice")
	}
}
