package module_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/testbrowser"
)

// A tab is one tab of the browser, with cookies of its own.
type tab = testbrowser.Tab

// A dump is what a page is, as far as it has to be the same by whatever way it
// came. What has no order among the children of head is sorted. White space and
// comments in head are left out. Browsers hide nonceSources.
type dump struct {
	Standing bool   `json:"standing"` // the page is complete, and has nothing to recover
	Place    string `json:"place"`    // path and fragment
	HTML     string `json:"html"`     // doctype, mode and <html> tag
	Ordered  []string
	Others   []string
	Body     string
	Sheets   []string // in the order in which they apply
	Style    string   // of #box
	Ran      []string // scripts, as often as they ran
	Cookies  string   // but for Headstart's
}

const dumpScript = `(() => {
	const tag = e => "<" + e.localName + [...e.attributes].map(a =>
		a.name == "nonce" ? " nonce" : " " + a.name + "=" + JSON.stringify(a.value)).sort().join("") + ">";
	const ordered = e => e.matches("style, base, link[rel~=stylesheet], meta[http-equiv], script:not([async]):not([type*=json])");
	const d = document, head = d.head ? [...d.head.children] : [], ran = window.ran || [];
	const box = getComputedStyle(d.getElementById("box") || d.documentElement);
	return {
		standing: d.readyState == "complete" && !d.querySelector(%q) && !!d.body &&
			![...d.scripts].some(e => e.textContent.startsWith(%q) && !e.hasAttribute("data-headstart") && e.id != "injected"),
		place: location.pathname + location.hash,
		html: [d.doctype && d.doctype.name + d.doctype.publicId + d.doctype.systemId, d.compatMode, d.characterSet, tag(d.documentElement)].join(" "),
		Ordered: head.filter(ordered).map(e => tag(e) + e.textContent),
		Others: head.filter(e => !ordered(e)).map(e => tag(e) + e.textContent).sort(),
		Body: d.body ? d.body.outerHTML.replace(/ nonce="[^"]*"/g, " nonce") : "",
		Sheets: [...d.styleSheets].map(s => s.href ? new URL(s.href).pathname : "inline"),
		Style: [box.color, box.backgroundColor, box.width].join(" "),
		Ran: ran.filter(x => x != "async").concat(ran.filter(x => x == "async")), // has no order
		Cookies: d.cookie.split("; ").filter(c => !c.includes("headstart=")).sort().join("; "),
	};
})()`

// dumping returns the script that makes a dump. Without scripts, what would have
// moved elements stays, and a recovery is a link, which the script follows.
func dumping(scripts bool) string {
	recovering, follow := "[data-headstart]", ""
	if !scripts {
		recovering, follow = ":not(script)[data-headstart]", `document.querySelector("a[data-headstart]")?.click(), `
	}
	return follow + fmt.Sprintf(dumpScript, recovering, recovery.Prefix)
}

// A landing is how a navigation ended.
type landing struct {
	dump
	errors []string
	loads  int
}

// load loads a page and returns when it stands at a place. committed is called
// when the browser has the beginning of the response. settle is whether scripts
// run, and errors may come late.
func load(t *testing.T, b *tab, url, place string, settle bool, committed func()) landing {
	t.Helper()
	b.Navigate(t, url)
	committed()
	d := testbrowser.AwaitState(t, b, dumping(settle), func(d dump) bool { return d.Standing && d.Place == place })
	if settle {
		b.Settle(t)
	}
	errors, loads := b.Seen()
	return landing{d, normalized(errors), loads}
}

var (
	authorities  = regexp.MustCompile(regexp.QuoteMeta(host) + `:\d+`)
	nonceSources = regexp.MustCompile(`'nonce-[^']*'`)
)

// normalized takes out of messages what differs between two sites.
func normalized(messages []string) []string {
	out := make([]string, 0, len(messages))
	for _, m := range messages {
		m = strings.ReplaceAll(authorities.ReplaceAllString(m, host), "https://", "http://")
		out = append(out, nonceSources.ReplaceAllString(m, "'nonce-'"))
	}
	return out
}

// surplus returns what is in got more often than in want.
func surplus(got, want []string) (more []string) {
	want = slices.Clone(want)
	for _, m := range got {
		if i := slices.Index(want, m); i >= 0 {
			want = slices.Delete(want, i, i+1)
		} else {
			more = append(more, m)
		}
	}
	return more
}
