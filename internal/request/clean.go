package request

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/dunglas/httpsfv"
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
	"Alt-Used":                  pattern(`[a-z0-9.:\[\]-]+`),
	"Cache-Control":             oneOf("max-age=0"),
	"Connection":                oneOf("keep-alive", "close"), // `Connection: Cookie` would strip a header on the way
	"Dnt":                       oneOf("0", "1"),
	"From":                      oneOf("googlebot(at)googlebot.com", "bingbot(at)microsoft.com"),
	"Priority":                  pattern(`[a-z0-9=, ]+`),
	"Sec-Ch-Ua":                 structured,
	"Sec-Ch-Ua-Mobile":          oneOf("?0", "?1"),
	"Sec-Ch-Ua-Platform":        structured,
	"Sec-Fetch-Dest":            oneOf("document"),
	"Sec-Fetch-Mode":            oneOf("navigate"),
	"Sec-Fetch-Site":            oneOf("none", "same-origin", "same-site", "cross-site"),
	"Sec-Fetch-User":            oneOf("?1"),
	"Sec-Gpc":                   oneOf("0", "1"),
	"Te":                        oneOf("trailers"),
	"Traceparent":               pattern(`[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}`), // Caddy's own, from `tracing`
	"Upgrade-Insecure-Requests": oneOf("1"),
	"User-Agent":                plain,
}

// forwarded are the headers that a proxy in front may add. They are believed
// from Caddy's trusted proxies only, and are part of the key but for the
// client's address.
var forwarded = map[string]rule{
	"X-Forwarded-For":   pattern(`[0-9a-fA-F.:, ]+`),
	"X-Forwarded-Host":  pattern(`[a-z0-9.:-]+`),
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
func cleanHost(host, listenerPort string) bool {
	name, port, hasPort := strings.Cut(host, ":")
	if strings.HasPrefix(host, "[") { // an IPv6 literal
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return false
		}
		name = host[:end+1]
		port, hasPort = strings.CutPrefix(host[end+1:], ":")
	}
	if name == "" || strings.HasSuffix(name, ".") || (hasPort && port != listenerPort) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune(".-_[]:", rune(c)) {
			return false
		}
	}
	return true
}

var (
	originOnly = regexp.MustCompile(`^https?://[a-z0-9.:\[\]_-]+/?$`)
	plainPath  = regexp.MustCompile(`^(/[A-Za-z0-9._~-]*)+$`)
)

// referer reports whether a Referer is acceptable, and whether it names this
// very site, which learning demands. Other sites send their bare origin (the
// default policy strict-origin-when-cross-origin); that is no reason to keep a
// visitor from a search engine waiting.
func referer(values []string, r *http.Request) (own, ok bool) {
	if len(values) != 1 || len(values[0]) > maxValue {
		return false, false
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	if rest, found := strings.CutPrefix(values[0], scheme+r.Host); found && (rest == "" || plainPath.MatchString(rest)) {
		return true, true
	}
	return false, originOnly.MatchString(values[0])
}

// plain accepts a value without the bytes that could end the context it is
// written into.
func plain(value string) bool {
	return printable(value) && !strings.ContainsAny(value, unclean)
}

// structured accepts a structured field (RFC 9651): quoted strings are its
// nature, so the quote is allowed and the whole is parsed.
func structured(value string) bool {
	if !printable(value) || strings.ContainsAny(value, strings.Trim(unclean, `"`)) {
		return false
	}
	_, err := httpsfv.UnmarshalList([]string{value})
	return err == nil
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

func pattern(expr string) rule {
	re := regexp.MustCompile(`^(?:` + expr + `)$`)
	return re.MatchString
}
