package recovery

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// noindex keeps a page that ends in an error out of search engines, which see
// the committed status 200.
const noindex = `<meta name="robots" content="noindex">`

// NoIndex is the element that goes into the head of a failed page.
func NoIndex() []byte { return []byte(noindex) }

// script is the one text for reload and redirect. Its arguments are a JSON
// object: cookie, the marker cookie to set; url, where to go, or "" to reload.
// A redirect without a fragment keeps the visitor's (RFC 9110 section 10.2.2).
const script = `(a=>{try{if(a.cookie)document.cookie=a.cookie}catch{}` +
	`if(!a.url)return location.reload();` +
	`let u=new URL(a.url,location.href);if(!u.hash)u.hash=location.hash;location.replace(u)})`

type arguments struct {
	Cookie string `json:"cookie,omitempty"`
	URL    string `json:"url,omitempty"`
}

// Permission says by which means a page may be led away.
type Permission struct {
	// Nonce goes onto the script element.
	Nonce string
	// Script is whether a script may run. If not, a meta refresh has to do, which
	// waits for stylesheets.
	Script bool
}

// Reload returns markup that loads the page again, marked so that the answer is
// the backend's own. secure is whether the page came by https.
func Reload(p Permission, secure bool) []byte {
	return leave(p, arguments{Cookie: marker(secure)}, "0")
}

// Redirect returns markup that replaces the page by target, from Target.
func Redirect(p Permission, target string) []byte {
	return leave(p, arguments{URL: target}, "0;url="+html.EscapeString(target))
}

func leave(p Permission, args arguments, refresh string) []byte {
	meta := `<meta http-equiv="refresh" content="` + refresh + `">`
	if !p.Script {
		return []byte(meta)
	}
	// json.Marshal escapes <, > and &, so that no value can end the script, and
	// U+2028 and U+2029.
	encoded, _ := json.Marshal(args) // two strings: cannot fail
	var b strings.Builder
	b.WriteString(`<script type="module" async`)
	if p.Nonce != "" {
		b.WriteString(` nonce="` + p.Nonce + `"`)
	}
	b.WriteString(`>` + script + `(`)
	b.Write(encoded)
	b.WriteString(`)</script><noscript>` + meta + `</noscript>`)
	return []byte(b.String())
}

// Target returns where the Location of a redirect leads from a page, and reports
// whether a script may go there: an http(s) URL without userinfo that differs
// from the page by more than its fragment. Anything else (javascript:, an app's
// own scheme, the page itself) is for a reload.
//
// What a relative Location leaves open stays open, but for the path: a proxy in
// front may know the site under another scheme or host.
func Target(page *url.URL, location string) (string, bool) {
	ref, err := url.Parse(location)
	if err != nil {
		return "", false
	}
	u := page.ResolveReference(ref)
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return "", false
	}
	bare := *u
	bare.Fragment, bare.RawFragment = "", ""
	if bare.String() == page.String() {
		return "", false
	}
	if ref.Scheme == "" {
		u.Scheme = ""
	}
	if ref.Host == "" {
		u.Host = ""
		if strings.HasPrefix(u.EscapedPath(), "//") {
			return "", false // would be taken for a host
		}
	}
	return u.String(), true
}

// The marker cookie.
const (
	markerSecure = "__Host-headstart"
	markerPlain  = "headstart"
	markerAge    = "10" // seconds; longer than a reload takes to start
)

func marker(secure bool) string {
	if secure {
		return markerSecure + "=1;path=/;max-age=" + markerAge + ";samesite=lax;secure"
	}
	return markerPlain + "=1;path=/;max-age=" + markerAge + ";samesite=lax"
}

// TakeMarker takes the marker cookie off a request header, so that neither the
// backend nor a rule sees it, and reports whether it was there. secure is whether
// the request came by https, which has another marker than http. Where it was,
// the header's Cookie values are replaced, not changed in place. Other cookies
// keep their bytes.
func TakeMarker(h http.Header, secure bool) bool {
	marker := markerPlain + "=1"
	if secure {
		marker = markerSecure + "=1"
	}
	if !slices.ContainsFunc(h["Cookie"], func(line string) bool { return strings.Contains(line, marker) }) {
		return false
	}
	found := false
	kept := make([]string, 0, len(h["Cookie"]))
	for _, line := range h["Cookie"] {
		pairs := make([]string, 0, 8)
		for pair := range strings.SplitSeq(line, ";") {
			if strings.TrimSpace(pair) == marker {
				found = true
				continue
			}
			pairs = append(pairs, pair)
		}
		if rest := strings.TrimLeft(strings.Join(pairs, ";"), " "); rest != "" {
			kept = append(kept, rest)
		}
	}
	switch {
	case !found: // a part of another cookie
	case len(kept) == 0:
		delete(h, "Cookie")
	default:
		h["Cookie"] = kept
	}
	return found
}
