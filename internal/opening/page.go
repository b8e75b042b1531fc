package opening

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/headstart-proxy/headstart/internal/splice"
)

// Page is what one key stands for. It is safe for concurrent use; the zero value
// is ready, and has a Host to itself.
type Page struct {
	host   atomic.Pointer[Host] // nil if it has learned nothing
	warm   atomic.Bool          // there may be something for Cool to give back
	weight atomic.Uint32        // see Weight

	mu       sync.Mutex // protects all below
	id       uint32     // unlike that of any other page, nearly
	refused  uint16     // responses in a row that taught nothing
	skips    uint16     // clean requests since the last observed one
	refuser  tag        // the network of the last response that taught nothing
	coding   majority   // a Coding
	varies   pending    // with more than is known
	vary     []string   // the request headers that the page depends on
	variants []variant
	urls     *urlSet
}

// pages counts pages, for their ids.
var pages atomic.Uint32

// Settle gives the page a host, if it has none. It comes before the first
// observation.
func (p *Page) Settle(host *Host) { p.host.CompareAndSwap(nil, host) }

// Host returns the page's host, nil if it has learned nothing.
func (p *Page) Host() *Host { return p.host.Load() }

// Warm reports whether there may be something for Cool to give back.
func (p *Page) Warm() bool { return p.warm.Load() }

// Weight is a number that a store has for the page: Size, as it last knew it.
func (p *Page) Weight() *atomic.Uint32 { return &p.weight }

// Close forgets all that the page has learned. It must be called when the page is
// thrown away, so that its host knows.
func (p *Page) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget()
}

func (p *Page) forget() {
	for _, v := range p.variants {
		v.drop(func(vote) bool { return true })
	}
	p.variants = nil
}

// Cool drops what can be made again from what the page has learned.
func (p *Page) Cool() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warm.Store(false)
	for _, v := range p.variants {
		v.form = nil
	}
}

// Decide returns what to do with a request at a time.
func (p *Page) Decide(v Visit, rules Rules, now time.Time) Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.opening(p.variant(v.Header))
	if o == nil {
		return Plan{Reason: NotLearned, Unknown: true, Hintable: true, Observe: v.Learn && p.sample(), Varies: len(p.vary) > 0}
	}
	at := instantOf(now)
	plan := Plan{Varies: len(p.vary) > 0}
	cold := o.form == nil
	f := o.learned(rules)
	depths := len(f.early)
	plan.Early, plan.Reason = o.plan(v, rules, at)
	plan.Headers, plan.Charset, plan.Differs, plan.Nonces = f.headers, f.charset, f.differs, f.nonces
	if r := o.records[v.Audience]; r != nil {
		plan.Strictness = Strictness(r.strictness.strictest(rules))
	}
	if plan.Early != nil {
		if plan.Reason = p.bars(v, rules, at); plan.Reason != "" {
			plan.Early = nil
		}
	}
	o.hint(&plan, v, rules, at)
	plan.Learned = f.sequence.Len() > 0
	switch {
	case !f.full || !f.diverse:
		o.form = nil // there is nothing to keep
	case cold || !p.warm.Load() || len(f.early) != depths:
		plan.Warmed = p.warmth()
		p.warm.Store(true)
	}
	settled := plan.Early != nil || plan.Reason == FastBackend || plan.Reason == BackendEncodes
	plan.Observe = v.Learn && p.wanted(o, v, plan.Reason, settled, rules, at)
	if plan.Early == nil && (!settled || o.stale(rules, at)) && plan.Learned {
		plan.Expected = f.sequence
	}
	return plan
}

// warmth is roughly what Cool gives back, in bytes.
func (p *Page) warmth() (n int) {
	for _, v := range p.variants {
		if v.form != nil {
			n += v.form.size()
		}
	}
	return n
}

