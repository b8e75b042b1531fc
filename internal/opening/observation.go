package opening

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"slices"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/hints"
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
	Body    document.Body // what follows the items, as far as it was looked at
	Charset string        // named by the document itself
	// Interim are the Links of 103 responses that came before it.
	Interim []hints.Link

	// Nonces are what stands in the headers, items and body for the response's nonces.
	nonces   []string
	nonceSum uint64 // of the true ones
	bars     Reason // why such a page cannot be committed
	whole    bool   // the items are all of the head

	asks []hints.Link // see links

	// The response, nonces aside, until it is read; see Page.Observe.
	body     []byte
	complete bool
	what     Scope
	sum      uint64 // of all that the items and the body follow from
}

// Scope is how much of a response is observed. The zero value is its head.
type Scope struct {
	// Shell says that the body is observed, too. It must be false where Shell reports
	// false for the header of the response.
	Shell bool
	// StopAt are names of elements in lower case, or ids with a # in front. The body
	// is observed up to the first such start tag; with none it is not ended so.
	StopAt []string
}

// Observe reads the first bytes of a response, as far as they hold what is in scope.
// complete says that they are all. It returns why they teach nothing, or "". cut
// is set instead if the document ends within what is in scope, so that the rest may
// be missing.
func Observe(headers Headers, body []byte, complete bool, what Scope) (o *Observation, reason Reason, cut bool) {
	o = newObservation(headers, body, complete, what)
	reason, cut = o.read()
	return o, reason, cut
}

// newObservation returns an observation that is not read yet.
func newObservation(headers Headers, body []byte, complete bool, what Scope) *Observation {
	o := &Observation{complete: complete, what: what}
	raw := body
	headers, nonces, ok := headers.Neutral()
	switch {
	case !ok:
		o.bars = Nonce
	case len(nonces) > 0:
		o.nonces, o.nonceSum = Neutral(nonces), sumOf(nonces)
		body = replaceAll(body, nonces, o.nonces)
	}
	if slices.ContainsFunc(o.nonces, func(standIn string) bool { return bytes.Contains(raw, []byte(standIn)) }) {
		o.bars = Nonce // nobody can know what stands for nonces here
	}
	o.Headers, o.body, o.sum = headers, body, sumOfBody(body, complete, what)
	return o
}

// read reads the response. It returns why it teaches nothing, or "", and cut as Observe
// does.
func (o *Observation) read() (reason Reason, cut bool) {
	body := o.body
	o.body = nil
	head := document.ScanHead(body, o.complete)
	cut = head.End == document.Truncated
	o.Items, o.Charset = head.Items, head.Charset
	o.whole = head.End == document.HeadEnd || head.End == document.Implied
	if stop := slices.IndexFunc(head.Items, document.IsStop); stop >= 0 {
		o.Items, o.whole, cut = head.Items[:stop], false, false
	}
	_, charset := ContentType(o.Headers.Get("Content-Type"))
	switch {
	case o.Headers.size() > maxHeaders:
		return LargeHeader, cut
	case len(o.Items) == 0:
		return NoHead, cut
	case head.Charset != "" && !KnownCharset(head.Charset), charset == "" && head.Charset == "":
		return NotHTML, cut
	}
	if o.what.Shell && o.whole {
		o.Body = document.ScanPoints(body[head.Size:], o.complete, o.what.StopAt)
		cut = o.complete && o.Body.End == document.Truncated
	}
	for _, nonce := range slices.Concat(head.Nonces, o.Body.Nonces) {
		if !slices.Contains(o.nonces, nonce) {
			o.bars = Nonce // of a policy that we cannot see
		}
	}
	for _, item := range head.Items {
		if item.Has(document.Policy) && !permits(item) {
			o.bars = Policy
		}
	}
	return "", cut
}

// maxHeaders is how much the headers of an opening may take, in bytes. Servers in
// front of us refuse far less.
const maxHeaders = 32 << 10

// permits reports whether a meta policy lets a recovery script run as it is. It
// cannot be changed, as those in headers can.
func permits(item document.Item) bool {
	return csp.Permits([]string{item.Attribute("content")}, "")
}

// network returns a hash of the voter's network.
func (v Voter) network() uint64 { return maphash.Comparable(internSeed, v.Network) }
