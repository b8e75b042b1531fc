package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testbrowser"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// The page that comes early with its body. Behind the list, scripts tell that they
// ran: in a shell {inline} stands for a script, or for nothing.
const (
	shellNav   = "<nav id=\"nav\">\n<a href=\"/\">Latest</a>\n<a href=\"/login\">Sign in</a>\n</nav>\n"
	shellMain  = "<main>\n<h1 id=\"box\">What is new</h1>\n" + shellList + "</main>\n"
	shellList  = "<ul>\n" + shellFirst + shellOther + shellThird + "</ul>\n"
	shellFirst = "<li><h2>First</h2><p>x &amp; y</p></li>\n"
	shellOther = "<li id=\"part\"><h2>Second</h2><p>it's <em>here</em></p></li>\n"
	shellThird = "<li><h2>Third</h2><p>the last one</p></li>\n"
	shellFoot  = "<footer><p>© all of us</p></footer>\n"
	shellEnd   = "</body>\n</html>\n"

	shellHead = doctype + "\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" + browserTitle + "\n" + browserMeta + "\n" +
		browserSheetA + "\n{style}" + browserSheetB + "\n" + browserScripts + "\n</head>\n<body class=\"x\">\n"
	shellPage = shellHead + shellNav + shellMain + "{inline}" + shellFoot + shellEnd

	// scriptless is the same without what reads a head.
	scriptless = doctype + "<html lang=\"en\"><head><meta charset=\"utf-8\">" + browserTitle + browserSheetA + "</head>\n<body>\n" +
		shellNav + shellMain + shellFoot + shellEnd

	otherEntry = "<li id=\"part\"><h2>Another</h2><p>which is new</p></li>\n"
)

// change replaces parts of a page that it must have.
func change(page string, oldAndNew ...string) string {
	for i := 0; i < len(oldAndNew); i += 2 {
		if !strings.Contains(page, oldAndNew[i]) {
			panic("the page has no " + oldAndNew[i])
		}
	}
	return strings.NewReplacer(oldAndNew...).Replace(page)
}

// Pages that come as they did, but for what was known to differ.
func shellsThatStay() []shellCase {
	plain, nonces := browserPolicies[0], browserPolicies[3]
	const csrf = `<meta name="csrf-token" content="{visit}">`
	volatile := change(scriptless, "A page", "Page {visit}", browserSheetA, csrf+browserSheetA)
	ninth := strings.ReplaceAll(volatile, "{visit}", "9")
	signedIn := change(scriptless, `<a href="/login">Sign in</a>`, "<span>Hello, Ann</span>")
	cases := []shellCase{
		{name: "a stable page", learned: plain.page(shellPage)},
		{name: "a page without scripts", learned: served{body: scriptless}},
		{name: "no end tags", learned: served{body: strings.TrimSuffix(scriptless, shellEnd)}},
		{
			name: "a title and a token of their own", learned: served{body: volatile}, outcome: "merged",
			answer: served{body: ninth}.steps(),
		},
		{name: "a nonce", learned: nonces.page(shellPage), outcome: "merged"},
		{
			name: "signed in", learned: served{body: scriptless}, signedIn: &served{body: signedIn}, cookie: session,
			answer: served{body: signedIn}.steps(), early: `a[href="/"]`, late: "nav span, nav a + a",
		},
		{
			name: "an unclosed element of formatting", early: "h1", late: "b",
			learned: served{body: change(scriptless, "What is new", "<b>What is new")},
		},
		{
			name: "a form that ends inside another element", early: "nav", late: "footer",
			learned: served{body: change(scriptless, shellFirst, "<div><form></div><p>", "</main>", "<form><input></form></main>")},
		},
		{
			name: "a declarative shadow root", early: "nav", late: "main h2", looks: "host.shadowRoot.innerHTML",
			learned: served{body: change(scriptless, "<ul>", `<div id=host><template shadowrootmode=open><p>in the shadow</p><slot></slot></template><i>x</i></div><ul>`)},
		},
		{
			name:    "document.write",
			learned: plain.page(change(shellPage, shellNav, shellNav+`<script>document.write("<p>written</p>")</script>`)),
		},
		{
			name:    "document.write of what is not closed",
			learned: plain.page(change(shellPage, shellNav, shellNav+`<script>document.write("<div><b>written")</script>`)),
		},
		{
			name: "no scripts allowed, a stable page", handicap: "scripts", learned: served{body: scriptless},
		},
		{
			// The title stands where it came, and works there.
			name: "no scripts allowed, a title of its own", handicap: "scripts", whole: true, outcome: "merged",
			learned: served{body: change(scriptless, "A page", "Page {visit}")}, answer: served{body: change(scriptless, "A page", "Page 9")}.steps(),
			seen: `document.title == "Page 9"`,
			landed: `for (const e of document.querySelectorAll("body title, body script")) {
				e.remove(); if (e.localName == "title") document.head.insertBefore(e, document.head.children[1]) }`,
		},
		{
			name: "a link to a part", learned: served{body: change(scriptless, shellThird, "<li style='height: 9000px'></li>"+shellThird, ` id="part"`, "", "<footer>", `<footer id="part">`)},
			looks: inView,
		},
	}
	for _, policy := range browserPolicies[1:3] {
		cases = append(cases, shellCase{name: "a stable page under " + policy.name, learned: policy.page(shellPage)})
	}
	// The title is right before the body has come.
	rest := testorigin.NewGate()
	head, body, _ := strings.Cut(ninth, "</nav>")
	return append(cases, shellCase{
		name: "a title of its own while the backend is held in the body", learned: served{body: volatile}, outcome: "merged",
		answer: []testorigin.Step{
			testorigin.Header(http.StatusOK, "Content-Type", "text/html; charset=utf-8"),
			testorigin.Write(head), testorigin.Wait(rest), testorigin.Write("</nav>" + body),
		},
		answered: func(t *testing.T, _ *browserSites, b *tab) {
			await(t, "the backend's head", rest.Arrived())
			testbrowser.Await(t, b, `document.title == "Page 9" && document.head.querySelector("[name=csrf-token]")?.content == "9"`)
			rest.Open()
		},
	})
}

