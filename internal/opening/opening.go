package opening

import (
	"slices"
	"time"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/request"
)

// minFirstWrite is the least that is sent at first, in bytes. WebKit waits for
// that many before it paints, and Caddy's encode needs more than 512 to
// compress.
const minFirstWrite = 1024

// maxEarly is for how many depths the bytes to write are kept ready; audiences
// differ in depth.
const maxEarly = request.Audiences

// Rules are the options by which openings are learned and used.
type Rules struct {
	LearnAfter int           // observations in a row that must agree
	Public     bool          // scope public: their senders must be diverse
	SharedKey  bool          // many URLs share the key: theirs must differ
	Expire     time.Duration // since the last agreeing answer
	MinWait    time.Duration // below which the backend is fast enough
	Ignored    Ignored
}

// Opening is what is known of a page, for one combination of the headers named
// by Vary. The Page's mutex protects it.
type Opening struct {
	window   []Observation // the last learn_after observations, the newest last
	observed time.Time     // the last of them
	agreed   time.Time     // the last answer that agreed

	// What all of a full window share; set by merge.
	items    []document.Item
	headers  Headers
	charset  string
	differs  string // the protective header in which they differ
	expected []byte // the bytes of items

	early   map[int]*Early // by depth; dropped when items change
	records [request.Audiences]record
}

// Early is what goes out before the backend answers. It is never changed.
type Early struct {
	Bytes    []byte // to write: the first items, padded
	Expected []byte // what all items are; the backend should repeat it
	Sent     int    // Bytes hold Expected[:Sent], padding aside

	ends []int // where in Expected each item that was sent ends
}

// Whole returns the end of the last sent item of which all bytes were matched.
func (e *Early) Whole(matched int) int {
	i, found := slices.BinarySearch(e.ends, matched)
	switch {
	case found:
		return matched
	case i == 0:
		return 0
	}
	return e.ends[i-1]
}

// observe takes in an observation, and reports whether what the audiences have
// proved was set anew by it.
func (o *Opening) observe(obs Observation, rules Rules, now time.Time) (reproved bool) {
	if n := len(o.window); n > 0 {
		obs.adopt(o.window[n-1].Items)
	} else {
		obs.adopt(nil)
	}
	o.window = slices.DeleteFunc(o.window, func(w Observation) bool { return sameVote(w.voter, obs.voter, rules) })
	o.window = append(o.window, obs)
	if extra := len(o.window) - rules.LearnAfter; extra > 0 {
		o.window = slices.Delete(o.window, 0, extra)
	}
	o.observed, o.agreed = now, now
	return o.merge(rules)
}

// merge finds what the window shares, and adjusts what each audience has proved.
// It reports whether that was set anew, and not only limited.
func (o *Opening) merge(rules Rules) (reproved bool) {
	before := o.items
	o.items, o.headers, o.charset, o.differs = nil, nil, "", ""
	if len(o.window) == rules.LearnAfter && diverse(o.window, rules) {
		first := o.window[0]
		o.items = first.Items[:sharedItems(o.window)]
		o.headers, o.charset = first.Headers, first.Charset
		for _, obs := range o.window[1:] {
			if o.differs == "" {
				o.differs = first.Headers.Differs(obs.Headers, rules.Ignored)
			}
			if obs.Charset != o.charset {
				o.items = nil
			}
			o.headers = o.headers.shared(obs.Headers)
		}
	}
	kept := commonItems(before, o.items)
	if kept == len(before) && kept == len(o.items) {
		return false
	}
	o.early = nil
	o.expected = concat(o.items)
	reproved = kept < len(o.items)
	for audience := range request.Audience(request.Audiences) {
		if r := &o.records[audience]; reproved {
			o.reprove(audience, r)
		} else {
			r.limit(kept)
		}
	}
	return reproved
}

// reprove sets what an audience has proved of items that are new: every one of
// its good observations in the window holds them all.
func (o *Opening) reprove(audience request.Audience, r *record) {
	r.depths = r.depths[:0]
	for _, obs := range o.window {
		if obs.good && obs.audience == audience {
			r.depths = append(r.depths, len(o.items))
		}
	}
}

