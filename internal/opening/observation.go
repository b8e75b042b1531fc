package opening

import (
	"hash/maphash"
	"net/netip"
	"slices"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/document"
)

// Voter is who sent the request behind an observation, as far as diversity has
// to know. In scope public, and under a key that many URLs share, observations
// count only if their voters differ.
type Voter struct {
	Network netip.Prefix
	Agent   uint64 // a hash of the User-Agent
	Browser bool   // the User-Agent is a browser's
	URL     uint64 // a hash of the URL
}

// Observation is the opening of one learnable response to one clean request.
type Observation struct {
	Headers Headers
	Items   []document.Item
	Charset string // named by the document itself

	// Nonces are what stands in the headers and items for the response's nonces.
	nonces   []string
	nonceSum uint64 // of the true ones
	bars     Reason // why such a page cannot be committed
	whole    bool   // the items are all of the head
}

// Observe reads the first bytes of a response, as far as they hold its head.
// complete says that they are all. It returns why they teach nothing, or "". cut
// is set instead if the document ends within its head, so that the rest may be
// missing.
func Observe(headers Headers, body []byte, complete bool) (o *Observation, reason Reason, cut bool) {
	o = &Observation{}
	headers, nonces, ok := headers.Neutral()
	switch {
	case !ok:
		o.bars = Nonce
	case len(nonces) > 0:
		o.nonces, o.nonceSum = Neutral(nonces), sumOf(nonces)
		body = replaceAll(body, nonces, o.nonces)
	}
	head := document.ScanHead(body, complete)
	o.Headers, o.Items, o.Charset = headers, head.Items, head.Charset
	_, charset := ContentType(headers.Get("Content-Type"))
	switch {
	case headers.size() > maxHeaders:
		reason = LargeHeader
	case len(head.Items) == 0:
		reason = NoHead
	case head.Charset != "" && !KnownCharset(head.Charset), charset == "" && head.Charset == "":
		reason = NotHTML
	}
	for _, nonce := range head.Nonces {
		if !slices.Contains(o.nonces, nonce) {
			o.bars = Nonce // of a policy that we cannot see
		}
	}
	for _, item := range head.Items {
		if item.Has(document.Policy) && !permits(item) {
			o.bars = Policy
		}
	}
	o.whole = head.End == document.HeadEnd || head.End == document.Implied
	return o, reason, head.End == document.Truncated
}

// maxHeaders is how much the headers of an opening may take, in bytes. Servers in
// front of us refuse far less.
const maxHeaders = 32 << 10

// permits reports whether a meta policy lets a recovery script run as it is. It
// cannot be changed, as those in headers can.
func permits(item document.Item) bool {
	return csp.Permits([]string{item.Attribute("content")}, "")
}

// commonItems returns how many leading items two lists have alike.
func commonItems(a, b []document.Item) int {
	n := 0
	for n < len(a) && n < len(b) && same(a[n], b[n]) {
		n++
	}
	return n
}

// network returns a hash of the voter's network.
func (v Voter) network() uint64 { return maphash.Comparable(internSeed, v.Network) }
