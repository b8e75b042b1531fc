package opening

import (
	"hash/maphash"
	"slices"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/hints"
	"github.com/headstart-proxy/headstart/internal/request"
)

// Asked is what one response asks for. What was hinted and is not in it was fetched for
// nothing, and is not hinted again until a response asks for it.
type Asked struct {
	links []hints.Link
	body  bool // its body was looked at
}

// AskedBy reads from the first bytes of a response what it asks for: from its headers, from
// the Links of 103 responses before it, and as far as they are in scope from its head and
// body. complete says that they are all. What stands behind markup that cannot be read is
// as if it was not there. Nothing of the response is kept.
func AskedBy(headers Headers, interim []hints.Link, body []byte, complete bool, what Scope) *Asked {
	head := document.ScanHead(body, complete)
	var rest document.Body
	if what.Shell && (head.End == document.HeadEnd || head.End == document.Implied) {
		rest = document.ScanPoints(body[head.Size:], complete, what.StopAt)
	}
	return &Asked{linksOf(hints.Sources{Items: head.Items, Body: rest, Links: headers.links(interim)}), what.Shell}
}

// Unreadable is what a response asks for that cannot be read at all: nothing for sure.
func Unreadable() *Asked { return &Asked{body: true} }

// Asked is what the response asks for, as far as it was observed.
func (o *Observation) Asked() *Asked { return &Asked{o.links(), len(o.Body.Bytes) > 0} }

// links are what the response asks for, as far as it was observed.
func (o *Observation) links() []hints.Link {
	if o.Repeats() {
		o.read()
	}
	if o.asks == nil {
		o.asks = linksOf(hints.Sources{Items: o.Items, Body: o.Body, Links: o.Headers.links(o.Interim)})
	}
	return o.asks
}

// links are those of the header, and of 103 responses before it.
func (h Headers) links(interim []hints.Link) []hints.Link {
	return slices.Concat(hints.Parse(h.Values("Link")), interim)
}

func linksOf(s hints.Sources) (links []hints.Link) {
	for _, h := range hints.Find(s) {
		links = append(links, h.Link)
	}
	return links
}

// asksFor reports whether the response makes the request of a Link.
func (a *Asked) asksFor(l hints.Link) bool {
	return slices.ContainsFunc(a.links, func(other hints.Link) bool { return other.Request() == l.Request() })
}

// unasked are hints that a response did not ask for, by hash, the last at the end.
type unasked []uint32

// maxUnasked is how many are remembered: all that can be hinted of a page.
const maxUnasked = maxHints

func hashOf(l hints.Link) uint32 {
	return uint32(maphash.Comparable(internSeed, l.Request())) //nolint:gosec // a part of it
}

// take takes in whether a response asked for a Link.
func (u *unasked) take(l hints.Link, asked bool) {
	hash := hashOf(l)
	i := slices.Index(*u, hash)
	switch {
	case asked && i >= 0:
		*u = slices.Delete(*u, i, i+1)
	case !asked && i < 0:
		if len(*u) == maxUnasked {
			*u = slices.Delete(*u, 0, 1)
		}
		*u = append(*u, hash)
	}
}

func (u unasked) has(l hints.Link) bool { return len(u) > 0 && slices.Contains(u, hashOf(l)) }

// asked takes in what a response to an audience asked for. One response is enough: what
// is fetched for nothing costs every visitor, and one that is not hinted costs little. It
// reports whether something is not asked for any more.
func (o *Opening) asked(audience request.Audience, a *Asked, rules Rules) (gone bool) {
	r := o.record(audience)
	for _, h := range o.learned(rules).hints {
		if h.body && !a.body {
			continue
		}
		asks := a.asksFor(h.link)
		gone = gone || !asks && !r.unasked.has(h.link)
		r.unasked.take(h.link, asks)
	}
	return gone
}

// borne takes in that a response to an audience bore out so many steps: it asked for what
// they ask for.
func (o *Opening) borne(audience request.Audience, depth int, rules Rules) {
	r := o.record(audience)
	if len(r.unasked) == 0 {
		return
	}
	for _, h := range o.learned(rules).hints {
		if h.step <= depth {
			r.unasked.take(h.link, true)
		}
	}
}