// plan returns what may be sent to an audience now, or why nothing may.
func (o *Opening) plan(audience request.Audience, rules Rules, now time.Time) (*Early, Reason) {
	r := &o.records[audience]
	flushable := o.flushable()
	switch {
	case r.reason != "":
		return nil, r.reason
	case len(o.window) < rules.LearnAfter:
		return nil, NotLearned
	case o.differs != "":
		return nil, HeaderDiffers
	case csp.HasNonce(o.headers.Values(csp.Enforce)), csp.HasNonce(o.headers.Values(csp.ReportOnly)):
		return nil, Nonce
	case !diverse(o.window, rules):
		return nil, NotLearned
	case !useful(o.items[:flushable]):
		return nil, Unstable
	case now.Sub(o.agreed) > rules.Expire:
		return nil, Expired
	}
	depth := min(r.proved(rules, now), flushable)
	if audience == request.Crawler && r.surprises > 0 {
		return nil, Surprised
	}
	if !useful(o.items[:depth]) {
		if r.need > 0 {
			return nil, Surprised
		}
		return nil, NotLearned
	}
	if wait, ok := r.median(); ok && wait < rules.MinWait {
		return nil, FastBackend
	}
	return o.build(depth), ""
}

// flushable returns how many items may be sent at all: up to the first that
// carries a nonce, or a policy that would govern what follows, or a script that
// would run before there is a body.
func (o *Opening) flushable() int {
	for i, item := range o.items {
		if item.Nonce || item.Policy || item.Async {
			return i
		}
	}
	return len(o.items)
}

// useful reports whether items hold something that a browser can act on before
// the rest comes: something to fetch or to run.
func useful(items []document.Item) bool {
	return slices.ContainsFunc(items, func(item document.Item) bool {
		return item.Name == "link" || item.Name == "script" || item.Name == "style"
	})
}

// build returns the bytes of the first depth items, padded.
func (o *Opening) build(depth int) *Early {
	if e := o.early[depth]; e != nil {
		return e
	}
	e := &Early{Expected: o.expected}
	for _, item := range o.items[:depth] {
		e.Sent += len(item.Raw)
		e.ends = append(e.ends, e.Sent)
	}
	pad := max(minFirstWrite-e.Sent, 0)
	e.Bytes = make([]byte, 0, e.Sent+pad)
	at := padAt(o.items[:depth])
	for i, item := range o.items[:depth] {
		if i == at {
			e.Bytes = appendPadding(e.Bytes, pad)
		}
		e.Bytes = append(e.Bytes, item.Raw...)
	}
	if o.early == nil || len(o.early) == maxEarly {
		o.early = make(map[int]*Early)
	}
	o.early[depth] = e
	return e
}

// padAt returns the index of the item that padding goes before: right after the
// byte order mark and the doctype, where the parser ignores white space (HTML
// Standard, section 13.2.6.4.2).
func padAt(items []document.Item) int {
	at := 0
	for i, item := range items {
		switch item.Kind {
		case document.BOM, document.Doctype:
			at = i + 1
		case document.HTML, document.Head, document.Child:
			return at
		default:
		}
	}
	return at
}

func appendPadding(b []byte, n int) []byte {
	for range n {
		b = append(b, '\n')
	}
	return b
}

func concat(items []document.Item) []byte {
	var b []byte
	for _, item := range items {
		b = append(b, item.Raw...)
	}
	return b
}

// depth returns how many whole items a number of matched bytes is.
func (o *Opening) depth(matched int) int {
	for i, item := range o.items {
		matched -= len(item.Raw)
		if matched < 0 {
			return i
		}
	}
	return len(o.items)
}

// size is roughly what the opening takes in memory, in bytes. Items that
// observations share are counted once.
func (o *Opening) size() int {
	n := 512 + (1+maxEarly)*(len(o.expected)+minFirstWrite)
	seen := make(map[*byte]bool)
	for _, obs := range o.window {
		n += 64*len(obs.Items) + obs.Headers.size()
		for _, item := range obs.Items {
			if len(item.Raw) > 0 && !seen[&item.Raw[0]] {
				seen[&item.Raw[0]] = true
				n += len(item.Raw)
			}
		}
	}
	return n
}
