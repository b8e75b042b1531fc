package opening

import (
	"slices"
	"time"
	"unsafe"

	"github.com/headstart-proxy/headstart/internal/buffer"
	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/request"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// Rules are the options by which openings are learned and used.
type Rules struct {
	LearnAfter int           // observations in a row that must agree
	Public     bool          // scope public: their senders must be diverse
	SharedKey  bool          // many URLs share the key: theirs must differ
	Expire     time.Duration // since the last agreeing answer
	MinWait    time.Duration // below which the backend is fast enough
	EarlyAsync bool          // async scripts are sent early, too
	Host       string        // the host that the visitor asked for …
	Target     string        // … and the path, without a query, as it was sent
	Ignored    Ignored
	NoHints    bool // what pages ask for is not hinted
	// Shell allows to send the first part of the body, too. CrawlerShell allows it
	// for crawlers, if Shell does; else their pages are sent up to the end of the head.
	Shell, CrawlerShell bool
}

// Opening is what is known of a page, for one combination of the headers named
// by Vary. The Page's mutex protects it.
type Opening struct {
	window   []vote  // the newest last; see form
	observed instant // when the last of them came
	agreed   instant // when the last answer agreed
	verified instant // when the last answer bore out all steps

	looked    instant // when the last observation of all came …
	lookedBy  tag     // … of which network
	lookedFor tag     // … for the network that it holds off alone; 0 if it is all
	idle      uint8   // observations in a row that taught nothing new, see rested

	// eager is how many clean responses are observed at once, since the last observation
	// made less of the opening: what has changed for all is soon learned anew.
	eager uint8

	form    *form // what the window makes; nil if nobody has asked for long
	records [request.Audiences]*record
}

// Early is what goes out before the backend answers. It is never changed.
type Early struct {
	Bytes    []byte           // to write: the first steps, padded
	Sequence *splice.Sequence // what the backend should repeat
	Sent     int              // Bytes hold so many of its steps

	places []place       // where in Sequence.Bytes something stands for nonces
	own    buffer.Buffer // Sequence.Bytes, of one response; see Replace
}

// record returns the record of an audience.
func (o *Opening) record(audience request.Audience) *record {
	if o.records[audience] == nil {
		o.records[audience] = new(record)
	}
	return o.records[audience]
}

// learned returns what the window makes.
func (o *Opening) learned(rules Rules) *form {
	if o.form == nil {
		o.form = newForm(o.window, rules)
	}
	return o.form
}

// observe takes in an observation. It reports whether what the audiences have
// proved was set anew by it, and whether it counts: one network alone cannot
// change what others agree on.
func (o *Opening) observe(h *head, v vote, rules Rules, now instant) (reproved, counts bool) {
	before, votes := o.learned(rules), len(o.window)
	stays := before.stays(o.window, h, rules)
	o.eager -= min(o.eager, 1)
	for _, w := range o.window {
		if w.head == h {
			break
		}
		if w.head.equal(h) {
			w.head.sum = h.sum
			h.close()
			h = w.head
			break
		}
	}
	h.votes++
	v.head = h
	o.cast(v, rules)
	if !stays || !before.stays(o.window, h, rules) || len(o.window) != votes {
		d := make(decoder, 2)
		o.form = d.form(o.window, rules)
		if len(o.window) == capacity(rules) {
			d.trim(h, o.window)
		}
	}
	counts = o.form.bears(len(o.window) - 1)
	if kept := before.sequence.Common(o.form.sequence); kept < before.sequence.Len() || kept < o.form.sequence.Len() {
		reproved = kept < o.form.sequence.Len()
		if before.sequence.Len() > 0 && kept < before.sequence.Len() {
			o.eager = uint8(capacity(rules)) //nolint:gosec // a few
		}
		o.adjust(kept, reproved, rules)
	} else {
		o.form.keep(before)
	}
	o.lookedAt(uint64(v.network), o.form.teaches(before) || len(o.window) > votes, counts, rules, now)
	if counts {
		o.observed, o.agreed, o.verified = max(o.observed, now), max(o.agreed, now), max(o.verified, now)
	}
	return reproved, counts
}

// adjust adjusts what each audience has proved to steps of which the first kept are
// as before.
func (o *Opening) adjust(kept int, reproved bool, rules Rules) {
	for audience := range request.Audience(request.Audiences) {
		if r := o.records[audience]; r != nil {
			if reproved && kept < len(o.form.sequence.Items) {
				r.proofs = 0
			}
			r.limit(kept) // how far a shell goes changes often, what stands in front of that does not
		}
		if reproved {
			o.reprove(audience, rules)
		}
	}
}

// reprove sets what an audience has proved of steps that are new: every one of
// its good observations that bear them all out says so.
func (o *Opening) reprove(audience request.Audience, rules Rules) {
	for i, v := range o.window {
		if v.good && v.audience == audience && o.form.bears(i) {
			o.record(audience).prove(o.form.sequence.Len(), tagOf(uint64(v.network)), rules)
		}
	}
}

// expects reports whether a response was compared with what the opening is now.
func (o *Opening) expects(expected *splice.Sequence, rules Rules) bool {
	now := o.learned(rules).sequence
	return now == expected || now.Len() > 0 && now.Len() == expected.Len() && now.Common(expected) == now.Len()
}

// compared takes in that a response bore out a number of steps.
func (o *Opening) compared(v Visit, depth int, rules Rules, now instant) {
	r := o.record(v.Audience)
	network := v.Voter.network()
	all := o.form.sequence.Len()
	if depth == all {
		o.verified = max(o.verified, now)
	} else if v.Learn {
		o.stir(rules)
	}
	proved := r.proved(rules, now)
	if depth == all || proved > 0 && depth >= proved {
		o.agreed = max(o.agreed, now)
	}
	r.match(depth, network, rules)
	if depth >= proved {
		r.refutes(network)
	}
}

// rank says how much is known of the opening.
func (o *Opening) rank() int {
	if o.form != nil && o.form.sequence.Len() > 0 {
		return maxProofs + 1
	}
	return len(o.window)
}

// prefixIn returns how many of the first steps items hold, in order, and a body that
// follows them.
func prefixIn(sent *splice.Sequence, items []document.Item, body []byte) int {
	n := 0
	for _, item := range items {
		if n < len(sent.Items) && same(sent.Items[n], item) {
			n++
		}
	}
	if n == len(sent.Items) {
		return sent.Steps(body)
	}
	return n
}

// missing tells the host which stylesheets and scripts of the opening a clean
// response has not got.
func (o *Opening) missing(h *head, network uint64, rules Rules, now instant) {
	if !h.whole || o.form == nil {
		return
	}
	have := ids(h.code[:h.items])
	var gone, there []uint32
	for _, id := range o.form.held() {
		if slices.Contains(have, id) {
			there = append(there, id)
		} else {
			gone = append(gone, id)
		}
	}
	if len(gone)+len(there) > 0 {
		h.frame.host.missing(gone, network, rules, now)
		h.frame.host.present(there, network)
	}
}

// held returns the stylesheets and scripts that are sent or hinted.
func (f *form) held() []uint32 {
	held := slices.Clone(f.assets)
	for _, h := range f.hints {
		if h.asset != 0 && !slices.Contains(held, h.asset) {
			held = append(held, h.asset)
		}
	}
	return held
}

// look finds which of the opening's items are gone from another page, and have not been
// seen on this one since.
func (o *Opening) look() {
	if len(o.window) == 0 {
		return
	}
	host := o.window[0].head.frame.host
	if seen := host.suspicions.Load(); seen != o.form.looked || len(o.form.suspects) > 0 {
		o.form.suspects, o.form.looked = host.suspects(o.form.held(), max(o.verified, 1)), seen
	}
}

// suspect reports whether one of the items that are sent is such.
func (o *Opening) suspect() bool {
	return slices.ContainsFunc(o.form.suspects, func(id uint32) bool { return slices.Contains(o.form.assets, id) })
}

// unknown is the record of an audience that nothing is known of. It is not changed.
var unknown record

// plan returns what may be sent to a visitor now, or why nothing may.
func (o *Opening) plan(v Visit, rules Rules, now instant) (*Early, Reason) {
	f := o.learned(rules)
	o.look()
	r := o.known(v.Audience)
	reach := f.reach(v.Audience, rules)
	switch {
	case r.reason != "":
		return nil, r.reason
	case !f.full:
		return nil, NotLearned
	case f.bars != "":
		return nil, f.bars
	case f.differs != "":
		return nil, HeaderDiffers
	case !f.diverse:
		return nil, NotLearned
	case !f.useful(reach, rules), !f.namesCharset(reach):
		return nil, Unstable
	case now.since(o.agreed) > rules.Expire:
		return nil, Expired
	case o.suspect():
		return nil, Stale
	}
	depth := min(r.proved(rules, now), reach)
	if v.Audience == request.Crawler && r.surprises > 0 {
		return nil, Surprised
	}
	depth, reason := r.limits(v.Voter.network(), depth, now)
	if !f.useful(depth, rules) || !f.namesCharset(depth) {
		switch {
		case reason != "":
			return nil, reason
		case r.need > 0:
			return nil, Surprised
		}
		return nil, NotLearned
	}
	if wait, ok := r.median(); ok && wait < rules.MinWait {
		return nil, FastBackend
	}
	return f.build(depth), ""
}

// known returns the record of an audience, to be read only.
func (o *Opening) known(audience request.Audience) *record {
	if r := o.records[audience]; r != nil {
		return r
	}
	return &unknown
}

// heads returns the heads of the window, each once.
func (o *Opening) heads() (heads []*head) {
	for _, v := range o.window {
		if !slices.Contains(heads, v.head) {
			heads = append(heads, v.head)
		}
	}
	return heads
}

// settle drops the form if it is not the one that there was before, or one with the
// same items. Only what Decide makes is counted: it says so in Plan.Warmed.
func (o *Opening) settle(before *form) {
	if o.form != before && (before == nil || o.form == nil || o.form.sequence != before.sequence) {
		o.form = nil
	}
}

// size is roughly what the opening takes in memory beside its form, in bytes.
func (o *Opening) size() int {
	n := openingSize + voteSize*cap(o.window)
	for _, h := range o.heads() {
		n += h.size()
	}
	for _, r := range o.records {
		n += r.extent()
	}
	return n
}

const (
	openingSize = int(unsafe.Sizeof(Opening{}))
	voteSize    = int(unsafe.Sizeof(vote{}))
	recordSize  = int(unsafe.Sizeof(record{}))
	doubtSize   = int(unsafe.Sizeof(doubts{}))
	holdSize    = int(unsafe.Sizeof(hold{}))
)
