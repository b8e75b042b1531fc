package opening

import (
	"strings"
	"testing"
	"time"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/request"
	"github.com/headstart-proxy/headstart/internal/splice"
)

func TestAudiences(t *testing.T) {
	p := newTrial()
	p.teach(3, page)

	p.visit.Audience, p.visit.Learn = request.Returning, false
	p.want(t, "[not_learned]")
	if got := string(p.plan().Expected.Bytes); got != page {
		t.Errorf("compared with %q", got)
	}
	p.match(len(page))
	p.match(len(page))
	p.want(t, "[not_learned]")
	p.match(len(top + css))
	p.want(t, top+css)
	p.match(len(top+css) - 1) // one byte of the last item is missing
	p.want(t, "[not_learned]")

	p.visit.Audience = request.Anonymous
	p.want(t, page)
}

func TestCookies(t *testing.T) {
	p := newTrial()
	for range 3 { // a first visit sets a cookie: the body teaches, the audience waits
		p.answer(Answer{Observation: observation(page), Reason: SetsCookie, Depth: -1})
	}
	p.want(t, "[sets_cookie]")
	p.visit.Audience, p.visit.Learn = request.Returning, false
	for range 3 {
		p.match(len(page))
	}
	p.want(t, page)
	p.answer(Answer{Reason: SetsCookie, Depth: -1})
	p.want(t, "[sets_cookie]")
	p.match(len(page))
	p.want(t, "[not_learned]")
}

func TestSurprise(t *testing.T) {
	p := newTrial()
	p.teach(3, page)
	for _, need := range []int{6, 12, 24, 48, 48} {
		p.want(t, page)
		p.Surprised(p.visit, p.rules, p.now)
		p.now = p.now.Add(minDemotion)
		for i := range need {
			if got := p.sent(); got != "[surprised]" {
				t.Fatalf("after %d of %d good responses: %s", i, need, got)
			}
			p.teach(1, page)
		}
	}
	p.want(t, page)

	p.Surprised(Visit{Header: p.visit.Header, Audience: request.Returning}, p.rules, p.now)
	p.want(t, page)

	// A long run of good responses clears the record.
	p.teach(2*maxNeed, page)
	p.Surprised(p.visit, p.rules, p.now)
	p.teach(6, page)
	p.want(t, "[surprised]") // too soon, for a browser without cookies
	p.now = p.now.Add(minDemotion)
	p.want(t, page)
}

// What was compared before the opening changed proves nothing of it now.
func TestStaleMatch(t *testing.T) {
	p := newTrial()
	p.teach(3, page)
	p.visit.Audience, p.visit.Learn = request.Returning, false
	before := p.plan().Expected
	p.visit.Audience, p.visit.Learn = request.Anonymous, true
	p.teach(3, strings.ReplaceAll(page, "a.css", "b.css"))
	p.visit.Audience, p.visit.Learn = request.Returning, false
	for range 3 {
		p.answer(Answer{Depth: len(before.Items), Expected: before})
	}
	p.want(t, "[not_learned]")
}

func TestCrawlersNeedACleanRecord(t *testing.T) {
	p := newTrial()
	p.visit.Audience = request.Crawler
	p.teach(3, page)
	p.want(t, page)
	p.Surprised(p.visit, p.rules, p.now)
	p.now = p.now.Add(minDemotion)
	p.teach(12, page)
	p.want(t, "[surprised]")
	p.teach(maxNeed, page)
	p.want(t, page)
}

func TestExpire(t *testing.T) {
	p := newTrial()
	p.teach(3, page)
	p.now = p.now.Add(p.rules.Expire + time.Second)
	p.want(t, "[expired]")
	p.teach(1, page)
	p.want(t, page)

	// An agreeing answer to anyone keeps it alive.
	p.visit.Audience, p.visit.Learn = request.Returning, false
	for range 4 {
		p.now = p.now.Add(p.rules.Expire * 3 / 4)
		p.match(len(page))
	}
	p.visit.Audience = request.Anonymous
	p.want(t, page)
}

func TestFastBackend(t *testing.T) {
	p := newTrial()
	p.wait = 5 * time.Millisecond
	p.teach(3, page)
	p.want(t, "[fast_backend]")
	p.wait = time.Second
	p.teach(3, page)
	p.want(t, "[fast_backend]") // three of six
	p.teach(1, page)
	p.want(t, page)
	p.rules.MinWait = 0
	p.wait = 0
	p.teach(9, page)
	p.want(t, page)
}

// A page that had to correct itself is not sent as deep again for a while, however
// many good answers others get: a visitor whose correction fails comes back.
func TestRepairedHolds(t *testing.T) {
	p := newTrial()
	p.teach(3, page)
	expected := p.plan().Early.Sequence
	depth := len(expected.Items) - 1
	if !p.Repaired(p.visit, expected, depth, p.rules, p.now) {
		t.Fatal("the opening is another one")
	}
	for range 5 {
		p.match(len(page))
	}
	p.want(t, top+css)
	p.now = p.now.Add(minDemotion)
	p.want(t, page)
	if p.Repaired(p.visit, nothing, 0, p.rules, p.now) {
		t.Error("another opening was taken for this one")
	}
}

// An opening of a doctype is padded, too.
func TestPaddingBehindTheLastItem(t *testing.T) {
	var f form
	f.sequence = splice.NewSequence([]document.Item{{Kind: document.Doctype, Raw: []byte("<!doctype html>")}})
	if n := len(f.build(1).Bytes); n != minFirstWrite {
		t.Errorf("%d bytes", n)
	}
}
