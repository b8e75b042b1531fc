package opening

import (
	"bytes"
	"slices"

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

// form is what the votes of a window make together. It can be made anew from the
// window at any time, and is dropped from pages that nobody asks for.
type form struct {
	full    bool // there are enough votes
	diverse bool // their senders are diverse enough
	outlier int  // the vote that does not count, -1 if all do
	// outlierBears is whether its response is as all that is shared.
	outlierBears bool

	sequence *splice.Sequence // the items that may be sent, and of the body what may
	late     bool             // something of the head comes late
	headers  Headers
	charset  string
	nonces   []string // what stands for nonces in sequence and headers
	differs  string   // the protective header in which they differ
	bars     Reason   // why none of it may be sent

	hints     []hint   // what all ask for, the most urgent first
	importMap bool     // in the head
	policies  []string // what the headers say of what may be fetched
	discreet  bool     // … and that others are told less than a Link would tell them

	assets   []uint32 // the stylesheets and scripts of the sequence, as the host numbers them
	suspects []uint32 // those of the sequence and of hints that are gone from another page

	early  map[int]*Early // by depth
	looked uint32         // the host's suspicions when suspects were asked for
}

// nothing is the sequence of an opening that is not learned.
var nothing = splice.NewSequence(nil)

// newForm finds what the votes of a window share. In scope public, where a window
// holds one vote more than have to agree, one vote does not count: that without
// which most is shared, or the oldest. So no network alone can keep a page from
// being learned, or change what was.
func newForm(window []vote, rules Rules) *form {
	return make(decoder, 1).form(window, rules)
}

func (d decoder) form(window []vote, rules Rules) *form {
	if len(window) <= rules.LearnAfter {
		return d.merge(window, -1, rules)
	}
	best := d.merge(window, 0, rules)
	if alike(window) && best.diverse {
		return best
	}
	for outlier := 1; outlier < len(window); outlier++ {
		if f := d.merge(window, outlier, rules); f.worth() > best.worth() {
			best = f
		}
	}
	return best
}

// merge makes a form of a window without its outlier.
func (d decoder) merge(window []vote, outlier int, rules Rules) *form {
	f := &form{outlier: outlier, sequence: nothing, full: len(window) >= rules.LearnAfter}
	votes := window
	if outlier >= 0 {
		votes = slices.Delete(slices.Clone(window), outlier, outlier+1)
	}
	f.diverse = diverse(votes, rules)
	if !f.full || !f.diverse {
		return f
	}
	first := votes[0].head.frame
	f.headers, f.charset, f.nonces = first.headers, first.charset, first.nonces
	lists := make([][]document.Item, len(votes))
	sums := make(map[uint32]bool)
	for i, v := range votes {
		lists[i] = d.read(v.head).items
		if f.differs == "" {
			f.differs = first.headers.Differs(v.head.frame.headers, rules.Ignored)
		}
		f.headers = f.headers.shared(v.head.frame.headers)
		switch {
		case v.head.frame.bars != "":
			f.bars = v.head.frame.bars
		case len(v.head.frame.nonces) > 0 && sums[v.nonceSum]:
			f.bars = Nonce // it repeats
		case v.head.frame.charset != f.charset:
			return f
		}
		sums[v.nonceSum] = true
	}
	head := mergeHeads(lists, rules.EarlyAsync)
	shared := d.shared(votes)
	var body document.Body
	if head.ends {
		body = mergeBodies(shared, head.late, rules.EarlyAsync)
	}
	f.fill(head, body)
	ids := idsIn(votes[0].head, lists[0])
	f.fillHints(head, shared, sharedLinks(votes), ids, rules)
	if outlier >= 0 {
		h := window[outlier].head
		f.outlierBears = prefixIn(f.sequence, d.read(h).items, d.read(h).body.Bytes) == f.sequence.Len() &&
			h.frame.bars == "" && h.frame.charset == f.charset && first.headers.Differs(h.frame.headers, rules.Ignored) == ""
	}
	for _, item := range f.sequence.Items {
		if id := ids[string(item.Raw)]; id != 0 {
			f.assets = append(f.assets, id)
		}
	}
	return f
}

// fill takes in a merged head and the body behind it.
func (f *form) fill(head merged, body document.Body) {
	var items []document.Item
	for _, s := range head.steps {
		if s.fate == flushed {
			items = append(items, s.item)
		}
	}
	if len(items) > 0 || len(body.Points) > 0 {
		f.sequence = splice.NewShell(items, body)
	}
	f.late = head.partial || len(head.late) > 0
}

// idsIn returns the numbers of the stylesheets and scripts among the items of a head, by
// their bytes. They are shared by the host.
func idsIn(h *head, items []document.Item) map[string]uint32 {
	ids := make(map[string]uint32)
	i := -1
	for id, raw := range parts(h.code[:h.items]) {
		if i++; i < len(items) && raw == nil && items[i].Has(document.Styles|document.Script) {
			ids[string(items[i].Raw)] = id
		}
	}
	return ids
}

// sharedLinks returns the Links that all votes have in their headers, or in those of 103
// responses.
func sharedLinks(votes []vote) []hints.Link {
	links := votes[0].head.frame.links
	for _, v := range votes[1:] {
		if other := v.head.frame; other != votes[0].head.frame {
			links = slices.DeleteFunc(slices.Clone(links), func(l hints.Link) bool { return !slices.Contains(other.links, l) })
		}
	}
	return links
}

// worth is how much may be sent, in bytes.
func (f *form) worth() int {
	if f.bars != "" || f.differs != "" {
		return -1
	}
	return len(f.sequence.Bytes)
}

// bears reports whether the vote at a place of the window bears out what is shared.
// The outlier may: then it is only one more than it takes.
func (f *form) bears(vote int) bool { return vote != f.outlier || f.outlierBears }

// keep takes over what was made of a form with the same items.
func (f *form) keep(before *form) {
	f.sequence, f.early = before.sequence, before.early
}

// reach returns to how many steps an audience may be committed at most. A crawler
// runs no script that could move into the head what comes behind a shell.
func (f *form) reach(audience request.Audience, rules Rules) int {
	if !rules.Shell || audience == request.Crawler && (!rules.CrawlerShell || f.late) {
		return len(f.sequence.Items)
	}
	return f.sequence.Len()
}

// useful reports whether the first steps, or the Link values sent with them, hold
// something that a browser can act on before the rest comes: something to show, to
// fetch or to run.
func (f *form) useful(depth int, rules Rules) bool {
	items := f.sequence.Head(depth)
	// The first step of a body is its tag, as a rule.
	return depth > len(f.sequence.Items)+1 || depth > 0 && (f.reveals(rules) || slices.ContainsFunc(items, func(item document.Item) bool {
		return item.Name == "link" || item.Name == "script" || item.Name == "style"
	}))
}

// namesCharset reports whether the encoding is beyond doubt if the first steps are
// sent: a header names it, or one of them does, so that a response with another
// one differs in it.
func (f *form) namesCharset(depth int) bool {
	_, charset := ContentType(f.headers.Get("Content-Type"))
	return charset != "" || slices.ContainsFunc(f.sequence.Head(depth), func(item document.Item) bool {
		return item.Kind == document.BOM || item.Has(document.Charset)
	})
}

// build returns the bytes of the first depth steps, padded.
func (f *form) build(depth int) *Early {
	if e := f.early[depth]; e != nil {
		return e
	}
	e := &Early{Sequence: f.sequence, Sent: depth, places: placesOf(f.sequence.Bytes, f.nonces)}
	size := f.sequence.Size(depth)
	e.Bytes = f.sequence.Bytes[:size:size]
	if pad := minFirstWrite - size; pad > 0 && depth > 0 {
		at := f.sequence.Size(padAt(f.sequence.Head(depth)))
		e.Bytes = slices.Concat(e.Bytes[:at], bytes.Repeat([]byte{'\n'}, pad), e.Bytes[at:])
	}
	if f.early == nil || len(f.early) == maxEarly {
		f.early = make(map[int]*Early)
	}
	f.early[depth] = e
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

// size is roughly what the form takes in memory, in bytes.
func (f *form) size() int {
	n := formSize + 4*len(f.assets) + 64*len(f.headers) // what headers hold is the frame's
	n += f.sizeOfHints()
	for _, e := range f.early {
		n += earlySize + placeSize*len(e.places)
		if len(e.Bytes) > f.sequence.Size(e.Sent) { // padded, else they are the sequence's
			n += cap(e.Bytes)
		}
	}
	if s := f.sequence; s != nothing { // it has its items' bytes in one piece, and again as keys of a map
		n += cap(s.Bytes) + s.Size(len(s.Items)) + sequenceItemSize*len(s.Items) + sequenceStepSize*(s.Len()-len(s.Items))
	}
	return n
}

// What a form, the bytes for one depth, an item of its sequence and a step of the
// body cost beside their contents, in bytes.
const (
	formSize         = 1 << 10
	earlySize        = 128
	placeSize        = 16
	sequenceItemSize = 200
	sequenceStepSize = 12
)