// bars says why a page that could be committed is not, for this visit.
func (p *Page) bars(v Visit, rules Rules, now instant) Reason {
	coding := Coding(p.coding.is(rules))
	switch {
	case v.NeedsPlain && coding == Encoded:
		return BackendEncodes
	case v.NeedsPlain && coding == UnknownCoding:
		return NotLearned
	case rules.SharedKey && !p.urls.has(v.Voter.URL, now, rules.Expire):
		return NotLearned // this URL may be a 404
	}
	return ""
}

// Answered takes in how a request was answered at a time. It reports whether the page
// takes more memory now, as far as it is not for an observation.
func (p *Page) Answered(v Visit, a Answer, rules Rules, now time.Time) (grown bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.extent()
	p.answered(v, a, rules, now)
	return p.extent() != before
}

// extent changes whenever the page gets more room for anything but observations.
func (p *Page) extent() int {
	n := p.urls.size() + len(p.variants)
	for _, v := range p.variants {
		for _, r := range v.records {
			n += r.extent()
		}
	}
	return n
}

func (p *Page) answered(v Visit, a Answer, rules Rules, now time.Time) {
	at, network := instantOf(now), v.Voter.network()
	if a.Coding != UnknownCoding {
		p.coding.vote(network, uint8(a.Coding), rules)
	}
	if a.Observation != nil && !p.learnVary(a.Vary, network, rules, at) {
		return
	}
	key := p.variant(v.Header)
	o := p.opening(key)
	if o == nil {
		if a.Observation == nil && a.Reason == "" {
			return // nothing to keep a record of
		}
		if o = p.add(key, network, rules, at); o == nil {
			return
		}
	}
	defer o.settle(o.form)
	if rules.SharedKey && a.Reason == Status { // that is no answer of the others
		p.urls.remove(v.Voter.URL)
		return
	}
	borne := a.Observation == nil && a.Depth >= 0 && o.expects(a.Expected, rules)
	if a.Asked != nil && o.asked(v.Audience, a.Asked, rules) && v.Learn {
		o.stir(rules)
	}
	switch {
	case borne:
		o.borne(v.Audience, a.Depth, rules)
	case a.Observation != nil:
		o.learned(rules) // which votes count
		if o.repeated(a.Observation) != nil {
			o.borne(v.Audience, never, rules)
		}
	}
	r := o.record(v.Audience)
	r.away = a.Reason == Status
	r.wait(a.Wait, network, rules)
	r.strictness.vote(network, uint8(a.Strictness), rules)
	if a.Reason != "" && r.doubts(network, 0, a.Reason, rules, at) {
		r.miss(a.Reason)
	}
	switch {
	case a.Observation != nil:
		p.refused = 0
		p.observe(o, v, a, rules, at)
	case a.Reason != "" && borne: // it speaks for no commit, but says whether the page has changed
		if v.Learn && (a.Depth < o.form.sequence.Len() || a.Reason == HeaderDiffers && o.form.differs == "") {
			o.stir(rules)
		}
	case a.Reason != "":
		if who := tagOf(network); p.refused == 0 || p.refuser != who || !rules.Public {
			p.refused = min(p.refused+1, 32)
			p.refuser = who
		}
	case borne: // else it is out of date
		p.learnURL(v.Voter.URL, rules, at)
		o.compared(v, a.Depth, rules, at)
	}
}

// observe takes in what a response taught.
func (p *Page) observe(o *Opening, v Visit, a Answer, rules Rules, now instant) {
	if p.Host() == nil {
		p.Settle(NewHost(new(atomic.Int64)))
	}
	if p.id == 0 {
		p.id = pages.Add(1)
	}
	p.learnURL(v.Voter.URL, rules, now)
	p.Host().ask(v, a.Observation, rules, now)
	o.learned(rules)
	h, reason := p.headOf(o, a)
	if h == nil {
		o.record(v.Audience).reason = reason
		return
	}
	network := v.Voter.network()
	o.missing(h, network, rules, now)
	cast := voteOf(v)
	cast.nonceSum, cast.good = uint32(a.Observation.nonceSum), a.Reason == "" //nolint:gosec // parts of hashes are enough
	reproved, counts := o.observe(h, cast, rules, now)
	switch r := o.record(v.Audience); {
	case a.Reason != "":
	case reproved && counts:
		r.count(network, rules)
		r.refutes(network)
	case counts:
		r.match(o.form.sequence.Len(), network, rules)
		r.refutes(network)
	default:
		items, body := a.Observation.Items, a.Observation.Body
		if a.Observation.Repeats() {
			items, body = h.decode()
		}
		depth := prefixIn(o.form.sequence, items, body.Bytes)
		if r.doubts(network, depth, Surprised, rules, now) {
			r.limit(depth)
		}
	}
}

