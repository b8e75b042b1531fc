package opening

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headstart-proxy/headstart/internal/request"
	"github.com/headstart-proxy/headstart/internal/splice"
)

const (
	// maxVariants is how many combinations of the headers named by Vary one page
	// may have.
	maxVariants = 8
	// maxSkips is how many clean requests in a row may go unobserved on a page
	// that taught nothing so far, or is known well.
	maxSkips = 48
)

// Page is what one key stands for. It is safe for concurrent use; the zero value
// is ready.
type Page struct {
	mu       sync.Mutex // protects all below
	vary     []string   // the request headers that the page depends on
	variants map[string]*Opening
	coding   Coding
	refused  int // responses in a row that taught nothing
	skips    int // clean requests since the last observed one
	urls     urlSet
}

// Coding says whether the backend compresses the page by itself.
type Coding uint8

// The codings.
const (
	UnknownCoding Coding = iota // it was not asked yet
	Plain                       // it was asked to, and did not
	Encoded                     // it does
)

// Visit is one request, as a Page has to know it.
type Visit struct {
	Header   http.Header // of the request
	Audience request.Audience
	Voter    Voter
	Learn    bool // the request is clean: its response may teach
	// NeedsPlain says that the visitor accepts compression, and nothing outside
	// compresses. A page that the backend compresses is then not committed.
	NeedsPlain bool
}

// Plan is what to do with one request.
type Plan struct {
	// Early is sent at once, under Headers; nil if Reason says why not.
	Early      *Early
	Reason     Reason
	Differs    string // the header behind HeaderDiffers
	Headers    Headers
	Charset    string   // to be named in Content-Type, if Headers name none
	Nonces     []string // what stands for nonces in Early and Headers
	Links      []string // Link values to be sent with Headers
	Strictness Strictness

	// Varies is whether the page depends on request headers.
	Varies bool
	// Observe is whether the response should be observed in full.
	Observe bool
	// Expected is what the response should be compared with, if it is not
	// committed; nil if there is nothing, or no need.
	Expected *splice.Sequence
}

// Decide returns what to do with a request at a time.
func (p *Page) Decide(v Visit, rules Rules, now time.Time) Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.variants[p.variant(v.Header)]
	if o == nil {
		return Plan{Reason: NotLearned, Observe: v.Learn && p.sample(), Varies: len(p.vary) > 0}
	}
	plan := Plan{Varies: len(p.vary) > 0}
	plan.Early, plan.Reason = o.plan(v.Audience, rules, now)
	plan.Headers, plan.Charset, plan.Differs, plan.Nonces = o.headers, o.charset, o.differs, o.nonces
	plan.Links = o.links
	plan.Strictness = o.records[v.Audience].strictness
	if plan.Early != nil {
		if plan.Reason = p.bars(v, rules); plan.Reason != "" {
			plan.Early = nil
		}
	}
	stale := now.Sub(o.observed) > rules.Expire/4
	settled := plan.Early != nil || plan.Reason == FastBackend || plan.Reason == BackendEncodes
	plan.Observe = v.Learn && (stale || !settled && p.sample() || settled && plan.Early == nil && p.sampleRarely())
	if plan.Early == nil && (!settled || stale) && len(o.sequence.Items) > 0 {
		plan.Expected = o.sequence
	}
	return plan
}

// bars says why a page that could be committed is not, for this visit.
func (p *Page) bars(v Visit, rules Rules) Reason {
	switch {
	case v.NeedsPlain && p.coding == Encoded:
		return BackendEncodes
	case v.NeedsPlain && p.coding == UnknownCoding:
		return NotLearned
	case rules.SharedKey && !p.urls.has(v.Voter.URL):
		return NotLearned // this URL may be a 404
	}
	return ""
}

// sample reports whether a clean request of a page that is not settled should be
// observed: always at first, ever more rarely while responses teach nothing.
func (p *Page) sample() bool {
	if p.refused < 3 {
		return true
	}
	p.skips++
	if p.skips < min(1<<(p.refused-2), maxSkips) {
		return false
	}
	p.skips = 0
	return true
}

// sampleRarely does the same for a page that is known well but not committed.
func (p *Page) sampleRarely() bool {
	p.skips++
	if p.skips < maxSkips {
		return false
	}
	p.skips = 0
	return true
}

