package opening

import (
	"math"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/hints"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// hint is a Link that the responses of a window share.
type hint struct {
	link  hints.Link
	soon  string // its value in a 103 response, "" if it cannot be in one
	final string // its value in the final response, "" if it cannot be in one
	step  int    // so many steps of the sequence hold what asks for it; never, if none do
	body  bool   // it is asked for in the body
	asset uint32 // the stylesheet or script, as the host numbers it; 0 if it is none
}

const never = math.MaxInt

// maxHintAge is how long after the last agreeing answer hints are sent: what they
// start is no more than a waste if it is stale.
const maxHintAge = 24 * time.Hour

// maxHints is how many are kept of one page.
const maxHints = 2 * hints.MaxCount

// fillHints finds what the votes share of what the page asks for. The stable items of the
// head count, whether they are sent early or not, and all of the body that is alike.
func (f *form) fillHints(head merged, body document.Body, links []hints.Link, ids map[string]uint32, rules Rules) {
	s := hints.Sources{Body: body, Links: links, Page: rules.page()}
	var steps []int
	sent := 0
	for _, step := range head.steps {
		switch item := step.item; {
		case step.fate == flushed:
			sent++
			s.Items, steps = append(s.Items, item), append(steps, sent)
		case step.stable, item.Slot == "meta referrer", item.Has(document.Policy): // what forbids counts
			s.Items, steps = append(s.Items, item), append(steps, never)
		case item.Name == "base":
			s.Unsure = true
		case item.Name == "script" && hints.IsImportMap(item):
			s.ImportMap = true
		}
	}
	for _, found := range hints.Find(s) {
		h := hint{link: found.Link, step: never}
		h.soon, h.final = f.values(h.link)
		switch {
		case found.Item >= 0:
			h.step = steps[found.Item]
			h.asset = ids[string(s.Items[found.Item].Raw)]
		case found.Offset >= 0:
			h.step, h.body = stepAt(f.sequence, found.Offset), true
		}
		if f.hints = append(f.hints, h); len(f.hints) == maxHints {
			break
		}
	}
	f.importMap = s.ImportMap || slices.ContainsFunc(s.Items, hints.IsImportMap)
	f.policies = csp.Fetching(f.headers.Values(csp.Enforce))
	f.discreet = !laxReferrer(f.headers.Values("Referrer-Policy"))
}

// values returns the values of a Link in a 103 response and in the final one. The nonce
// of a response is known with its policy only.
func (f *form) values(l hints.Link) (soon, final string) {
	final = l.String()
	if l.Nonce != "" && !slices.Contains(f.nonces, l.Nonce) {
		final = "" // a policy that we cannot see
	}
	if l.Nonce = ""; l.Soon() {
		soon = l.String()
	}
	if slices.ContainsFunc(f.nonces, func(nonce string) bool { return strings.Contains(soon, nonce) }) {
		soon = ""
	}
	return soon, final
}

// stepAt returns how many steps of a sequence hold the tag that stands at a place of
// its body.
func stepAt(s *splice.Sequence, offset int) int {
	at := s.Size(len(s.Items)) + offset
	if n := sort.Search(s.Len()+1, func(n int) bool { return s.Size(n) > at }); n <= s.Len() {
		return n
	}
	return never
}

// laxReferrer reports whether all of some policies are lax: a browser heeds the last that
// it knows.
func laxReferrer(values []string) bool {
	for _, value := range values {
		for policy := range strings.SplitSeq(value, ",") {
			if !hints.LaxReferrer(policy) {
				return false
			}
		}
	}
	return true
}

// page returns the URL of the page, nil if many have the key.
func (r Rules) page() *url.URL {
	if r.SharedKey {
		return nil
	}
	return r.location()
}

// location returns the URL that the visitor asked for, nil if it is none.
func (r Rules) location() *url.URL {
	u, err := url.Parse(r.Target)
	if err != nil {
		return nil
	}
	u.Scheme, u.Host = "https", r.Host
	return u
}

// hint plans what is hinted to a visitor, and how it is found out whether that was right.
func (o *Opening) hint(plan *Plan, v Visit, rules Rules, now instant) {
	r, sent := o.known(v.Audience), 0
	if plan.Early != nil {
		sent = plan.Early.Sent
		plan.Links = o.final(r, sent, rules)
	}
	plan.ImportMap = o.form.importMap
	if r.away { // hints would tell those who are turned away what the page is made of
		return
	}
	switch plan.Reason {
	case Status, FastBackend, NotHTML:
		return // nothing is to be gained
	case NoStore, Private, NoTransform, VaryAll, Special, NoHead, LargeHeader:
		plan.Hintable = true
		return // nothing is known
	default:
	}
	plan.Hintable = true
	if plan.Unknown = !o.form.full || !o.form.diverse; plan.Unknown || now.since(o.agreed) > maxHintAge {
		return
	}
	if v.Hints {
		plan.Hints, plan.Policies = o.soon(r, v, rules), o.form.policies
	}
	plan.Checks, plan.ChecksBody = o.form.checks(r, sent, rules)
	plan.Within, plan.WithinBody = o.form.within(rules)
}

// soon returns the values for a 103 response to a visitor: not of what the audience did
// not ask for the last time, nor of what is gone from other pages.
func (o *Opening) soon(r *record, v Visit, rules Rules) []string {
	offered := o.form.offered(rules)
	values := make([]string, 0, len(offered))
	for _, h := range offered {
		if h.soon != "" && (!o.form.discreet && !v.Discreet || h.link.Discreet()) && !o.suspects(h) && !r.unasked.has(h.link) {
			values = append(values, h.soon)
		}
	}
	return values
}

// final returns the values for the final response, of what its first steps do not hold.
func (o *Opening) final(r *record, depth int, rules Rules) (values []string) {
	for _, h := range o.form.offered(rules) {
		if h.final != "" && h.step > depth && !o.suspects(h) && !r.unasked.has(h.link) {
			values = append(values, h.final)
		}
	}
	return values
}

// offered returns the hints that the operator wants to be learned.
func (f *form) offered(rules Rules) []hint {
	if rules.NoHints {
		return nil
	}
	return f.hints
}

// reveals reports whether something can be hinted that comes late.
func (f *form) reveals(rules Rules) bool {
	return !rules.NoHints && slices.ContainsFunc(f.hints, func(h hint) bool { return h.final != "" && h.step == never })
}

// suspects reports whether what is hinted is gone from another page, and has not been
// seen on this one since.
func (o *Opening) suspects(h hint) bool {
	return h.asset != 0 && slices.Contains(o.form.suspects, h.asset)
}

// checks reports whether a response has to be looked at for what it asks for, if its
// first steps are compared, and whether in its body, too.
func (f *form) checks(r *record, depth int, rules Rules) (head, body bool) {
	for _, h := range f.offered(rules) {
		if h.step > depth || r.unasked.has(h.link) {
			head, body = true, body || h.body
		}
	}
	return head, body
}

// within returns how many steps hold all that asks for what is hinted, and all of it that
// is in the body; never if that is more than there are.
func (f *form) within(rules Rules) (all, body int) {
	for _, h := range f.offered(rules) {
		all = max(all, h.step)
		if h.body {
			body = max(body, h.step)
		}
	}
	return all, body
}

// sizeOfHints is roughly what they take in memory, in bytes.
func (f *form) sizeOfHints() (n int) {
	for _, h := range f.hints {
		n += hintSize + len(h.soon) + len(h.final) + len(h.link.Target)
	}
	return n
}

const hintSize = 320
