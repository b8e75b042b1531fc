package opening

import (
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
)

// The lists below name response headers in canonical form; a * stands for any
// beginning or ending.

// neverReplayed belong to one response, or to the hop or cache it came through.
var neverReplayed = nameSet(
	"Accept-Ranges", "Age", "Cache-Control", "Content-Encoding", "Content-Length", "Date", "Etag",
	"Expires", "Last-Modified", "Pragma", "Server", "Server-Timing", "Set-Cookie", "Via",
	// digests and signatures (RFC 9530, RFC 9421)
	"Content-Digest", "Content-Md5", "Digest", "Repr-Digest", "Signature", "Signature-Input",
	// CDN cache controls (RFC 9213)
	"*Cdn-Cache-Control", "Cache-Tag", "Surrogate-*", "X-Accel-*",
	// hop-by-hop (RFC 9110 section 7.6.1)
	"Connection", "Incremental", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te",
	"Transfer-Encoding", "Upgrade",
	// what the backend says to us
	"Headstart",
)

// cdnControls are those of neverReplayed that speak to caches.
var cdnControls = nameSet("*Cdn-Cache-Control", "Surrogate-Control", "X-Accel-Expires")

// fleeting are about one response, and differ from one to the next as a rule.
var fleeting = nameSet(fleetingNames...)

var fleetingNames = []string{
	// request ids and traces
	"Cf-Ray", "Request-Id", "Traceparent", "Tracestate", "Traceresponse", "X-Amz-*", "X-Amzn-*", "X-B3-*",
	"X-Cloud-Trace-Context", "X-Correlation-Id", "X-Request-Id", "X-Trace-Id",
	// timings
	"X-Process-Time", "X-Response-Time", "X-Runtime", "X-Timer",
	// cache status
	"Cache-Status", "Cdn-Cache", "Cf-Cache-Status", "X-Cache", "X-Cache-*", "X-Proxy-Cache", "X-Served-By", "X-Varnish",
	// how many requests are left
	"Ratelimit*", "Retry-After", "X-Ratelimit-*",
}

// harmless may differ between responses without consequence for the visitor.
// Every header on neither list protects: a page is not committed if it differs.
var harmless = nameSet(append(fleetingNames,
	// reporting
	"Nel", "Report-To", "Reporting-Endpoints",
	// hints
	"Link",
)...)

// names is a set of header names and patterns.
type names struct {
	exact    map[string]bool
	prefixes []string
	suffixes []string
}

func nameSet(list ...string) names {
	n := names{exact: make(map[string]bool)}
	for _, name := range list {
		if stem, ok := strings.CutSuffix(name, "*"); ok {
			n.prefixes = append(n.prefixes, stem)
		} else if stem, ok := strings.CutPrefix(name, "*"); ok {
			n.suffixes = append(n.suffixes, stem)
		} else {
			n.exact[name] = true
		}
	}
	return n
}

func (n names) has(name string) bool {
	if n.exact[name] {
		return true
	}
	matches := func(s string) bool { return strings.HasPrefix(name, s) }
	if slices.ContainsFunc(n.prefixes, matches) {
		return true
	}
	matches = func(s string) bool { return strings.HasSuffix(name, s) }
	return slices.ContainsFunc(n.suffixes, matches)
}

// Ignored are header names, in canonical form, that the operator declared
// harmless.
type Ignored map[string]bool

// field is what the inner handlers did to one header.
type field struct {
	name string
	// values are added to what outer handlers have set if added is true, else
	// they replace it; none means that the header was removed.
	values []string
	added  bool
}

// Headers are the response headers that the inner handlers set and that may be
// replayed, sorted by name.
type Headers []field

