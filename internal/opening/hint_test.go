package opening

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/hints"
	"github.com/headstart-proxy/headstart/internal/request"
)

// hintValue is how a stylesheet is hinted.
func hintValue(path string) string { return "<" + path + ">; rel=preload; as=style" }

func sheet(path string) string { return "<link rel=stylesheet href=" + path + ">" }

// hinted returns the targets of what is hinted to the next visitor.
func (p *trial) hinted() string { return targets(p.plan().Hints) }

func targets(values []string) string {
	var list []string
	for _, value := range values {
		target, _, _ := strings.Cut(strings.TrimPrefix(value, "<"), ">")
		list = append(list, target)
	}
	return strings.Join(list, " ")
}

func (p *trial) wantHints(t *testing.T, want string) {
	t.Helper()
	if got := p.hinted(); got != want {
		t.Errorf("hinted %q, want %q", got, want)
	}
}

// see answers with a page that is only looked at for what it asks for.
func (p *trial) see(head string, a Answer) {
	a.Asked, a.Depth = AskedBy(LearnHeaders(nil, nil), nil, []byte(head+"</head>"), true, Scope{}), -1
	p.answer(a)
}

// Pages that cannot be committed are hinted, whatever the reason, unless there is
// nothing to gain, or the answer was no page.
func TestHintsByReason(t *testing.T) {
	const page = "<!doctype html><html><head><link rel=stylesheet href=/a.css>"
	for _, test := range []struct {
		reason Reason
		does   func(p *trial)
		want   string
	}{
		{"", func(*trial) {}, "/a.css"},
		{NotLearned, func(p *trial) { p.visit.Audience = request.Returning }, "/a.css"},
		{SetsCookie, func(p *trial) { p.answer(Answer{Depth: -1, Reason: SetsCookie}) }, "/a.css"},
		{Surprised, func(p *trial) { p.Surprised(p.visit, p.rules, p.now) }, "/a.css"},
		{Expired, func(p *trial) { p.now = p.now.Add(time.Hour) }, "/a.css"},
		{Expired, func(p *trial) { p.now = p.now.Add(25 * time.Hour) }, ""},
		{HeaderDiffers, func(p *trial) { p.teach(1, page, "X-Frame-Options", "DENY") }, "/a.css"},
		{Nonce, func(p *trial) {
			p.teach(3, page, "Content-Security-Policy", "script-src 'nonce-0123456789abcdefghijkl'")
		}, "/a.css"},
		{BackendEncodes, func(p *trial) {
			p.answer(Answer{Depth: -1, Coding: Encoded})
			p.visit.NeedsPlain = true
		}, "/a.css"},
		{VaryUserAgent, func(p *trial) {
			p.answer(Answer{Observation: observation(page), Vary: []string{"User-Agent"}, Depth: -1})
		}, "/a.css"},
		{FastBackend, func(p *trial) {
			p.wait = 0
			p.teach(9, page)
		}, ""},
		{NoStore, func(p *trial) { p.answer(Answer{Depth: -1, Reason: NoStore}) }, ""},
		{NotHTML, func(p *trial) { p.answer(Answer{Depth: -1, Reason: NotHTML}) }, ""},
		{Status, func(p *trial) { p.answer(Answer{Depth: -1, Reason: Status}) }, ""},
		{Surprised, func(p *trial) { p.Refused(p.visit, p.rules, p.now) }, ""},
	} {
		t.Run(string(test.reason)+test.want, func(t *testing.T) {
			p := newTrial()
			p.teach(3, page)
			test.does(p)
			if plan := p.plan(); plan.Reason != test.reason {
				t.Errorf("reason %q, want %q", plan.Reason, test.reason)
			}
			p.wantHints(t, test.want)
		})
	}

	// What is volatile is not hinted, and what stands behind it is.
	p := newTrial()
	for i := range 3 {
		p.teach(1, fmt.Sprintf("<!doctype html><style>/* %d */</style>%s%s<link rel=preconnect href=https://cdn.example>", i, sheet(fmt.Sprint("/", i)), sheet("/a.css")))
	}
	if plan := p.plan(); plan.Reason != "" || targets(plan.Hints) != "/a.css https://cdn.example" || targets(plan.Links) != "/a.css https://cdn.example" {
		t.Errorf("%q: %q, %q", plan.Reason, plan.Hints, plan.Links)
	}
}

