package request

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"strings"
)

// Scope is the network scope of a visitor: what the office sees is never
// replayed to the world.
type Scope string

// The scopes.
const (
	Local  Scope = "local"  // loopback, private, link-local, ULA, 100.64/10
	Public Scope = "public" // everything else, and an unknown address
)

var sharedAddressSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// ScopeOf returns the network scope of an address.
func ScopeOf(ip netip.Addr) Scope {
	ip = ip.Unmap()
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || sharedAddressSpace.Contains(ip) {
		return Local
	}
	return Public
}

// Network returns the visitor's network: the /24 of an IPv4 address, the /48 of
// an IPv6 address.
func Network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := 48
	if ip.Is4() {
		bits = 24
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: one network of its own
	}
	return prefix
}

// Key is what a page is learned under. Two requests with one Key get one page
// from the backend, as far as a clean request can tell. It is a hash, so that many
// keys take little memory, with a secret of this process, so that nobody can look
// for two requests with one Key.
type Key [16]byte

// secret goes into every Key.
var secret = rand.Text()

// separator cannot stand in any part of a key: net/http refuses control
// characters in targets and hosts.
const separator = 0

// NewKey returns the key of a navigation. handler names the handler instance.
// path replaces the original path (the option key); if it is empty, the path of
// the target as sent is taken, and with it the URI as it reaches the handler,
// since a rewrite may depend on more than the path.
func NewKey(handler, path string, r *http.Request, f Facts, ignore Parameters) Key {
	b := make([]byte, 0, 512)
	write := func(part string) {
		b = append(append(b, part...), separator)
	}
	write(secret)
	write(handler)
	write(string(ScopeOf(f.ClientIP)))
	if r.TLS != nil {
		write("https")
	} else {
		write("http")
	}
	write(r.Host)
	if f.TrustedProxy {
		write(first(r.Header, "X-Forwarded-Proto"))
		write(first(r.Header, "X-Forwarded-Host"))
		write(first(r.Header, "X-Forwarded-Port")) // this and the next are clean only if trust_header names them
		write(first(r.Header, "Cf-Visitor"))
	}
	if path != "" {
		write("template")
		write(path)
	} else {
		target, _, _ := strings.Cut(f.Target, "?")
		write(target)
		write(r.URL.EscapedPath())
		write(ignore.strip(r.URL.RawQuery))
	}
	sum := sha256.Sum256(b)
	return Key(sum[:16])
}

// Parameters are names of query parameters; a trailing * matches any ending.
type Parameters []string

// covers reports whether name is one of some names; a trailing * of those matches
// any ending.
func covers(names []string, name string) bool {
	for _, n := range names {
		if stem, wild := strings.CutSuffix(n, "*"); name == n || wild && strings.HasPrefix(name, stem) {
			return true
		}
	}
	return false
}

// coverAll reports whether a raw query holds covered parameters only. An empty
// query (a bare "?") is not covered, it is another URL; nor is a semicolon, which
// some backends take for a separator.
func (p Parameters) coverAll(query string) bool {
	if strings.Contains(query, ";") {
		return false
	}
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); !covers(p, name) {
			return false
		}
	}
	return true
}

// strip returns a raw query without the covered parameters.
func (p Parameters) strip(query string) string {
	if query == "" || len(p) == 0 {
		return query
	}
	kept := make([]string, 0, 4)
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); !covers(p, name) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}
