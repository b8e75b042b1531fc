package domtest

import "strings"

// Class is how a merge may treat a head item that only some answers have, after
// the classes of head items in DESIGN section 4.
type Class uint8

// The classes. White space and comments are Inert.
const (
	Inert    Class = iota // seen by no script that the page could depend on
	Readable              // a script that runs behind it may read it
	Barrier               // acts on what follows
	Async                 // a classic external script with async: free in order
	Preload               // preload or preconnect: may be left over
	classes               // how many there are
)

// family is a kind of head item in all its variants. The alphabets are small, so
// that pages have equal and nearly equal items often.
type family struct {
	class    Class
	variants []string
}

// families is every head item that the generators write. Each variant is one
// whole child of head, well-formed.
var families = []family{
	variants(Inert, "<title>%</title>", "One", "Two", "One &amp; Two"),
	variants(Inert, `<meta name="%" content="x">`, "description", "author", "robots", "theme-color"),
	variants(Inert, `<meta name="description" content="%">`, "x", "y"),
	variants(Inert, `<meta property="%" content="x">`, "og:title", "twitter:card"),
	variants(Inert, `<link rel="canonical" href="/%">`, "a", "b"),
	variants(Inert, `<link rel="icon" href="/%.png">`, "a", "b"),
	variants(Inert, `<link rel="alternate" type="application/rss+xml" href="/%.xml">`, "a", "b"),
	variants(Inert, `<script type="application/ld+json">{"name":"%"}</script>`, "x", "y"),
	variants(Inert, "<!-- % -->", "a", "b", "<title>no</title>"),
	variants(Inert, "%", "\n", " ", "\n  ", "\t\n"),

	variants(Readable, `<meta name="csrf-token" content="%">`, "t0", "t1", "t2"),
	variants(Readable, `<script type="application/json" id="data">{"user":%}</script>`, "1", "2"),

	variants(Barrier, "<meta %>", "charset=utf-8", `charset="utf-8"`, "charset='UTF-8'"),
	variants(Barrier, `<meta name="viewport" content="width=%">`, "device-width", "900"),
	variants(Barrier, `<meta http-equiv="%" content="x">`, "x-ua-compatible", "content-language"),
	variants(Barrier, `<base href="/%/">`, "a", "b"),
	variants(Barrier, "<style>%</style>", "p{}", "p{color:red}", "p>a{}"),
	variants(Barrier, "<link %>",
		`rel="stylesheet" href="/a.css"`, `href="/a.css" rel="stylesheet"`, // one element to the parser
		"rel=stylesheet href=/b.css", `rel="stylesheet" href="/b.css" media="print"`),
	variants(Barrier, "<script>%</script>", "f()", "g()", "if(1<2)f()", `document.title="x"`),
	variants(Barrier, `<script src="/%.js"></script>`, "a", "b"),
	variants(Barrier, `<script defer src="/%.js"></script>`, "a", "b"),
	variants(Barrier, `<script type="module">%</script>`, "f()", "g()"),
	variants(Barrier, `<script type="module" src="/%.js"></script>`, "a", "b"),
	variants(Barrier, `<script type="importmap">{"imports":{"m":"/%.js"}}</script>`, "a", "b"),
	variants(Barrier, `<link rel="modulepreload" href="/%.js">`, "a", "b"),
	variants(Barrier, "<template>%</template>", "<p>x</p>", "<script>f()</script>", "<title>no</title>"),
	variants(Barrier, "<noscript>%</noscript>", "<link rel=stylesheet href=/n.css>", "<style>p{}</style>"),

	variants(Async, `<script async src="/%.js"></script>`, "a", "b"),

	variants(Preload, `<link rel="preload" as="style" href="/%.css">`, "a", "b"),
	variants(Preload, `<link rel="preconnect" href="https://%.example">`, "a", "b"),
}

// variants fills the place % of a pattern in each given way.
func variants(class Class, pattern string, values ...string) family {
	f := family{class, make([]string, len(values))}
	for i, value := range values {
		f.variants[i] = strings.Replace(pattern, "%", value, 1)
	}
	return f
}

// bodies is what stands in the generated pages' bodies.
var bodies = []string{
	"",
	"<p>x</p>",
	"<p>y</p>",
	"<nav><a href=/>x</a></nav>\n<main>y</main><!-- z -->",
	"<table><tr><td>x<script>f()</script></table>y",
}

// htmlTags are the start tags of the generated pages.
var htmlTags = []string{
	"<html>",
	`<html lang="en">`,
	`<html lang="de">`,
	`<html lang="en" class="a">`,
	`<html class="a" lang="en">`,
	`<html lang="en" class="b" data-theme="dark">`,
}