// What is in the bytes that are sent is not among the Links of an early response.
func TestLinks(t *testing.T) {
	const late = "</late>; rel=preload; as=fetch"
	p := newTrial()
	for range 3 {
		o := observation("<!doctype html>"+sheet("/a.css")+"<script async src=/b.js></script>", "Link", hintValue("/c.css")+", </x>; rel=next")
		o.Interim = hints.Parse([]string{late})
		p.answer(Answer{Observation: o, Depth: -1})
	}
	plan := p.plan()
	if diff := cmp.Diff([]string{hintValue("/c.css"), late, "</b.js>; rel=preload; as=script"}, plan.Links); diff != "" {
		t.Error("of the early response: ", diff)
	}
	if got := targets(plan.Hints); got != "/a.css /c.css /late /b.js" {
		t.Errorf("before it: %s", got)
	}
	p.rules.NoHints = true
	if plan = p.plan(); len(plan.Hints)+len(plan.Links) > 0 || plan.Checks {
		t.Errorf("with off: %q, %q", plan.Hints, plan.Links)
	}
}

// A visitor whose audience was sent less is told of the rest in the Link header.
func TestLinksBeyondDepth(t *testing.T) {
	const first = "<!doctype html>" + "<link rel=stylesheet href=/a.css>"
	p := newTrial()
	p.teach(3, first+sheet("/b.css"))
	p.visit.Audience, p.visit.Learn = request.Returning, false
	for range 3 {
		p.match(len(first))
	}
	if plan := p.plan(); plan.Early == nil || string(plan.Early.Sequence.Bytes[:plan.Early.Sequence.Size(plan.Early.Sent)]) != first || targets(plan.Links) != "/b.css" || !plan.Checks {
		t.Errorf("%v %q", plan.Reason, plan.Links)
	}
	p.visit.Audience = request.Anonymous
	if plan := p.plan(); plan.Early == nil || plan.Links != nil || plan.Checks {
		t.Errorf("%v %q", plan.Reason, plan.Links)
	}
}

// What a response does not ask for is not hinted again to its audience, until one does.
func TestUnasked(t *testing.T) {
	page := "<!doctype html>" + sheet("/a.css") + sheet("/b.css")
	p := newTrial()
	p.teach(3, page)
	p.visit.Audience, p.visit.Learn = request.Returning, false
	p.wantHints(t, "/a.css /b.css")
	p.see(sheet("/a.css")+sheet("/c.css"), Answer{})
	p.wantHints(t, "/a.css")
	p.see(sheet("/a.css")+"<link rel=stylesheet href=/b.css crossorigin>", Answer{Reason: SetsCookie})
	p.wantHints(t, "/a.css") // that is another request
	p.visit.Audience = request.Anonymous
	p.wantHints(t, "/a.css /b.css")
	p.visit.Audience = request.Returning
	if !p.plan().Checks {
		t.Fatal("nobody finds out when it is asked for again")
	}
	p.see(page, Answer{})
	p.wantHints(t, "/a.css /b.css")
	p.see(sheet("/a.css")+"<title>x\x00</title>"+sheet("/b.css"), Answer{})
	p.wantHints(t, "/a.css") // the rest cannot be read
	p.answer(Answer{Depth: -1, Asked: Unreadable()})
	p.wantHints(t, "")
	p.see(page, Answer{})
	p.wantHints(t, "/a.css /b.css")
}

// However many there are, none comes back because others were noted since.
func TestUnaskedMany(t *testing.T) {
	var page strings.Builder
	page.WriteString("<!doctype html>")
	for i := range maxHints + 9 {
		page.WriteString(sheet(fmt.Sprintf("/%d.css", i)))
	}
	p := newTrial()
	p.teach(3, page.String())
	p.visit.Audience, p.visit.Learn = request.Returning, false
	if n := len(p.plan().Hints); n != maxHints {
		t.Fatalf("%d hints", n)
	}
	for range 3 {
		p.see("<title>x</title>", Answer{})
		p.wantHints(t, "")
	}
	if n := len(p.opening(variantKey{}).record(request.Returning).unasked); n != maxUnasked {
		t.Errorf("%d are remembered", n)
	}
}

// Who was turned away, and who comes behind, is not told what the page is made of, in
// scope public, too; a page ends that.
func TestHintsAway(t *testing.T) {
	page := "<!doctype html>" + sheet("/a.css")
	for _, commit := range []bool{false, true} {
		p := newTrial()
		p.rules.Public = true
		from := func(i int) {
			p.visit.Voter = Voter{Network: netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, byte(i), 0}), 24), Agent: uint64(i), Browser: i > 0}
		}
		for i := range 4 {
			from(i)
			p.teach(1, page)
		}
		p.wantHints(t, "/a.css")
		if commit {
			p.Refused(p.visit, p.rules, p.now)
		} else {
			p.answer(Answer{Depth: -1, Reason: Status})
		}
		p.wantHints(t, "")
		p.now = p.now.Add(3 * time.Hour)
		from(5)
		p.wantHints(t, "")
		p.teach(1, page)
		p.wantHints(t, "/a.css")
	}
}