// inView is whether the part that the address names is what is seen.
const inView = `(e => { const r = e.getBoundingClientRect(); return [r.top >= -1 && r.top < innerHeight, e.matches(":target")] })(document.getElementById("part"))`

// Pages of which something that came early has changed.
func shellsThatChange() []shellCase {
	plain, nonces := browserPolicies[0], browserPolicies[3]
	repaired := func(name, page string, oldAndNew ...string) shellCase {
		return shellCase{name: name, learned: served{body: page}, answer: served{body: change(page, oldAndNew...)}.steps(), outcome: "repaired"}
	}
	newScript := strings.Replace(browserInline, "{nonce}", "", 1)
	// Scripts stand before what changes.
	early := change(shellPage, "{inline}", "", "<main>", "{inline}<main>")
	cases := []shellCase{
		repaired("an entry", scriptless, shellOther, otherEntry),
		repaired("an entry more", scriptless, shellFirst, otherEntry+shellFirst),
		repaired("an entry less", scriptless, shellFirst, ""),
		repaired("all entries less", scriptless, shellList, ""),
		repaired("a text", scriptless, "the last one", "the very last one"),
		repaired("an attribute", scriptless, `<h1 id="box">`, `<h1 id="box" class="y">`),
		repaired("more around the cut", scriptless, "<main>", "<section><main>", "</main>", "</main></section>"),
		repaired("less around the cut", change(scriptless, "<main>", "<section><main>", "</main>", "</main></section>"), "<section>", "", "</section>", ""),
		repaired("another element around the cut", scriptless, "<main>", "<article>", "</main>", "</article>"),
		repaired("an element that ends sooner", scriptless, shellThird+"</ul>", "</ul>"+shellThird),
		repaired("an unclosed element of formatting", scriptless, "What is new", "<b>What is new"),
		repaired("a form that ends inside another element", scriptless, shellOther, "<div><form></div><p>", "</main>", "<form><input></form></main>"),
		repaired("a table", scriptless, shellList, "<table>x<tr><td>y</table>"),
		repaired("a declarative shadow root", scriptless, shellFirst, `<div id=part><template shadowrootmode=open><p>in the shadow</p></template></div>`),
		repaired("a shorter page", scriptless, shellList+"</main>\n"+shellFoot+shellEnd, "</main>"),
		repaired("no body at all", scriptless, shellNav+shellMain+shellFoot+shellEnd, ""),
		repaired("a script that is new", scriptless, shellOther, newScript+otherEntry),
		repaired("an entry and the title", scriptless, shellOther, otherEntry, "A page", "B page"),
		repaired("a stylesheet less", scriptless, browserSheetA, ""),
		repaired("another stylesheet", scriptless, "/a.css", "/c.css"),
		repaired("another stylesheet and an entry", scriptless, "/a.css", "/c.css", shellOther, otherEntry),
		repaired("another language", scriptless, `lang="en"`, `lang="de" class="late"`),
		{
			name: "an entry behind scripts", learned: plain.page(early), outcome: "repaired",
			answer: plain.page(early, shellOther, otherEntry).steps(),
		},
		{
			name: "an entry under nonces", learned: nonces.page(early), outcome: "repaired",
			answer: nonces.page(early, shellOther, otherEntry).steps(),
		},
		{
			name: "an entry before a script", learned: plain.page(shellPage), outcome: "reloaded",
			answer: plain.page(shellPage, shellOther, otherEntry).steps(),
		},
		{
			name: "a script of the head", learned: plain.page(shellPage), outcome: "reloaded",
			answer: plain.page(shellPage, "/first.js", "/third.js").steps(),
		},
		{
			name: "a script of the body", learned: plain.page(change(shellPage, shellFoot, "<script src=\"/first.js\"></script>"+shellFoot)), outcome: "reloaded",
			answer: plain.page(change(shellPage, shellFoot, "<script src=\"/third.js\"></script>"+shellFoot)).steps(),
		},
		{
			// What is removed is counted from both ends, and what does not fit loads again.
			name: "an entry behind document.write", outcome: "repaired", loads: 2, requests: 2,
			learned: plain.page(change(early, shellNav, shellNav+`<script>document.write("<p>written</p>")</script>`)),
			answer:  plain.page(change(early, shellNav, shellNav+`<script>document.write("<p>written</p>")</script>`, shellOther, otherEntry)).steps(),
		},
		{
			// What the script has opened stands around all that follows.
			name: "an entry behind document.write of what is not closed", outcome: "repaired", loads: 2, requests: 2,
			learned: plain.page(change(early, shellNav, shellNav+`<script>document.write("<div><b>written")</script>`)),
			answer:  plain.page(change(early, shellNav, shellNav+`<script>document.write("<div><b>written")</script>`, shellOther, otherEntry)).steps(),
		},
		{
			name: "an entry, without scripts", handicap: "scripts", whole: true, outcome: "exact repaired", loads: 2, requests: 2,
			learned: served{body: scriptless}, answer: served{body: change(scriptless, shellOther, otherEntry)}.steps(),
		},
	}
	return cases
}
