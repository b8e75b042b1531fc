package opening

import (
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Reason says in one short fixed word why a page is not committed. The zero
// value means that nothing stands in the way.
type Reason string

// Why a page is not committed.
const (
	NotLearned     Reason = "not_learned"     // too few agreeing responses yet, or too few of this audience
	Expired        Reason = "expired"         // the last agreeing answer is too old
	Unstable       Reason = "unstable"        // the responses share nothing worth sending
	HeaderDiffers  Reason = "header_differs"  // a protective header differs between responses
	Nonce          Reason = "nonce"           // a nonce that repeats, is short, or is not the policy's
	Policy         Reason = "policy"          // a policy does not let the page correct itself
	VaryUserAgent  Reason = "vary_user_agent" // the page is made for a kind of browser
	FastBackend    Reason = "fast_backend"    // nothing to gain
	BackendEncodes Reason = "backend_encodes" // it would go out uncompressed
	Surprised      Reason = "surprised"       // a commit went wrong; good responses earn it back
	Stale          Reason = "stale"           // a stylesheet or script of the page is gone from another page

	// Why a response taught nothing, if it was the page's last.
	Status      Reason = "status"       // not 200
	NotHTML     Reason = "not_html"     // another type, or a charset that is not ASCII-compatible
	NoStore     Reason = "no_store"     // Cache-Control: no-store, or Headstart: no-store
	Private     Reason = "private"      // Cache-Control: private, without learn_private
	NoTransform Reason = "no_transform" // Cache-Control: no-transform
	SetsCookie  Reason = "sets_cookie"  // Set-Cookie; the body teaches all the same
	VaryAll     Reason = "vary_all"     // Vary: *, or more than 16 names
	Special     Reason = "special"      // Clear-Site-Data, Refresh, Content-Disposition or trailers
	NoHead      Reason = "no_head"      // the document has no readable head
	LargeHeader Reason = "large_header" // its headers, those that could be sent early, take more than 32 KiB
)

// Learnable says why a response teaches nothing, or "" if it may. h is the
// header map at WriteHeader. Set-Cookie is not among the reasons: such a body
// teaches all the same. Nor is Vary: User-Agent: such a page is never committed, but
// what browsers of all kinds were told to fetch is hinted.
func Learnable(status int, h http.Header, learnPrivate bool) Reason {
	if reason := Committable(status, h); reason != "" && reason != VaryUserAgent {
		return reason
	}
	switch {
	case forbids(h, "no-store"):
		return NoStore
	case !learnPrivate && forbids(h, "private"):
		return Private
	}
	return ""
}

// Committable says why a response could not have been committed before it came,
// whatever was known of it, or "" if it could.
func Committable(status int, h http.Header) Reason {
	mediaType, charset := ContentType(h.Get("Content-Type"))
	switch {
	case status != http.StatusOK:
		return Status
	case mediaType != "text/html", charset != "" && !KnownCharset(charset):
		return NotHTML
	case h.Get("Content-Encoding") != "":
		return BackendEncodes
	case forbids(h, "no-transform"):
		return NoTransform
	case slices.Contains(VaryNames(h), "*"), len(VaryNames(h)) > maxVary:
		return VaryAll
	case asks(h, "no-store"):
		return NoStore
	}
	for _, name := range []string{"Clear-Site-Data", "Refresh", "Content-Disposition", "Trailer"} {
		if _, ok := h[name]; ok {
			return Special
		}
	}
	if slices.Contains(VaryNames(h), "User-Agent") {
		return VaryUserAgent
	}
	return ""
}

// ContentType splits a Content-Type into media type and charset, in lower case.
// The charset is "" if there is none, the media type if it is malformed.
func ContentType(value string) (mediaType, charset string) {
	if value == "text/html; charset=utf-8" { // nearly all of them
		return "text/html", "utf-8"
	}
	mediaType, params, err := mime.ParseMediaType(value)
	if err != nil {
		return "", ""
	}
	return mediaType, strings.ToLower(params["charset"])
}

// asciiCompatible are the encodings in which every byte below 0x80 means itself
// wherever it stands, by their common labels (Encoding Standard, section 4.2).
var asciiCompatible = map[string]bool{
	"utf-8": true, "utf8": true, "us-ascii": true, "ascii": true,
	"iso-8859-1": true, "iso-8859-2": true, "iso-8859-15": true, "latin1": true,
	"windows-1250": true, "windows-1251": true, "windows-1252": true, "windows-1253": true,
	"windows-1254": true, "windows-1256": true, "windows-1257": true,
	"koi8-r": true, "koi8-u": true,
}

// KnownCharset reports whether a charset is one in which markup can be told from
// text byte by byte.
func KnownCharset(charset string) bool { return asciiCompatible[charset] }

// Strictness is how much a response's Cache-Control forbids caches, as far as a
// committed response has to know.
type Strictness uint8

// The strictnesses.
const (
	Lax     Strictness = iota // at most what a committed response forbids anyway
	Storing                   // no-store
)

// StrictnessOf reads it from the header map of a response.
func StrictnessOf(h http.Header) Strictness {
	if forbids(h, "no-store") {
		return Storing
	}
	return Lax
}

// CacheControl is the value that a committed response carries: whatever the
// backend answers, no shared cache keeps it, and no cache shows it again unasked.
func (s Strictness) CacheControl() string {
	if s == Storing {
		return "private, no-cache, no-store"
	}
	return "private, no-cache"
}

// DropCacheControls takes the cache controls for CDNs (RFC 9213) out of a header
// map: a committed response is for no cache.
func DropCacheControls(h http.Header) {
	for name := range h {
		if cdnControls.has(name) {
			delete(h, name)
		}
	}
}

// Shell reports whether a response may be sent early beyond its head, and teach
// what is there: its header Headstart does not name no-shell. That header is a list
// (RFC 9110 section 5.6.1); what else it names means nothing here, but no-store.
func Shell(h http.Header) bool { return !asks(h, "no-shell") }

// asks reports whether the backend wants something of us.
func asks(h http.Header, wish string) bool { return lists(h["Headstart"], wish) }

// forbids reports whether Cache-Control has a directive (RFC 9111 section 5.2).
func forbids(h http.Header, directive string) bool { return lists(h["Cache-Control"], directive) }

// lists reports whether comma lists have a directive, in any case, with a value or
// without.
func lists(values []string, directive string) bool {
	_, found := find(values, directive)
	return found
}

// find returns the value of the first such directive, and whether there is one.
func find(values []string, directive string) (argument string, found bool) {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			name, argument, _ := strings.Cut(part, "=")
			if strings.EqualFold(strings.TrimSpace(name), directive) {
				return strings.TrimSpace(argument), true
			}
		}
	}
	return "", false
}

// VaryNames returns the request headers that a page depends on, by its Vary, in
// canonical form, sorted. Accept-Encoding is left out since the opening is
// identity, Cookie since clean requests have none.
func VaryNames(h http.Header) []string {
	var list []string
	for _, value := range h["Vary"] {
		for name := range strings.SplitSeq(value, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if name != "" && name != "Accept-Encoding" && name != "Cookie" && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return list
}
