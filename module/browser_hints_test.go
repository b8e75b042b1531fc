package module_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testbrowser"
)

// integrityOf is the integrity attribute of an asset.
func integrityOf(path string) string {
	sum := sha256.Sum256([]byte(hintedAssets[path][1]))
	return ` integrity="sha256-` + base64.StdEncoding.EncodeToString(sum[:]) + `"`
}

// A hintedCase is a page, and what is hinted of it.
type hintedCase struct {
	name, head, body string
	assets           []string
}

// Pages of which a part is hinted that no opening holds, and all of a page.
var (
	hintedAsync = hintedCase{"a script that runs when it is there", `<script src="/classic.js" async></script>`, "", []string{"/classic.js"}}
	hintedAll   = hintedCase{
		"all at once",
		`<link rel="preload" as="font" href="/a.woff2" crossorigin>` + sheetLink("/a.css") +
			`<link rel="stylesheet" href="/b.css"` + integrityOf("/b.css") + `><link rel="stylesheet" href="/c.css" crossorigin>` +
			`<script src="/classic.js"></script><link rel="modulepreload" href="/part.mjs"><script type="module" src="/module.mjs"></script>`,
		`<img src="/hero.svg" alt="" fetchpriority="high">`,
		[]string{"/a.woff2", "/a.css", "/b.css", "/c.css", "/classic.js", "/part.mjs", "/module.mjs", "/hero.svg"},
	}
	hintedHeadOnly = hintedCase{"all of the head", hintedAll.head, "", hintedAll.assets[:7]}
	hintedMapped   = hintedCase{
		"modules behind an import map",
		`<script type="importmap">{"imports": {"part": "/part.mjs"}}</script>` +
			`<link rel="modulepreload" href="/part.mjs"><script type="module" src="/mapped.mjs"></script>`,
		"",
		[]string{"/part.mjs", "/mapped.mjs"},
	}
)

// What is hinted is asked for while the backend holds the page, and then used: in front
// of a page that cannot be committed, and of one that is.
func TestBrowserHints(t *testing.T) {
	for _, test := range []struct {
		name, options, level, reason string
		pages                        []hintedCase
	}{
		{"not committed", "", "hints", "sets_cookie", []hintedCase{
			hintedAll, hintedMapped, hintedAsync,
			{"a stylesheet", sheetLink("/b.css"), "", []string{"/b.css"}},
			{"a stylesheet with integrity", `<link rel="stylesheet" href="/b.css"` + integrityOf("/b.css") + ">", "", []string{"/b.css"}},
			{"a stylesheet with CORS", `<link rel="stylesheet" href="/b.css" crossorigin>`, "", []string{"/b.css"}},
			{"a font", `<link rel="preload" as="font" type="font/woff2" href="/a.woff2" crossorigin>` + sheetLink("/a.css"), "", []string{"/a.woff2", "/a.css"}},
			{"a script", `<script src="/classic.js"></script>`, "", []string{"/classic.js"}},
			{"a script with CORS", `<script src="/classic.js" crossorigin="use-credentials"></script>`, "", []string{"/classic.js"}},
			{"a script in the body", "", `<script src="/classic.js"></script>`, []string{"/classic.js"}},
			{"modules", `<link rel="modulepreload" href="/part.mjs"><script type="module" src="/module.mjs"></script>`, "", []string{"/part.mjs", "/module.mjs"}},
			{"an urgent image", "", `<img src="/hero.svg" alt="" fetchpriority="high">`, []string{"/hero.svg"}},
		}},
		{"head", "flush head", "head", "", []hintedCase{hintedHeadOnly, hintedMapped, hintedAsync}},
		{"shell", "", "shell", "", []hintedCase{hintedAll, hintedMapped, hintedAsync}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := startHintsSite(t, test.options)
			for i, page := range test.pages {
				t.Run(page.name, func(t *testing.T) {
					path := fmt.Sprintf("/page%d", i)
					answer := lessonHTML(hintedPage(page.head, page.body))
					if test.reason == "sets_cookie" {
						answer = withCookie(hintedPage(page.head, page.body))
					}
					s.learn(t, path, answer)
					v := s.hinted(t, path, page.assets...)
					v.came(t, test.level, test.reason)
					v.once(t, testbrowser.EarlyHints, page.assets...)
					v.quiet(t)
				})
			}
		})
	}
}

