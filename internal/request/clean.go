package request

import (
	"net/http"
	"strconv"
	"strings"
)

// maxValue is the most bytes that one header value of a clean request may have.
const maxValue = 512

// unclean are the bytes that a header value of a clean request may not hold:
// what could leave an attribute, a string, a template or a shell word, if a
// backend wrote the value into its page.
const unclean = "\"'<>&\\`{}$%|"

// A rule says whether one header value may be part of a clean request.
type rule func(value string) bool

// allowed is what browsers and crawlers send on a first navigation. A request
// with any other header is not clean: it could shape the page, and the key does
// not hold it. Each rule closes what its header could otherwise carry in.
var allowed = map[string]rule{
	"Accept":                    plain,
	"Accept-Encoding":           plain,
	"Accept-Language":           plain, // where it shapes the page, Vary puts it into the key
	"Alt-Used":                  only("abcdefghijklmnopqrstuvwxyz0123456789.:[]-"),
	"Cache-Control":             oneOf("max-age=0"),
	"Connection":                oneOf("keep-alive", "close"), // `Connection: Cookie` would strip a header on the way
	"Dnt":                       oneOf("0", "1"),
	"From":                      oneOf("googlebot(at)googlebot.com", "bingbot(at)microsoft.com"),
	"Priority":                  only("abcdefghijklmnopqrstuvwxyz0123456789=, "),
	"Sec-Ch-Ua":                 brands,
	"Sec-Ch-Ua-Mobile":          oneOf("?0", "?1"),
	"Sec-Ch-Ua-Platform":        brands,
	"Sec-Fetch-Dest":            oneOf("document"),
	"Sec-Fetch-Mode":            oneOf("navigate"),
	"Sec-Fetch-Site":            oneOf("none", "same-origin", "same-site", "cross-site"),
	"Sec-Fetch-User":            oneOf("?1"),
	"Sec-Gpc":                   oneOf("0", "1"),
	"Te":                        oneOf("trailers"),
	"Traceparent":               only("0123456789abcdef-"), // Caddy's own, from `tracing`
	"Upgrade-Insecure-Requests": oneOf("1"),
	"User-Agent":                plain,
}

// forwarded are the headers that a proxy in front may add. They are believed
// from Caddy's trusted proxies only, and are part of the key but for the
// client's address.
var forwarded = map[string]rule{
	"X-Forwarded-For":   only("0123456789abcdefABCDEF.:, "),
	"X-Forwarded-Host":  only("abcdefghijklmnopqrstuvwxyz0123456789.:-"),
	"X-Forwarded-Proto": oneOf("http", "https"),
}

// clean reports whether r may be committed, and if so whether it may teach.
// Cookies, ignored query parameters and a referring page of another site forbid
// learning only. r must be a navigation.
func clean(r *http.Request, f Facts, ignore Parameters) (commit, learn bool) {
	switch {
	case f.User != "": // somebody signed in at an outer handler
		return false, false
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0: // signed in by certificate
		return false, false
	case r.TLS != nil && !r.TLS.HandshakeComplete: // early data can be replayed (RFC 8470)
		return false, false
	case !strings.HasPrefix(f.Target, "/"): // absolute-form
		return false, false
	case !cleanHost(r.Host, f.ListenerPort):
		return false, false
	}
	learn = true
	if _, query, found := strings.Cut(f.Target, "?"); found {
		if !ignore.coverAll(query) {
			return false, false
		}
		learn = false
	}
	for name, values := range r.Header {
		switch name {
		case "Cookie":
			learn = false
			continue
		case "Referer":
			own, ok := referer(values, r)
			if !ok {
				return false, false
			}
			learn = learn && own
			continue
		}
		check := allowed[name]
		if check == nil && f.TrustedProxy {
			check = forwarded[name]
		}
		if check == nil || len(values) != 1 || len(values[0]) > maxValue || !check(values[0]) {
			return false, false
		}
	}
	return true, learn
}

// cleanHost reports whether a Host is in the one form that browsers send: lower
// case, no trailing dot, no port but the listener's. Other spellings reach the
// same site, and a backend may copy them into its page.
func cleanHost(host string, listenerPort int) bool {
	name, port, hasPort := strings.Cut(host, ":")
	if strings.HasPrefix(host, "[") { // an IPv6 literal
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return false
		}
		name = host[:end+1]
		port, hasPort = strings.CutPrefix(host[end+1:], ":")
	}
	if name == "" || strings.HasSuffix(name, ".") || (hasPort && port != strconv.Itoa(listenerPort)) {
		return false
	}
	return hostBytes(name)
}

var (
	hostBytes = only("abcdefghijklmnopqrstuvwxyz0123456789.-_:[]")
	pathBytes = only("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._~-")
)

// referer reports whether a Referer is acceptable, and whether it names this
// very site, which learning demands. Other sites send their bare origin (the
// default policy strict-origin-when-cross-origin); that is no reason to keep a
// visitor from a search engine waiting.
func referer(values []string, r *http.Request) (own, ok bool) {
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

// plain accepts a value without the bytes that could end the context it is
// written into.
func plain(value string) bool {
	return printable(value) && !strings.ContainsAny(value, unclean)
}

// brands accepts the structured fields (RFC 9651) of the User-Agent Client
// Hints, in the one form that browsers send: a list of quoted strings, each with
// or without a parameter v, itself quoted.
func brands(value string) bool {
	for {
		var ok bool
		if value, ok = quoted(value); !ok {
			return false
		}
		if rest, versioned := strings.CutPrefix(value, ";v="); versioned {
			if value, ok = quoted(rest); !ok {
				return false
			}
		}
		if value == "" {
			return true
		}
		if value, ok = strings.CutPrefix(value, ", "); !ok {
			return false
		}
	}
}

// quoted takes a quoted string with plain contents off the front of a value.
func quoted(value string) (rest string, ok bool) {
	value, ok = strings.CutPrefix(value, `"`)
	if !ok {
		return "", false
	}
	contents, rest, ok := strings.Cut(value, `"`)
	return rest, ok && plain(contents)
}

func printable(value string) bool {
	for i := range len(value) {
		if value[i] < 0x20 || value[i] >= 0x7f {
			return false
		}
	}
	return true
}

func oneOf(values ...string) rule {
	return func(value string) bool {
		for _, v := range values {
			if strings.EqualFold(value, v) {
				return true
			}
		}
		return false
	}
}

// only accepts values that are made of some bytes.
func only(bytes string) rule {
	var allowed [256]bool
	for i := range len(bytes) {
		allowed[bytes[i]] = true
	}
	return func(value string) bool {
		for i := range len(value) {
			if !allowed[value[i]] {
				return false
			}
		}
		return value != ""
	}
}
