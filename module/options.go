package module

import (
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/headstart-proxy/headstart/internal/request"
)

// CheckKey checks a template for the option key: every { has its }.
func CheckKey(template string) error {
	depth := 0
	for _, c := range template {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth < 0 {
			return fmt.Errorf("a } before its { in %q", template)
		}
	}
	if depth != 0 {
		return fmt.Errorf("unbalanced braces in %q", template)
	}
	return nil
}

// CheckParameter checks one name of the option ignore_query.
func CheckParameter(name string) error {
	stem := strings.TrimSuffix(name, "*")
	if stem == "" || strings.ContainsAny(stem, "*?&=;#% \t") {
		return fmt.Errorf("%q is not a parameter name; use a plain name, or the start of one followed by *", name)
	}
	return nil
}

// notIgnorable are the response headers whose differences have a rule of their
// own, so that ignoring them could leave a wrong page standing.
var notIgnorable = map[string]bool{
	"Cache-Control":                       true,
	"Clear-Site-Data":                     true,
	"Content-Disposition":                 true,
	"Content-Encoding":                    true,
	"Content-Security-Policy":             true,
	"Content-Security-Policy-Report-Only": true,
	"Content-Type":                        true,
	"Location":                            true,
	"Refresh":                             true,
	"Set-Cookie":                          true,
	"Trailer":                             true,
	"Vary":                                true,
}

// CheckIgnorable checks one name of the option ignore_header.
func CheckIgnorable(name string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fmt.Errorf("%q is not a header name", name)
	}
	if notIgnorable[http.CanonicalHeaderKey(name)] {
		return fmt.Errorf("%s cannot be ignored: it decides how a page may be shown or stored", http.CanonicalHeaderKey(name))
	}
	return nil
}

// CheckTrusted checks one name of the option trust_header.
func CheckTrusted(name string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fmt.Errorf("%q is not a header name", name)
	}
	name = http.CanonicalHeaderKey(name)
	if reason := request.NeverTrusted(name); reason != "" {
		return fmt.Errorf("%s cannot be trusted: %s; name headers that a CDN adds to each request, such as Cf-Ray", name, reason)
	}
	return nil
}

// CheckCookie checks one name of the option session_cookie.
func CheckCookie(name string) error {
	stem := strings.TrimSuffix(name, "*")
	if !request.CookieName(stem) || strings.Contains(stem, "*") {
		return fmt.Errorf("%q is not a cookie name; use a plain name, or the start of one followed by *", name)
	}
	return nil
}

// CheckStop checks one place of the option stop_at. The names are those of start
// tags (HTML Standard, section 13.2.5.8), in lower case.
func CheckStop(place string) error {
	id, isID := strings.CutPrefix(place, "#")
	letter := place != "" && 'a' <= place[0] && place[0] <= 'z'
	if isID && id != "" && !strings.ContainsAny(id, " \t\n\f\r") || letter && !strings.ContainsAny(place, " \t\n\f\r/>#.[ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		return nil
	}
	return fmt.Errorf("%q is not a place; use the name of an element, such as main, or an id with a # in front, such as #prices", place)
}
