package recovery

import (
	"bytes"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"

	"github.com/headstart-proxy/headstart/internal/splice"
)

// noindex keeps a page that ends in an error out of search engines, which see
// the committed status 200.
const noindex = `<meta name="robots" content="noindex">`

// NoIndex is the element that goes into the head of a failed page.
func NoIndex() []byte { return []byte(noindex) }

// script is the one text for reload, redirect and repair. Its arguments are a
// JSON object: cookie, the marker cookie to set; url, where to go, or "" to
// reload; edits, what to do to the page instead; stay, not to reload. If an
// element to be edited is not there, since a script of the page was faster, the
// page is loaded again. A
// redirect without a fragment keeps the visitor's (RFC 9110 section 10.2.2).
const script = `(a=>{let d=document,l=location,k,e,o,m,` +
	`g=()=>{try{if(a.cookie)d.cookie=a.cookie}catch{}` +
	`if(!a.url)return l.reload();` +
	`let u=new URL(a.url,l.href);if(!u.hash)u.hash=l.hash;l.replace(u)},` +
	`f=r=>[...d.head.children].filter(e=>e.localName==r.tag&&` +
	`Object.entries(r.attrs||{}).every(([k,v])=>e.getAttribute(k)==v)&&` +
	`e.attributes.length==(r.count||0)&&(r.exact?e.textContent==(r.text||""):e.textContent.startsWith(r.text||""))).at(r.n||0);` +
	`if(!a.edits)return g();` +
	`for(e of a.edits)if(e.set)for(k in e.set)o=d.documentElement,m=e.set[k],m==null?o.removeAttribute(k):o.setAttribute(k,m);` +
	`else{o=f(e.drop||e.over);m=e.move&&f(e.move);if(!o||e.move&&!m){if(a.stay)continue;return g()}m?o.replaceWith(m):o.remove()}` +
	`d.head.querySelectorAll("[data-headstart]").forEach(e=>e.remove())})`

// Prefix is how the text of every recovery script begins.
const Prefix = `(a=>{let d=document,l=location,k,e,o,m,`

type arguments struct {
	Edits  []splice.Edit `json:"edits,omitempty"`
	Cookie string        `json:"cookie,omitempty"`
	URL    string        `json:"url,omitempty"`
	Stay   bool          `json:"stay,omitempty"`
}

// Permission says by which means a page may be led away.
type Permission struct {
	// Nonce goes onto the script element.
	Nonce string
	// Script is whether a script may run. If not, a meta refresh has to do, which
	// waits for stylesheets.
	Script bool
}

// Reload returns markup that loads the page again, marked with a ticket, so that
// the answer is the backend's own: the parked one if the ticket is one, else (NoTicket)
// a new one. secure is whether the page came by https. page is where the page is:
// a refresh without a URL does nothing where the address has a fragment.
func Reload(p Permission, secure bool, ticket, page string) []byte {
	return leave(p, arguments{Cookie: marker(secure, ticket)}, page)
}

// Redirect returns markup that replaces the page by target, from Target. The
// script takes it relative to the page's URL, but a refresh relative to a base
// element: if such was sent, page is the page's URL, else nil.
func Redirect(p Permission, target string, page *url.URL) []byte {
	refresh := target
	if ref, err := url.Parse(target); err == nil && page != nil {
		refresh = page.ResolveReference(ref).String()
	}
	return leave(p, arguments{URL: target}, refresh)
}

// Repair returns markup that corrects the head in which it stands and then
// removes itself. Without scripting it loads the page again, unless stay is set:
// an error page is shown as well as can be. p.Script must be set.
// If it loads it again, the reload is marked. secure and page are those of Reload.
func Repair(p Permission, edits []splice.Edit, secure bool, page string, stay bool) []byte {
	// What sets or moves must be done before a script behind it runs. Removals
	// need not wait for stylesheets.
	classic := slices.ContainsFunc(edits, func(e splice.Edit) bool { return e.Drop == nil })
	if stay {
		return element(p, arguments{Edits: edits, Stay: true}, classic, " data-headstart")
	}
	script := element(p, arguments{Edits: edits, Cookie: marker(secure, NoTicket)}, classic, " data-headstart")
	return append([]byte(`<noscript data-headstart>`+refresh(page)+`</noscript>`), script...)
}

// leave leads to a URL. Browsers follow a refresh when the document is complete,
// and Chromium not at all if it was aborted. So those who run no scripts also get
// a link, which ends the head.
func leave(p Permission, args arguments, url string) []byte {
	if !p.Script {
		return []byte(refresh(url))
	}
	return append(element(p, args, false, ""), `<noscript>`+refresh(url)+
		`<p><a data-headstart href="`+html.EscapeString(url)+`">Continue</a></noscript>`...)
}

func refresh(url string) string {
	return `<meta http-equiv="refresh" content="0;url=` + html.EscapeString(url) + `">`
}

// element returns the script element.
func element(p Permission, args arguments, classic bool, attrs string) []byte {
	// json.Marshal escapes <, > and &, so that no value can end the script, and
	// U+2028 and U+2029.
	encoded, _ := json.Marshal(args) // strings and numbers: cannot fail
	var b bytes.Buffer
	b.WriteString(`<script`)
	if !classic {
		b.WriteString(` type="module" async`)
	}
	b.WriteString(attrs)
	if p.Nonce != "" {
		b.WriteString(` nonce="` + p.Nonce + `"`)
	}
	b.WriteString(`>` + script + `(`)
	b.Write(encoded)
	b.WriteString(`)</script>`)
	return b.Bytes()
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
