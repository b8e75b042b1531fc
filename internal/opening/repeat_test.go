package opening

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headstart-proxy/headstart/internal/request"
)

// repeatBodies are documents that differ in what is kept, in what is hinted, and behind all
// of that.
var repeatBodies = func() (docs []string) {
	for _, head := range []string{page, page + "<link rel=stylesheet href=b.css>", top + "<script>x()</script>", top + "<script nonce=" + repeatNonce + ">x()</script>"} {
		for _, body := range []string{"<p>x</p>", "<p>y</p>", "<p>x</p><script src=late.js></script><p>z</p>", "<p>x</p><b>"} {
			docs = append(docs, head+"</head><body>"+body)
		}
	}
	return docs
}()

const repeatNonce = "abcdefghijklmnopqrstuv"

// A page that does not read what repeats a response is as one that reads all.
func TestRepeatsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		public := rapid.Bool().Draw(t, "public")
		pages := [2]*trial{newTrial(), newTrial()}
		repeats := 0
		for range rapid.IntRange(1, 30).Draw(t, "responses") {
			doc := []byte(rapid.SampledFrom(repeatBodies).Draw(t, "document"))
			complete := rapid.Bool().Draw(t, "complete")
			final := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
			if value := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "header"); value != "" {
				final.Set("X-Tenant", value)
			}
			if rapid.IntRange(0, 3).Draw(t, "nonce") == 0 {
				final.Set("Content-Security-Policy", "script-src 'nonce-"+repeatNonce+"'")
			}
			if rapid.IntRange(0, 5).Draw(t, "link") == 0 {
				final.Set("Link", "</c.css>; rel=preload; as=style")
			}
			voter := rapid.IntRange(0, 4).Draw(t, "voter")
			audience := request.Audience(rapid.IntRange(0, 1).Draw(t, "audience"))
			wait := time.Duration(rapid.SampledFrom([]int{1, 1, 200}).Draw(t, "seconds")) * time.Second
			var vary []string
			if rapid.IntRange(0, 5).Draw(t, "vary") == 0 {
				vary = []string{"User-Agent"}
			}
			for i, p := range pages {
				p.rules.Shell, p.rules.Public = true, public
				p.now = p.now.Add(wait)
				p.visit.Audience = audience
				p.visit.Voter = Voter{Network: request.Network(netip.AddrFrom4([4]byte{100, byte(voter), 1, 1})), Agent: uint64(voter % 3), Browser: true}
				what := Scope{Shell: true}
				o, reason, _ := Observe(LearnHeaders(nil, final), doc, complete, what)
				if i == 0 {
					o, reason, _ = p.Observe(p.visit, LearnHeaders(nil, final), doc, complete, what)
				}
				answer := Answer{Observation: o, Reason: reason, Depth: -1, Vary: vary}
				switch {
				case reason != "":
					answer.Observation = nil
				case o.Repeats():
					repeats++
				default:
					answer.Asked = o.Asked()
				}
				p.answer(answer)
			}
			var plans [2]string
			for i, p := range pages {
				plan := p.plan()
				early := ""
				if plan.Early != nil {
					early = string(plan.Early.Bytes)
				}
				site, _ := p.Host().Hints(p.visit, p.rules, p.now)
				plans[i] = fmt.Sprintf("early %q, %q, hints %v, checks %v %v, learned %v, observed %v, differs %q, of the site %v",
					early, plan.Reason, plan.Hints, plan.Checks, plan.ChecksBody, plan.Learned, plan.Observe, plan.Differs, site)
			}
			if plans[0] != plans[1] {
				t.Fatalf("after %d repeats\n%s, want\n%s", repeats, plans[0], plans[1])
			}
		}
	})
}

// What repeats a response is not read, and forgotten with it.
func TestRepeats(t *testing.T) {
	p := newTrial()
	final := LearnHeaders(nil, http.Header{"Content-Type": {"text/html; charset=utf-8"}})
	look := func(doc string) *Observation {
		o, _, _ := p.Observe(p.visit, final, []byte(doc), true, Scope{Shell: true})
		p.answer(Answer{Observation: o, Depth: -1})
		return o
	}
	doc := page + "</head><body><p>x</p><b>"
	for i, test := range []struct {
		document string
		repeats  bool
	}{
		{doc, false},
		{doc, true},
		{doc + "y", false}, // though no more of it is kept
		{doc + "y", true},
		{doc, false}, // the last one with the same items counts
	} {
		if got := look(test.document); got.Repeats() != test.repeats {
			t.Errorf("response %d: repeats %v, want %v", i+1, got.Repeats(), test.repeats)
		}
	}
	o, _, _ := p.Observe(p.visit, final, []byte(doc), true, Scope{Shell: true})
	for range 3 { // meanwhile
		look(top + "<script src=b.js></script></head>")
	}
	p.answer(Answer{Observation: o, Depth: -1})
	if o.Repeats() {
		t.Error("what is forgotten is not read")
	}
	if links := fmt.Sprint(o.links()); links == "[]" {
		t.Error("it asks for nothing")
	}
}