// Answer is what the backend answered to one request.
type Answer struct {
	// Reason says why the response taught nothing or was not as expected; "" if
	// it was good.
	Reason Reason
	// Observation is the response's opening, if it was observed. The Page keeps
	// it and copies its items.
	Observation *Observation
	// Depth is how many items of Expected the response bears out, -1 if they were
	// not compared; Expected is from the Plan.
	Depth      int
	Expected   *splice.Sequence
	Vary       []string      // from VaryNames
	Wait       time.Duration // until the backend's header
	Strictness Strictness
	Coding     Coding // UnknownCoding if the request did not ask for one
}

// Answered takes in how a request was answered at a time.
func (p *Page) Answered(v Visit, a Answer, rules Rules, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.Coding != UnknownCoding {
		p.coding = a.Coding
	}
	if a.Observation != nil {
		p.learnVary(a.Vary)
	}
	key := p.variant(v.Header)
	o := p.variants[key]
	if o == nil {
		if a.Observation == nil && a.Reason == "" {
			return // nothing to keep a record of
		}
		o = p.add(key)
	}
	r := &o.records[v.Audience]
	r.wait(a.Wait)
	r.strictness = a.Strictness
	if a.Reason != "" {
		r.miss(a.Reason)
	}
	switch {
	case a.Observation != nil:
		p.refused = 0
		p.urls.add(v.Voter.URL)
		a.Observation.audience, a.Observation.voter = v.Audience, v.Voter
		a.Observation.good = a.Reason == ""
		reproved := o.observe(*a.Observation, rules, now)
		switch {
		case a.Reason != "":
		case reproved:
			r.count()
		default:
			r.match(len(o.sequence.Items), rules)
		}
	case a.Reason != "":
		p.refused++
	case a.Depth >= 0 && a.Expected == o.sequence: // else it is out of date
		p.urls.add(v.Voter.URL)
		if proved := r.proved(rules, now); a.Depth == len(o.sequence.Items) || proved > 0 && a.Depth >= proved {
			o.agreed = now
		}
		r.match(a.Depth, rules)
	}
}

// Surprised takes the commit away from an audience, before anything is written
// that could make the visitor come back.
func (p *Page) Surprised(v Visit, rules Rules, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.variants[p.variant(v.Header)]; o != nil {
		o.records[v.Audience].surprise(rules, now)
	}
}

// Repaired lowers what an audience has proved, before anything is written that
// corrects a page in front of the visitor. It reports false if the opening is
// another one by now.
func (p *Page) Repaired(v Visit, expected *splice.Sequence, depth int, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.variants[p.variant(v.Header)]
	if o == nil || o.sequence != expected {
		return false
	}
	o.records[v.Audience].repaired(depth, now)
	return true
}

// Size is roughly what the page takes in memory, in bytes.
func (p *Page) Size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 256 + p.urls.size()
	for key, o := range p.variants {
		n += len(key) + o.size()
	}
	return n
}

// learnVary takes in the Vary of a response. A page that turns out to depend on
// more than was known is learned anew.
func (p *Page) learnVary(names []string) {
	for _, name := range names {
		if !slices.Contains(p.vary, name) {
			p.vary = append(p.vary, name)
			p.variants = nil
		}
	}
}

// variant returns the key of the variant for a request.
func (p *Page) variant(h http.Header) string {
	if len(p.vary) == 0 {
		return ""
	}
	var b strings.Builder
	for _, name := range p.vary {
		for _, value := range h[name] {
			b.WriteString(value)
			b.WriteByte(0)
		}
		b.WriteByte('\n') // in no header value
	}
	return b.String()
}

func (p *Page) add(key string) *Opening {
	if p.variants == nil {
		p.variants = make(map[string]*Opening)
	}
	if len(p.variants) >= maxVariants {
		// Those that have not been learned go first, then the oldest.
		first := ""
		for k, o := range p.variants {
			old := p.variants[first]
			if old == nil || len(o.sequence.Items) == 0 && len(old.sequence.Items) > 0 ||
				(len(o.sequence.Items) == 0) == (len(old.sequence.Items) == 0) && o.agreed.Before(old.agreed) {
				first = k
			}
		}
		delete(p.variants, first)
	}
	o := newOpening()
	p.variants[key] = o
	return o
}
