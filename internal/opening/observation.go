package opening

import (
	"bytes"
	"net/netip"

	"github.com/headstart-proxy/headstart/internal/document"
	"github.com/headstart-proxy/headstart/internal/request"
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

	audience request.Audience
	voter    Voter
	good     bool // the response could have been committed; it set no cookie
}

// adopt makes the observation own its items: those that an earlier observation
// has in the same place share its bytes, the others are copied, since the
// scanner's are parts of a buffer.
func (o *Observation) adopt(earlier []document.Item) {
	for i := range o.Items {
		raw := o.Items[i].Raw
		if i < len(earlier) && bytes.Equal(earlier[i].Raw, raw) {
			o.Items[i].Raw = earlier[i].Raw
		} else {
			o.Items[i].Raw = bytes.Clone(raw)
		}
	}
}

// sharedItems returns how many leading items all observations have alike.
func sharedItems(window []Observation) int {
	n := len(window[0].Items)
	for _, o := range window[1:] {
		n = commonItems(window[0].Items[:min(n, len(o.Items))], o.Items)
	}
	return n
}

// commonItems returns how many leading items two lists have alike.
func commonItems(a, b []document.Item) int {
	n := 0
	for n < len(a) && n < len(b) && bytes.Equal(a[n].Raw, b[n].Raw) {
		n++
	}
	return n
}

// diverse reports whether the senders of a full window are diverse enough. The
// window itself never holds two observations of one network in scope public, or
// of one URL under a shared key.
func diverse(window []Observation, rules Rules) bool {
	if !rules.Public {
		return true
	}
	agents := make(map[uint64]bool)
	browser := false
	for _, o := range window {
		agents[o.voter.Agent] = true
		browser = browser || o.voter.Browser
	}
	return len(agents) >= 2 && browser
}

// sameVote reports whether only one of two observations may count.
func sameVote(a, b Voter, rules Rules) bool {
	return rules.Public && a.Network == b.Network || rules.SharedKey && a.URL == b.URL
}
