package request

import (
	"net/http"
	"strconv"
	"strings"
)

// ruleset is what a request has to keep to. Its rows are in rules.go.
type ruleset struct {
	shapes        []shape
	circumstances []circumstance
	values        []valueRule
	headers       map[string]header // by canonical name
	proxied       map[string]header
	named         map[string]header
	other         header // of the headers that trust_header names beside named
}

// A shape keeps a request from being a document navigation.
type shape struct {
	name   string
	reason Reason
	when   func(*http.Request) bool
	closes string // what would get in otherwise
}

// A circumstance keeps a navigation from being clean.
type circumstance struct {
	name   string
	effect effect
	when   func(*http.Request, Facts, *Options) bool
	closes string
}

// effect is what a circumstance keeps a navigation from.
type effect uint8

const (
	bars         effect = iota // from being committed, and from teaching
	barsLearning               // from teaching
)

// A valueRule keeps a header's values from being clean.
type valueRule struct {
	name   string
	when   func(values []string) bool
	closes string
}

// A header may be on a clean request, if its value is accepted. Without accept it
// is judged by circumstances alone.
type header struct {
	accept accept
	closes string
}

// navigation says why r is not a document navigation that may be answered early,
// or "" if it is one.
func (s *ruleset) navigation(r *http.Request) Reason {
	for i := range s.shapes {
		if s.shapes[i].when(r) {
			return s.shapes[i].reason
		}
	}
	return ""
}

// clean reports whether r, a navigation, may be committed, and if so whether it
// may teach.
func (s *ruleset) clean(r *http.Request, f Facts, o *Options) (commit, learn bool) {
	learn = true
	for i := range s.circumstances {
		c := &s.circumstances[i]
		switch {
		case !c.when(r, f, o):
		case c.effect == bars:
			return false, false
		default:
			learn = false
		}
	}
	for name, values := range r.Header {
		rule, listed := s.header(name, f, o)
		if !listed || rule.accept != nil && !s.accepts(rule, values) {
			return false, false
		}
	}
	return true, learn
}

// header returns the rule for a header, and whether there is one.
func (s *ruleset) header(name string, f Facts, o *Options) (rule header, listed bool) {
	if rule, listed = s.headers[name]; listed || !f.TrustedProxy {
		return rule, listed
	}
	if rule, listed = s.proxied[name]; listed || !o.trusts(name) {
		return rule, listed
	}
	if rule, listed = s.named[name]; listed {
		return rule, true
	}
	return s.other, true
}

func (s *ruleset) accepts(rule header, values []string) bool {
	for i := range s.values {
		if s.values[i].when(values) {
			return false
		}
	}
	return rule.accept(values[0])
}

// certified reports whether the visitor showed a certificate.
func certified(r *http.Request, _ Facts, _ *Options) bool {
	return r.TLS != nil && len(r.TLS.PeerCertificates) > 0
}

// earlyData reports whether r came before the TLS handshake was over (RFC 8446
// section 2.3). What a proxy in front took in so shows as Early-Data, which is no
// listed header.
func earlyData(r *http.Request, _ Facts, _ *Options) bool {
	return r.TLS != nil && !r.TLS.HandshakeComplete
}

func notOriginForm(_ *http.Request, f Facts, _ *Options) bool {
	return !strings.HasPrefix(f.Target, "/")
}

func hasQuery(_ *http.Request, f Facts, _ *Options) bool {
	return strings.Contains(f.Target, "?")
}

// openQuery reports whether the target has a query that is not ignored.
func openQuery(_ *http.Request, f Facts, o *Options) bool {
	_, query, found := strings.Cut(f.Target, "?")
	return found && !o.IgnoreQuery.coverAll(query)
}

// maxHost is how long a host name may be, in bytes (RFC 1035 section 2.3.4).
const maxHost = 253

// oddHost reports whether a Host is not in the one form that browsers send: lower
// case, no trailing dot, no port but the listener's.
func oddHost(r *http.Request, f Facts, _ *Options) bool {
	name, port, hasPort := strings.Cut(r.Host, ":")
	if strings.HasPrefix(r.Host, "[") { // an IPv6 literal
		end := strings.IndexByte(r.Host, ']')
		if end < 0 {
			return true
		}
		name = r.Host[:end+1]
		port, hasPort = strings.CutPrefix(r.Host[end+1:], ":")
	}
	return len(name) > maxHost || strings.HasSuffix(name, ".") || hasPort && port != strconv.Itoa(f.ListenerPort) || !hostBytes(name)
}

func oddReferer(r *http.Request, _ Facts, _ *Options) bool {
	_, ok := referer(r)
	return !ok
}

func foreignReferer(r *http.Request, _ Facts, _ *Options) bool {
	own, _ := referer(r)
	return !own
}

// referer reports whether a Referer, if there is one, is acceptable, and whether it
// names this very site, which learning demands. Other sites send their bare origin
// (the default policy strict-origin-when-cross-origin); that is no reason to keep a
// visitor from a search engine waiting.
func referer(r *http.Request) (own, ok bool) {
	values, there := r.Header["Referer"]
	if !there {
		return true, true
	}
	if len(values) != 1 || len(values[0]) > maxValue {
		return false, false
	}
	scheme, rest, _ := strings.Cut(values[0], "://")
	if scheme != "https" && scheme != "http" {
		return false, false
	}
	host, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if host == r.Host { // by either scheme: TLS may end in front of us
		ok = path == "" || pathBytes(path)
		return ok, ok
	}
	return false, hostBytes(host) && (path == "" || path == "/")
}