// LearnHeaders returns what the inner handlers made of the header map: base is
// the map as the outer handlers left it, final the map at WriteHeader.
func LearnHeaders(base, final http.Header) Headers {
	learned := make(Headers, 0, len(final))
	room := make(room, 0, len(final))
	for name, values := range final {
		before := base[name]
		if slices.Equal(values, before) || neverReplayed.has(name) {
			continue
		}
		f := field{name: name, values: room.copy(values)}
		if len(before) > 0 && len(values) > len(before) && slices.Equal(values[:len(before)], before) {
			f.values, f.added = f.values[len(before):], true
		}
		learned = append(learned, f)
	}
	for name := range base {
		if _, kept := final[name]; !kept && !neverReplayed.has(name) {
			learned = append(learned, field{name: name})
		}
	}
	slices.SortFunc(learned, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return learned
}

// Apply does to a header map, as the outer handlers left it, what the inner
// handlers did. The map shares no values with h: handlers change them in place.
func (h Headers) Apply(to http.Header) {
	n := 0
	for _, f := range h {
		n += len(f.values)
	}
	room := make(room, 0, n)
	for _, f := range h {
		switch {
		case f.added:
			to[f.name] = append(slices.Clip(to[f.name]), f.values...)
		case len(f.values) == 0:
			delete(to, f.name)
		default:
			to[f.name] = room.copy(f.values)
		}
	}
}

// room is where copies of the values of many headers are: one array for all saves an
// allocation for each.
type room []string

func (r *room) copy(values []string) []string {
	from := len(*r)
	*r = append(*r, values...)
	return slices.Clip((*r)[from:])
}

// Get returns the first value of a learned header, or "".
func (h Headers) Get(name string) string {
	for _, f := range h {
		if f.name == name && len(f.values) > 0 {
			return f.values[0]
		}
	}
	return ""
}

// Values returns the values of a learned header.
func (h Headers) Values(name string) []string {
	for _, f := range h {
		if f.name == name {
			return f.values
		}
	}
	return nil
}

// Differs returns the name of a protective header in which two responses differ,
// or "" if there is none.
func (h Headers) Differs(other Headers, ignored Ignored) string {
	protects := func(name string) bool { return !harmless.has(name) && !ignored[name] }
	i, j := 0, 0
	for i < len(h) || j < len(other) {
		switch {
		case j == len(other) || i < len(h) && h[i].name < other[j].name:
			if protects(h[i].name) {
				return h[i].name
			}
			i++
		case i == len(h) || other[j].name < h[i].name:
			if protects(other[j].name) {
				return other[j].name
			}
			j++
		default:
			if !h[i].equal(other[j]) && protects(h[i].name) {
				return h[i].name
			}
			i++
			j++
		}
	}
	return ""
}

// Adds returns the name of a protective header that other has and h has not, or
// not so; "" if there is none. The type is left to the caller.
func (h Headers) Adds(other Headers, ignored Ignored) string {
	for _, f := range other {
		i, found := slices.BinarySearchFunc(h, f.name, compareName)
		if f.name != "Content-Type" && len(f.values) > 0 && !harmless.has(f.name) && !ignored[f.name] && (!found || !f.equal(h[i])) {
			return f.name
		}
	}
	return ""
}

func compareName(f field, name string) int { return strings.Compare(f.name, name) }

// shared returns the fields that both have alike.
func (h Headers) shared(other Headers) Headers {
	var out Headers
	for _, f := range h {
		i, found := slices.BinarySearchFunc(other, f.name, compareName)
		if found && f.equal(other[i]) {
			out = append(out, f)
		}
	}
	return out
}

func (f field) equal(g field) bool {
	return f.name == g.name && f.added == g.added && slices.Equal(f.values, g.values)
}

// equal reports whether two lists are alike.
func (h Headers) equal(g Headers) bool { return slices.EqualFunc(h, g, field.equal) }

// hash returns a hash of all. It never leaves the process.
func (h Headers) hash() uint64 {
	var m maphash.Hash
	m.SetSeed(internSeed)
	for _, f := range h {
		_, _ = m.WriteString(f.name)
		for _, v := range f.values {
			_ = m.WriteByte(0)
			_, _ = m.WriteString(v)
		}
		_ = m.WriteByte('\n')
	}
	return m.Sum64()
}

// lasting returns the headers without those fleeting ones that earlier has not
// got alike: they are different in each response, and would be kept for nothing.
func (h Headers) lasting(earlier Headers) Headers {
	kept := slices.DeleteFunc(slices.Clone(h), func(f field) bool {
		if !fleeting.has(f.name) {
			return false
		}
		i, found := slices.BinarySearchFunc(earlier, f.name, compareName)
		return !found || !f.equal(earlier[i])
	})
	for i := range kept { // else the array of all stays
		kept[i].values = slices.Clone(kept[i].values)
	}
	return kept
}

// size is roughly what the headers take in memory, in bytes.
func (h Headers) size() int {
	n := 0
	for _, f := range h {
		n += len(f.name) + 64
		for _, v := range f.values {
			n += len(v) + 16
		}
	}
	return n
}
