package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testbrowser"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// Pages that somebody has touched before the backend has answered: an extension, the
// visitor, or a stylesheet that takes its time.
func shellsThatAreTouched() []shellCase {
	field := `<form><input id="field" name="q"></form>`
	inMain := change(scriptless, "<ul>", field+"<ul>")
	inNav := change(scriptless, "</nav>", field+"</nav>")
	// An entry changes that stands before the field, or behind it.
	entry := func(page string) []testorigin.Step {
		return served{body: change(page, "What is new", "What else is new")}.steps()
	}
	do := func(script string) func(*testing.T, *browserSites, *tab) {
		return func(t *testing.T, _ *browserSites, b *tab) { testbrowser.Evaluate[any](t, b, script) }
	}
	const (
		extension = `const e = document.createElement("aside"); e.id = "extension"; e.textContent = "an advert less"; document.body.prepend(e)`
		removal   = `document.getElementById("extension")?.remove()`
		typing    = `field.focus(); document.execCommand("insertText", false, "typed")`
	)
	high := change(scriptless, shellFirst, "<li style='height: 9000px'></li>"+shellFirst)
	cases := []shellCase{
		{
			name: "an extension's element", learned: served{body: scriptless}, held: do(extension), landed: removal,
			seen: `document.body.firstElementChild.id == "extension"`,
		},
		{
			// What is removed is counted from both ends, and what does not fit loads again.
			name: "an extension's element and another entry", learned: served{body: scriptless}, outcome: "repaired", loads: 2, requests: 2,
			answer: served{body: change(scriptless, shellOther, otherEntry)}.steps(), held: do(extension),
		},
		{
			name: "an element less and another entry", learned: served{body: scriptless}, outcome: "repaired", loads: 2, requests: 2,
			answer: served{body: change(scriptless, shellOther, otherEntry)}.steps(), held: do(`document.querySelector("nav").remove()`),
		},
		{
			name: "an element more elsewhere and another entry", learned: served{body: scriptless}, outcome: "repaired",
			answer: served{body: change(scriptless, shellOther, otherEntry)}.steps(),
			held:   do(strings.Replace(extension, "document.body.prepend", "document.querySelector('nav').prepend", 1)), landed: removal,
			seen: `document.querySelector("nav").firstElementChild.id == "extension"`,
		},
		{
			// The element stands among what was counted: the page is loaded again.
			name: "an extension's element among what is removed", learned: served{body: scriptless}, outcome: "repaired", loads: 2, requests: 2,
			answer: served{body: change(scriptless, shellOther, otherEntry)}.steps(), held: do(strings.Replace(extension, "prepend", "append", 1)),
		},
		{
			// A browser that scrolls to a part takes the focus away.
			name: "input and focus that stay", learned: served{body: inNav}, outcome: "repaired", whole: true, answer: entry(inNav), held: do(typing),
			seen: `field.value == "typed" && document.activeElement == field`,
		},
		{
			name: "input and focus in what is removed", learned: served{body: inMain}, outcome: "repaired", answer: entry(inMain), held: do(typing),
			looks: `field.value`,
		},
		{
			name: "a selection in what is removed", learned: served{body: scriptless}, outcome: "repaired", answer: entry(scriptless),
			held: do(`getSelection().selectAllChildren(document.querySelector("ul"))`),
		},
		{
			name: "a scrolled page", learned: served{body: high}, outcome: "repaired", whole: true,
			answer: served{body: change(high, "the last one", "the very last one")}.steps(), held: do(`scrollTo(0, 500)`),
			seen: `scrollY == 500`,
		},
		{
			name: "a part in what is removed", learned: served{body: high}, outcome: "repaired",
			answer: served{body: change(high, "What is new", "What else is new")}.steps(), looks: inView,
		},
		{
			name: "a part that is new", learned: served{body: change(high, ` id="part"`, "")}, outcome: "repaired",
			answer: served{body: change(high, "What is new", "What else is new")}.steps(), looks: inView,
		},
	}

	// The repair waits for a stylesheet, and so does all that follows.
	const slow = "/slow.css"
	sheet, answered := testorigin.NewGate(), testorigin.NewGate()
	answered.Open() // a mark
	page := change(scriptless, "/a.css", slow, "A page", "Page {visit}")
	return append(cases, shellCase{
		name: "a stylesheet that is still loading", learned: served{body: page}, outcome: "repaired",
		answer: []testorigin.Step{
			testorigin.Header(http.StatusOK, "Content-Type", "text/html; charset=utf-8"),
			testorigin.Write(strings.ReplaceAll(change(page, shellOther, otherEntry), "{visit}", "9")), testorigin.Wait(answered),
		},
		before: func(s *browserSites) {
			s.origin.Handle(slow, testorigin.Wait(sheet), testorigin.Header(http.StatusOK, "Content-Type", "text/css"), testorigin.Write(browserAssets["/a.css"]))
		},
		answered: func(t *testing.T, _ *browserSites, b *tab) {
			await(t, "the end of the page", answered.Arrived())
			testbrowser.Await(t, b, `document.scripts.length > 0`)
			sheet.Open()
		},
	})
}

// Answers that are no such page. What was sent of it stays where it cannot be taken
// back.
func shellSurprises() []shellCase {
	plain := browserPolicies[0]
	page := served{body: scriptless}
	const notIndexed = `<meta content="noindex" name="robots">`
	oops := change(scriptless, "A page", "Oops", shellList, "<p>not found</p>\n")
	cases := []shellCase{
		{name: "another document", answer: served{body: otherPage}.steps(), outcome: "reloaded"},
		{name: "a cookie", answer: page.withHeader("Set-Cookie", "a=b").steps(), outcome: "reloaded", cookie: "a=b"},
		{name: "a redirect", answer: redirectTo("/elsewhere"), outcome: "redirected", place: "/elsewhere#part"},
		{name: "404 in the site's dress", answer: served{body: oops}.withStatus(404).steps(), outcome: "failed", extra: []string{notIndexed}},
		{name: "404", answer: served{body: otherPage}.withStatus(404).steps(), outcome: "reloaded"},
		{name: "500 in the site's dress", answer: served{body: oops}.withStatus(500).steps(), outcome: "failed", extra: []string{notIndexed}},
		{name: "500", answer: errorDoc(500, otherPage), outcome: "failed", extra: []string{notIndexed, `<meta charset="utf-8">`}},
		{
			name: "the backend is gone", answer: []testorigin.Step{testorigin.TakeOver(), testorigin.Close()}, outcome: "failed", requests: -1,
			want: without(scriptless, "\n"+shellNav, shellMain, shellFoot, shellEnd) + noIndexed + "<title>502 Bad Gateway</title>" +
				"<h1>502 Bad Gateway</h1><p>The page could not be loaded. Please try again later.</p></body></html>\n",
		},
	}
	for i := range cases {
		cases[i].learned = page
	}
	scripted := served{body: change(scriptless, shellFoot, "<script>0</script>"+shellFoot)}
	return append(cases, shellCase{
		name: "500 behind scripts", learned: scripted, answer: errorDoc(500, otherPage), outcome: "failed", extra: cases[6].extra,
	}, shellCase{
		name: "404 without the scripts", learned: plain.page(shellPage), outcome: "reloaded", answer: served{body: otherPage}.withStatus(404).steps(),
	})
}
