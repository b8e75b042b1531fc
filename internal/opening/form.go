package opening

import (
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

	sequence *splice.Sequence // the items that may be sent
	headers  Headers
	charset  string
	nonces   []string // what stands for nonces in sequence and headers
	links    []string // Link values for what is not in the sequence
	hints    []string // Link values for what is
	differs  string   // the protective header in which they differ
	bars     Reason   // why none of it may be sent

	assets []uint32 // the stylesheets and scripts of the sequence, as the host numbers them

	early        map[int]*Early // by depth
	suspicions   uint32         // the host's, when suspectSince was asked for
	suspectSince instant
}

// nothing is the sequence of an opening that is not learned.
var nothing = splice.NewSequence(nil)

// newForm finds what the votes of a window share. In scope public, where a window
// holds one vote more than have to agree, one vote does not count: that without
// which most is shared, or the oldest. So no network alone can keep a page from
// being learned, or change what was.
func newForm(window []vote, rules Rules) *form {
	d := newDecoder(window)
	if len(window) <= rules.LearnAfter {
		return d.merge(window, -1, rules)
	}
	best := d.merge(window, 0, rules)
	if d.alike && best.diverse {
		return best
	}
	for outlier := 1; outlier < len(window); outlier++ {
		if f := d.merge(window, outlier, rules); f.worth() > best.worth() {
			best = f
		}
	}
	return best
}

// decoder has the items of the heads of a window.
type decoder struct {
	heads map[*head][]document.Item
	alike bool // the heads are the same
}

func newDecoder(window []vote) decoder {
	d := decoder{heads: make(map[*head][]document.Item, 1)}
	for _, v := range window {
		if d.heads[v.head] == nil {
			d.heads[v.head] = v.head.decode()
		}
	}
	d.alike = len(d.heads) == 1
	return d
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
		lists[i] = d.heads[v.head]
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
	f.fill(mergeHeads(lists, rules.EarlyAsync))
	if outlier >= 0 {
		h := window[outlier].head
		f.outlierBears = prefixIn(f.sequence.Items, d.heads[h]) == len(f.sequence.Items) &&
			h.frame.bars == "" && h.frame.charset == f.charset && first.headers.Differs(h.frame.headers, rules.Ignored) == ""
	}
	f.assets = assetsOf(votes[0].head, d.heads[votes[0].head], f.sequence.Items)
	return f
}

// fill takes in the items of a merged head.
func (f *form) fill(steps []step) {
	var items, late []document.Item
	for _, s := range steps {
		if s.fate == flushed {
			items = append(items, s.item)
		}
		if s.fate == hinted || s.item.Name == "base" || s.item.Slot == "meta referrer" {
			late = append(late, s.item)
		}
	}
	if len(items) > 0 {
		f.sequence = splice.NewSequence(items)
	}
	f.links = hints.List(late, f.headers.Values("Link"))
	f.hints = hints.List(slices.Concat(items, late), nil)
}

// assetsOf returns the numbers of the stylesheets and scripts among the items that
// are sent. They are shared by the host, and in each of the heads.
func assetsOf(h *head, items, sent []document.Item) (assets []uint32) {
	i := -1
	for id, raw := range h.parts() {
		if i++; raw != nil || !items[i].Has(document.Styles|document.Script) {
			continue
		}
		if slices.ContainsFunc(sent, func(item document.Item) bool { return same(item, items[i]) }) {
			assets = append(assets, id)
		}
	}
	return assets
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

// useful reports whether the first items, or the Link values sent with them, hold
// something that a browser can act on before the rest comes: something to fetch or
// to run.
func (f *form) useful(depth int) bool {
	items := f.sequence.Items[:depth]
	return depth > 0 && (len(f.links) > 0 || slices.ContainsFunc(items, func(item document.Item) bool {
		return item.Name == "link" || item.Name == "script" || item.Name == "style"
	}))
}

// namesCharset reports whether the encoding is beyond doubt if the first items are
// sent: a header names it, or one of them does, so that a response with another
// one differs in it.
func (f *form) namesCharset(depth int) bool {
	_, charset := ContentType(f.headers.Get("Content-Type"))
	return charset != "" || slices.ContainsFunc(f.sequence.Items[:depth], func(item document.Item) bool {
		return item.Kind == document.BOM || item.Has(document.Charset)
	})
}

// build returns the bytes of the first depth items, padded.
func (f *form) build(depth int) *Early {
	if e := f.early[depth]; e != nil {
		return e
	}
	e := &Early{Sequence: f.sequence, Sent: depth}
	items := f.sequence.Items[:depth]
	size := f.sequence.Size(depth)
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

func appendPadding(b []byte, n int) []byte {
	for range n {
		b = append(b, '\n')
	}
	return b
}

// size is roughly what the form takes in memory, in bytes.
func (f *form) size() int {
	n := formSize + 4*len(f.assets) + 64*len(f.headers) // what headers hold is the frame's
	for _, link := range f.links {
		n += 16 + len(link)
	}
	for _, e := range f.early {
		n += earlySize + cap(e.Bytes)
	}
	if f.sequence != nothing { // it has its items' bytes in one piece, and again as keys of a map
		n += 2*len(f.sequence.Bytes) + cap(f.sequence.Bytes) - len(f.sequence.Bytes) + sequenceItemSize*len(f.sequence.Items)
	}
	return n
}

// What a form, the bytes for one depth and an item of its sequence cost beside
// their contents, in bytes.
const (
	formSize         = 1 << 10
	earlySize        = 128
	sequenceItemSize = 200
)
