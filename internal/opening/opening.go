package opening

import (
	"slices"
	"time"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/hints"
	"github.com/headstart-proxy/headstart/internal/request"
	"github.com/headstart-proxy/headstart/internal/splice"
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
	EarlyAsync bool          // async scripts are sent early, too
	Ignored    Ignored
}

// Opening is what is known of a page, for one combination of the headers named
// by Vary. The Page's mutex protects it.
type Opening struct {
	window   []Observation // the last learn_after observations, the newest last
	observed time.Time     // the last of them
	agreed   time.Time     // the last answer that agreed

	// What all of a full window share; set by merge.
	sequence *splice.Sequence // the items that may be sent
	headers  Headers
	charset  string
	nonces   []string // what stands for nonces in sequence and headers
	links    []string // Link values for what is not in the sequence
	differs  string   // the protective header in which they differ
	bars     Reason   // why none of it may be sent

	early   map[int]*Early // by depth; dropped when the sequence changes
	records [request.Audiences]record
}

// Early is what goes out before the backend answers. It is never changed.
type Early struct {
	Bytes    []byte           // to write: the first items, padded
	Sequence *splice.Sequence // what the backend should repeat
	Sent     int              // Bytes hold so many of its items
}

// nothing is the sequence of an opening that is not learned.
var nothing = splice.NewSequence(nil)

func newOpening() *Opening { return &Opening{sequence: nothing} }

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
	before := o.sequence.Items
	items := o.mergeWindow(rules)
	kept := commonItems(before, items)
	if kept == len(before) && kept == len(items) {
		return false
	}
	o.early = nil
	o.sequence = splice.NewSequence(items)
	reproved = kept < len(items)
	for audience := range request.Audience(request.Audiences) {
		if r := &o.records[audience]; reproved {
			o.reprove(audience, r)
		} else {
			r.limit(kept)
		}
	}
	return reproved
}

// mergeWindow sets what the window shares, and returns the items to be sent.
func (o *Opening) mergeWindow(rules Rules) (items []document.Item) {
	o.headers, o.charset, o.nonces, o.links, o.differs, o.bars = nil, "", nil, nil, "", ""
	if len(o.window) < rules.LearnAfter || !diverse(o.window, rules) {
		return nil
	}
	first := o.window[0]
	o.headers, o.charset, o.nonces = first.Headers, first.Charset, first.nonces
	lists := make([][]document.Item, len(o.window))
	sums := make(map[uint64]bool)
	for i, obs := range o.window {
		lists[i] = obs.Items
		if o.differs == "" {
			o.differs = first.Headers.Differs(obs.Headers, rules.Ignored)
		}
		o.headers = o.headers.shared(obs.Headers)
		switch {
		case obs.bars != "":
			o.bars = obs.bars
		case len(obs.nonces) > 0 && sums[obs.nonceSum]:
			o.bars = Nonce // it repeats
		case obs.Charset != o.charset:
			return nil
		}
		sums[obs.nonceSum] = true
	}
	var late []document.Item
	for _, s := range mergeHeads(lists, rules.EarlyAsync) {
		if s.fate == flushed {
			items = append(items, s.item)
		}
		if s.fate == hinted || s.item.Name == "base" || s.item.Slot == "meta referrer" {
			late = append(late, s.item)
		}
	}
	o.links = hints.List(late, o.headers.Values("Link"))
	return items
}

// reprove sets what an audience has proved of items that are new: every one of
// its good observations in the window bears them all out.
func (o *Opening) reprove(audience request.Audience, r *record) {
	r.depths = r.depths[:0]
	for _, obs := range o.window {
		if obs.good && obs.audience == audience {
			r.depths = append(r.depths, len(o.sequence.Items))
		}
	}
}

// plan returns what may be sent to an audience now, or why nothing may.
func (o *Opening) plan(audience request.Audience, rules Rules, now time.Time) (*Early, Reason) {
	r := &o.records[audience]
	switch {
	case r.reason != "":
		return nil, r.reason
	case len(o.window) < rules.LearnAfter:
		return nil, NotLearned
	case o.bars != "":
		return nil, o.bars
	case o.differs != "":
		return nil, HeaderDiffers
	case !diverse(o.window, rules):
		return nil, NotLearned
	case !o.useful(len(o.sequence.Items)), !o.namesCharset(len(o.sequence.Items)):
		return nil, Unstable
	case now.Sub(o.agreed) > rules.Expire:
		return nil, Expired
	}
	depth := r.proved(rules, now)
	if audience == request.Crawler && r.surprises > 0 {
		return nil, Surprised
	}
	if !o.useful(depth) || !o.namesCharset(depth) {
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

// useful reports whether the first items, or the Link values sent with them, hold
// something that a browser can act on before the rest comes: something to fetch or
// to run.
func (o *Opening) useful(depth int) bool {
	items := o.sequence.Items[:depth]
	return depth > 0 && (len(o.links) > 0 || slices.ContainsFunc(items, func(item document.Item) bool {
		return item.Name == "link" || item.Name == "script" || item.Name == "style"
	}))
}

// namesCharset reports whether the encoding is beyond doubt if the first items are
// sent: a header names it, or one of them does, so that a response with another
// one differs in it.
func (o *Opening) namesCharset(depth int) bool {
	_, charset := ContentType(o.headers.Get("Content-Type"))
	return charset != "" || slices.ContainsFunc(o.sequence.Items[:depth], func(item document.Item) bool {
		return item.Kind == document.BOM || item.Has(document.Charset)
	})
}

// build returns the bytes of the first depth items, padded.
func (o *Opening) build(depth int) *Early {
	if e := o.early[depth]; e != nil {
		return e
	}
	e := &Early{Sequence: o.sequence, Sent: depth}
	items := o.sequence.Items[:depth]
	size := o.sequence.Size(depth)
	pad := max(minFirstWrite-size, 0)
	e.Bytes = make([]byte, 0, size+pad)
	at := padAt(items)
	for i, item := range items {
		if i == at {
			e.Bytes = appendPadding(e.Bytes, pad)
		}
		e.Bytes = append(e.Bytes, item.Raw...)
	}
	if at > 0 && at == len(items) {
		e.Bytes = appendPadding(e.Bytes, pad)
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

// size is roughly what the opening takes in memory, in bytes. Items that
// observations share are counted once.
func (o *Opening) size() int {
	n := 512 + (1+maxEarly)*(len(o.sequence.Bytes)+minFirstWrite) + 96*len(o.sequence.Items)
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
