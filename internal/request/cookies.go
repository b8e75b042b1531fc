package request

import "strings"

// Cookies are names of cookies; a trailing * matches any ending.
type Cookies []string

// CookieName reports whether a cookie may have a name (RFC 6265 section 4.1.1).
func CookieName(name string) bool { return cookieName(name) }

var (
	cookieName = only(lower + upper + digits + "!#$%&'*+-.^_`|~")
	// cookieOctets are those of RFC 6265 section 4.1.1: no control characters, white
	// space, quotes, commas, semicolons or backslashes.
	cookieOctets = only(lower + upper + digits + "!#$%&'()*+-./:<=>?@[]^_`{|}~")
)

// session reports whether Cookie headers have one of the cookies, or any cookie if
// c is empty. Names and values are compared as they are sent. Headers that break
// the grammar (RFC 6265 section 4.2.1) count as having one: what the backend makes
// of them is not known.
func (c Cookies) session(lines []string) bool {
	switch {
	case len(lines) == 0:
		return false
	case len(c) == 0, len(lines) > 1: // browsers send one (RFC 6265 section 5.4)
		return true
	}
	for pair := range strings.SplitSeq(lines[0], "; ") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || !cookieName(name) || covers(c, name) {
			return true
		}
		if inner, opened := strings.CutPrefix(value, `"`); opened {
			if value, ok = strings.CutSuffix(inner, `"`); !ok {
				return true
			}
		}
		if value != "" && !cookieOctets(value) {
			return true
		}
	}
	return false
}
