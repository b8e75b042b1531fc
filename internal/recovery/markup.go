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
// page is loaded again. A redirect without a fragment keeps the visitor's (RFC 9110
// section 10.2.2).
const script = `(a=>{let d=document,l=location,h=d.head,s=d.currentScript,b,e,k,m,o,` +
	`g=_=>{try{a.cookie&&(d.cookie=a.cookie)}catch{}` +
	`if(!a.url)return l.reload();` +
	`k=new URL(a.url,l);k.hash||(k.hash=l.hash);l.replace(k)},` +
	`f=(r,c)=>[...c].filter(e=>e.localName==r.tag&&e.attributes.length==r.count&&` +
	`r.attrs.every(([k,v])=>e.getAttribute(k)==v)&&e.textContent.slice(0,r.upto)==r.text).at(r.n);` +
	`for(e of d.querySelectorAll("[data-headstart]"))e==s||e.remove();` +
	`b=s?[...s.parentNode.children]:[];` +
	`for(e of a.edits||g()||[]){` +
	`for(k in e.set)m=e.set[k],o=h.parentNode,m==null?o.removeAttribute(k):o.setAttribute(k,m);` +
	`if(e.over)o=f(e.over,h.children),m=e.move&&f(e.move,s.parentNode.children),(k=o&&(m||!e.move))&&(m?o.replaceWith(m):o.remove());` +
	`if(e.put)o=b.slice(~e.at.length,-1),(k=o.map(e=>e.nodeName)==e.put)&&o.map((m,i)=>e.at[i]<0||h.insertBefore(m,h.children[e.at[i]]));` +
	`if(e.cut)o=[...s.parentNode.childNodes].slice(e.from||0,-1),` +
	`(k=s.matches(e.in)&&o.map(e=>e.nodeName)==e.cut)&&o.map(e=>e.remove());` +
	`if(!k&&!a.stay)return g()}` +
	`s?.remove()})`

// Prefix is how the text of every recovery script begins.
const Prefix = `(a=>{let d=document,l=location,h=d.head,s=d.currentScript,`

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

// Repaired is the page that corrects itself.
type Repaired struct {
	Secure bool   // it came by https
	URL    string // where it is, as in Reload
	Body   bool   // the markup stands in its body, else in its head
	Stay   bool   // it is never loaded again: an error page is shown as well as can be
}

// Repair returns markup that corrects the page in which it stands and then removes
// itself. p.Script must be set. A page that cannot be corrected loads itself again,
// marked without a ticket; one without scripting, too, unless all that there is to
// do is to move elements into the head.
func Repair(p Permission, edits []splice.Edit, page Repaired) []byte {
	// What sets or moves must be done before a script behind it runs, and behind a
	// body the place counts. Removals from a head need not wait for stylesheets.
	classic := page.Body || slices.ContainsFunc(edits, func(e splice.Edit) bool { return e.Over == nil || e.Move != nil })
	if page.Stay {
		return element(p, arguments{Edits: edits, Stay: true}, classic, " data-headstart")
	}
	script := element(p, arguments{Edits: edits, Cookie: marker(page.Secure, NoTicket)}, classic, " data-headstart")
	if !slices.ContainsFunc(edits, func(e splice.Edit) bool { return e.Put == "" }) {
		return script
	}
	return append([]byte(`<noscript data-headstart>`+refresh(page.URL)+`</noscript>`), script...)
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