// Where hints could be wrong: the page is another one than was learned, or must not load
// what was.
func TestBrowserHintsInDoubt(t *testing.T) {
	s := startHintsSite(t, "")

	t.Run("a page that nobody knows", func(t *testing.T) {
		for _, path := range []string{"/known/1", "/known/2", "/known/3"} {
			s.serve(path, lessonHTML(hintedPage(sheetLink("/c.css")+sheetLink("/b.css"), path)))
			s.visit(t, s.teacher, "site", path)
		}
		s.serve("/unknown", lessonHTML(hintedPage(`<script src="/classic.js"></script>`+sheetLink("/b.css")+sheetLink("/c.css"), "other")))
		v := s.hinted(t, "/unknown", "/b.css", "/c.css")
		v.came(t, "hints", "not_learned")
		v.once(t, testbrowser.EarlyHints, "/b.css", "/c.css")
		v.once(t, testbrowser.Network, "/classic.js")
		v.quiet(t)
	})

	t.Run("downloads that no cache keeps", func(t *testing.T) {
		s.control = map[string]string{"/d.css": "no-store", "/module.mjs": "no-cache"}
		defer func() { s.control = nil }()
		s.learn(t, "/kept", withCookie(hintedPage(sheetLink("/d.css")+sheetLink("/b.css")+`<script src="/module.mjs" type="module"></script>`, "")))
		s.hinted(t, "/kept", "/b.css") // shows what can be kept
		for range 2 {
			v := s.hinted(t, "/kept", "/b.css")
			v.came(t, "hints", "sets_cookie")
			v.once(t, testbrowser.EarlyHints, "/b.css")
			v.once(t, testbrowser.Network, "/d.css", "/module.mjs")
			v.quiet(t)
		}
	})

	t.Run("a stylesheet of another origin", func(t *testing.T) {
		page := hintedPage(sheetLink(foreignSheet)+sheetLink("/b.css"), "")
		s.learn(t, "/foreign", withCookie(page))
		v := s.hinted(t, "/foreign", foreignSheet, "/b.css")
		v.once(t, testbrowser.EarlyHints, foreignSheet, "/b.css")
		v.quiet(t)

		s.learn(t, "/policy", withCookie(page, "Content-Security-Policy", "style-src 'self'"))
		v = s.hinted(t, "/policy", "/b.css")
		v.came(t, "hints", "sets_cookie")
		v.once(t, testbrowser.EarlyHints, "/b.css")
		if v.seen[foreignSheet] != 0 {
			t.Errorf("%d requests for what the policy forbids", v.seen[foreignSheet])
		}
		for _, message := range v.errors {
			if !strings.Contains(message, "style-src") { // as the page itself is told
				t.Errorf("the browser says %q", message)
			}
		}
	})

	// Visitors with a cookie teach nothing: the page stays known with the stylesheet.
	for name, cookie := range map[string]string{"without": "", "with": session} {
		t.Run("a stylesheet that the page has no more "+name+" a cookie", func(t *testing.T) {
			s.startWith(cookie)
			path := "/changed-" + name
			s.learn(t, path, withCookie(hintedPage(sheetLink("/c.css")+sheetLink("/b.css"), "")))
			s.serve(path, withCookie(hintedPage(sheetLink("/b.css"), "")))
			v := s.hinted(t, path, "/b.css", "/c.css")
			v.once(t, testbrowser.EarlyHints, "/b.css")
			if v.seen["/c.css"] != 1 || len(v.requests["/c.css"]) > 0 || len(v.warnings) != 1 || !strings.Contains(v.warnings[0], "/c.css") {
				t.Errorf("%d requests in vain, and the browser says %q; want one of each", v.seen["/c.css"], v.warnings)
			}
			v = s.hinted(t, path, "/b.css")
			v.once(t, testbrowser.EarlyHints, "/b.css")
			v.never(t, "/c.css")
			v.quiet(t)
		})
	}
}