// A stylesheet that is gone from one page is not hinted on others, but the rest is.
func TestHintsStale(t *testing.T) {
	host := NewHost(new(atomic.Int64))
	a, b := newTrial(), newTrial()
	for i, p := range []*trial{a, b} {
		p.Settle(host)
		p.visit.Voter.URL = uint64(i)
		p.visit.Audience = request.Anonymous
		p.teach(3, "<!doctype html>"+sheet("/old.css")+sheet("/other.css"))
	}
	b.answer(Answer{Depth: -1, Reason: SetsCookie})
	b.wantHints(t, "/old.css /other.css")
	a.now = a.now.Add(time.Second)
	a.teach(1, "<!doctype html>"+sheet("/new.css")+sheet("/other.css"))
	b.wantHints(t, "/other.css")
	b.now = a.now.Add(time.Second)
	b.teach(1, "<!doctype html>"+sheet("/old.css")+sheet("/other.css"))
	b.wantHints(t, "/old.css /other.css")
}

// What policies say goes with the hints, but for nonces, and strict referrer policies
// leave no other origin to hint.
func TestHintsPolicies(t *testing.T) {
	page := "<!doctype html>" + sheet("/a.css") + sheet("https://cdn.example/b.css") + "<link rel=preconnect href=https://cdn.example>"
	p := newTrial()
	p.teach(3, page, "Content-Security-Policy", "style-src 'self'; frame-ancestors 'none', script-src 'nonce-0123456789abcdefghijkl'")
	if diff := cmp.Diff([]string{"style-src 'self'"}, p.plan().Policies); diff != "" {
		t.Error(diff)
	}
	p.wantHints(t, "/a.css https://cdn.example/b.css https://cdn.example")
	p.visit.Discreet = true
	p.wantHints(t, "/a.css https://cdn.example")
	p = newTrial()
	p.teach(3, page, "Referrer-Policy", "no-referrer")
	p.wantHints(t, "/a.css https://cdn.example")
	p = newTrial()
	p.teach(3, page, "Referrer-Policy", "strict-origin-when-cross-origin")
	p.wantHints(t, "/a.css https://cdn.example/b.css https://cdn.example")
}

// A nonce is in no 103 response, and in the final one only as what stands for it.
func TestHintsNonces(t *testing.T) {
	p := newTrial()
	for i := range 3 {
		nonce := fmt.Sprintf("0123456789abcdefghi%03d", i)
		p.answer(Answer{Depth: -1, Observation: observation(
			`<!doctype html><meta name=csrf content=`+fmt.Sprint(i)+`><script nonce=`+nonce+` src=/a.js></script><link rel=stylesheet href="/b.css?`+nonce+`">`,
			"Content-Security-Policy", "script-src 'nonce-"+nonce+"'")})
	}
	plan := p.plan()
	if diff := cmp.Diff([]string{"</a.js>; rel=preload; as=script"}, plan.Hints); diff != "" {
		t.Error(diff)
	}
	want := []string{"</b.css?" + neutral[0][:22] + ">; rel=preload; as=style", "</a.js>; rel=preload; as=script; nonce=" + neutral[0][:22]}
	got := slices.Clone(plan.Links)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); plan.Early == nil || diff != "" {
		t.Error(plan.Reason, diff)
	}
	if len(plan.Policies) > 0 {
		t.Errorf("policies %q", plan.Policies)
	}
}

// An image in the body is hinted until the shell is sent that holds it.
func TestHintsOfBody(t *testing.T) {
	p := newTrial()
	p.rules.Shell = true
	body := []byte("<!doctype html><title>x</title></head><body><p>a<img src=/a.png fetchpriority=high><p>b<p>c</body>")
	for range 3 {
		o, reason, _ := Observe(LearnHeaders(nil, map[string][]string{"Content-Type": {"text/html; charset=utf-8"}}), body, true, Scope{Shell: true})
		if reason != "" {
			t.Fatal(reason)
		}
		p.answer(Answer{Observation: o, Depth: -1, Asked: o.Asked()})
	}
	plan := p.plan()
	if plan.Early == nil || targets(plan.Hints) != "/a.png" || plan.Links != nil {
		t.Errorf("%v: %q, %q", plan.Reason, plan.Hints, plan.Links)
	}
	p.visit.Audience, p.visit.Learn = request.Returning, false
	if plan = p.plan(); targets(plan.Hints) != "/a.png" || !plan.ChecksBody {
		t.Errorf("%q, %v", plan.Hints, plan.ChecksBody)
	}
	p.see("<title>x</title>", Answer{}) // of the body nothing is known
	p.wantHints(t, "/a.png")
	p.answer(Answer{Depth: -1, Asked: AskedBy(nil, nil, []byte("<title>x</title></head><body><p>x<p>y</body>"), true, Scope{Shell: true})})
	p.wantHints(t, "")
}