// learnURL notes that a URL answered with the page.
func (p *Page) learnURL(url uint64, rules Rules, now instant) {
	if !rules.SharedKey {
		return
	}
	if p.urls == nil {
		p.urls = new(urlSet)
	}
	p.urls.add(url, now)
}

// Surprised takes the commit away from an audience, before anything is written
// that could make the visitor come back; in scope public, if no other network had
// a surprise, from the visitor's network alone.
func (p *Page) Surprised(v Visit, rules Rules, now time.Time) {
	p.surprised(v, Surprised, rules, now)
}

// Refused is Surprised for an answer that is no page: for those to whom it was
// given not even hints are sent, which would tell what the page is made of.
func (p *Page) Refused(v Visit, rules Rules, now time.Time) {
	p.surprised(v, Status, rules, now)
}

// Gone is Refused for one of many URLs that have the key, at which there is no page any
// more: that is no answer of the others.
func (p *Page) Gone(v Visit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.urls.remove(v.Voter.URL)
}

func (p *Page) surprised(v Visit, reason Reason, rules Rules, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.opening(p.variant(v.Header))
	if o == nil {
		return
	}
	at, r := instantOf(now), o.record(v.Audience)
	r.away = reason == Status
	if r.doubts(v.Voter.network(), 0, reason, rules, at) {
		r.surprise(rules, at)
	}
}

// Repaired lowers what an audience has proved, before anything is written that
// corrects a page in front of the visitor; in scope public, if no other network
// shows the same, for the visitor's network alone. It reports false if the opening
// is another one by now.
func (p *Page) Repaired(v Visit, expected *splice.Sequence, depth int, rules Rules, now time.Time) bool {
	return p.corrected(v, expected, depth, rules, now, (*record).repaired)
}

func (p *Page) corrected(v Visit, expected *splice.Sequence, depth int, rules Rules, now time.Time, note func(*record, int, instant)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.opening(p.variant(v.Header))
	if o == nil {
		return false
	}
	defer o.settle(o.form)
	if !o.expects(expected, rules) {
		return false
	}
	at := instantOf(now)
	if r := o.record(v.Audience); r.doubts(v.Voter.network(), depth, Surprised, rules, at) {
		note(r, depth, at)
	}
	return true
}

// Differed is Repaired for a page that had to be loaded again because its body differed
// where it cannot be taken back: that takes longer each time, until such pages are sent
// up to the difference only.
func (p *Page) Differed(v Visit, expected *splice.Sequence, depth int, rules Rules, now time.Time) bool {
	return p.corrected(v, expected, depth, rules, now, (*record).differed)
}

// Size is roughly what the page takes in memory beside what Cool gives back, in
// bytes.
func (p *Page) Size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := pageSize + variantSize*cap(p.variants) + p.urls.size()
	for _, name := range p.vary {
		n += 16 + len(name)
	}
	var heads []*head
	for _, v := range p.variants {
		n += v.size()
		heads = append(heads, v.heads()...)
	}
	if len(heads) > 0 {
		n += p.host.Load().alone(heads)
	}
	return n
}

const (
	pageSize    = int(unsafe.Sizeof(Page{}))
	variantSize = int(unsafe.Sizeof(variant{}))
)
