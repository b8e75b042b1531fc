package domtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

func ExampleDiff() {
	backend := parse(nil, `<head><title>Hi</title><link rel=stylesheet href=a.css><script src=a.js></script>`)
	// The title was left out of the opening and came behind it.
	merged := parse(nil, `<head><link rel=stylesheet href=a.css><script src=a.js></script><title>Hi</title>`)
	fmt.Printf("%q\n", Diff(backend, merged))
	swapped := parse(nil, `<head><title>Hi</title><script src=a.js></script><link rel=stylesheet href=a.css>`)
	fmt.Println(Diff(backend, swapped))
	// Output:
	// ""
	// head: out of order: <script src="a.js"></>, the backend has <link href="a.css" rel="stylesheet"></> there
}

func parse(t interface{ Fatal(...any) }, page string) *html.Node {
	doc, err := Parse([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

const (
	head = `<!doctype html><html lang=en><head><meta charset=utf-8><title>Hi</title>` +
		`<meta name=csrf content=t><link rel=stylesheet href=/a.css><style>p{}</style>` +
		`<script src=/a.js></script><script>f()</script><base href=/><meta http-equiv=x content=y>`
	tail = `</head><body class=b><p id=i title=j>x<!--c--></p><script>g()</script></body></html><!--e-->`
)

func TestFreedoms(t *testing.T) {
	for name, pair := range map[string][2]string{
		"same":                  {head + tail, head + tail},
		"byte order mark":       {"\ufeff" + head + tail, head + tail},
		"padding":               {head + tail, strings.Replace(head+tail, "<html", "\n\n\n<html", 1)},
		"white space in head":   {head + tail, head + "\n \t" + tail},
		"white space behind it": {head + tail, head + strings.Replace(tail, "</head>", "</head>\n", 1)},
		"comment in head":       {head + "<!--a-->" + tail, head + "<!--b-->" + tail},
		"comment in front":      {head + tail, "<!--a-->" + head + tail},
		"comment behind head":   {head + tail, head + strings.Replace(tail, "</head>", "</head><!--a-->", 1)},
		"order of inert items":  {"<title>x</title><meta name=a>", "<meta name=a><title>x</title>"},
		"inert across ordered":  {"<title>x</title><script>f()</script><link rel=icon>", "<link rel=icon><script>f()</script><title>x</title>"},
		"order of attributes":   {"<meta name=a content=b>", "<meta content=b name=a>"},
		"quotes":                {"<meta name=a>", `<META NAME="a"/>`},
		"async moved":           {"<script async src=a></script><script>f()</script>", "<script>f()</script><script async src=a></script>"},
		"ld+json moved":         {"<script type=application/ld+json>1</script><style></style>", "<style></style><script type=application/ld+json>1</script>"},
		"json moved":            {"<script type=application/json>1</script><base>", "<base><script type=application/json>1</script>"},
		"stale preload":         {"<title>x</title>", "<title>x</title><link rel=preload as=style href=a>"},
		"stale preconnect":      {"<title>x</title>", "<title>x</title><link rel='preconnect PRELOAD' href=a>"},
		"doubled preload":       {"<link rel=preload href=a>", "<link rel=preload href=a><link rel=preload href=a>"},
		"html tag sent again":   {"<html lang=en class=a><head><title>x", "<html lang=en><head><html lang=en class=a><title>x"},
		"body tag sent again":   {"<body class=a id=b>x", "<body id=b><body class=a id=b>x"},
		"doubled attribute":     {"<meta name=a>", "<meta name=a name=b>"},
		"behind the head":       {"<title>x</title><meta name=a>", "<title>x</title></head><meta name=a>"},
		"frameset":              {"<frameset><frame></frameset><!--a-->", "<!--b--><frameset><frame></frameset><!--a-->"},
	} {
		t.Run(name, func(t *testing.T) {
			if d := Diff(parse(t, pair[0]), parse(t, pair[1])); d != "" {
				t.Errorf("%q, want none", d)
			}
		})
	}
}

func TestPlantedDifferences(t *testing.T) {
	// Each row changes head+tail by one replacement.
	for name, row := range map[string][3]string{
		"no doctype":            {"<!doctype html>", "", `doctype: nothing, the backend has <!doctype html>`},
		"doctype":               {"<!doctype html>", `<!doctype html public "-//W3C//DTD HTML 4.01//EN" "">`, "doctype: "},
		"html attribute":        {"lang=en", "lang=de", `html: <html lang="de">`},
		"html attribute less":   {" lang=en", "", `html: <html>`},
		"head attribute":        {"<head>", "<head x>", `head: <head x="">`},
		"body attribute":        {"class=b", "", `body: <body>`},
		"missing meta":          {"<meta name=csrf content=t>", "", `head: <meta content="t" name="csrf"></> is there 0 times`},
		"changed meta":          {"content=t", "content=u", `head: <meta content="t" name="csrf"></> is there 0 times`},
		"changed title":         {"Hi", "Ho", `head: <title>"Hi"</> is there 0 times`},
		"title doubled":         {"<title>Hi</title>", "<title>Hi</title><title>Hi</title>", `head: <title>"Hi"</> is there 2 times, the backend has it 1 times`},
		"extra style":           {"<style>p{}</style>", "<style>p{}</style><style>q{}</style>", `head: <style>"q{}"</> is there 1 times, the backend has it 0 times`},
		"extra icon":            {"<style>", "<link rel=icon><style>", `head: <link rel="icon"></> is there 1 times`},
		"extra link":            {"<style>", "<link><style>", `head: <link></> is there 1 times`},
		"extra preload with on": {"<style>", "<link rel=preload onload=f()><style>", `head: <link onload="f()" rel="preload"></> is there 1 times`},
		"extra preload style":   {"<style>", "<link rel='preload stylesheet'><style>", `head: <link rel="preload stylesheet"></> is there 1 times`},
		"extra dns-prefetch":    {"<style>", "<link rel=dns-prefetch><style>", `head: <link rel="dns-prefetch"></> is there 1 times`},
		"doubled script":        {"<script>f()</script>", "<script>f()</script><script>f()</script>", `script <script>"f()"</> runs 2 times, the backend has it 1 times`},
		"missing script":        {"<script>f()</script>", "", `script <script>"f()"</> runs 0 times, the backend has it 1 times`},
		"changed script":        {"f()", "h()", `script <script>"f()"</> runs 0 times`},
		"doubled in body":       {"<script>g()</script>", "<script>g()</script><script>g()</script>", `script <script>"g()"</> runs 2 times`},
		"svg script":            {"<p ", "<svg><script>f()</script></svg><p ", `script <svg:script>"f()"</> runs 1 times`},
		"script in template":    {"<script>f()</script>", "<template><script>f()</script></template>", `script <script>"f()"</> runs 0 times`},
		"nonce":                 {"<script>f()", "<script nonce=a>f()", `script <script>"f()"</> runs 0 times`},
		"swapped scripts":       {"<script src=/a.js></script><script>f()</script>", "<script>f()</script><script src=/a.js></script>", `head: out of order: <script>"f()"</>`},
		"style and stylesheet":  {"<link rel=stylesheet href=/a.css><style>p{}</style>", "<style>p{}</style><link rel=stylesheet href=/a.css>", `head: out of order: <style>"p{}"</>`},
		"base moved":            {"<base href=/><meta http-equiv=x content=y>", "<meta http-equiv=x content=y><base href=/>", `head: out of order: <meta content="y" http-equiv="x"></>`},
		"head item in body":     {"<base href=/>", "<p><base href=/>", `head: <base href="/"></> is there 0 times`},
		"body text":             {">x<", ">y<", `body > p[0]: "y", the backend has "x"`},
		"body white space":      {"<p id", " <p id", `body: " ", the backend has <p id="i" title="j">`},
		"body comment":          {"<!--c-->", "<!--d-->", `body > p[0]: <!--"d"-->, the backend has <!--"c"-->`},
		"body comment less":     {"<!--c-->", "", `body > p[0]: missing <!--"c"-->`},
		"body element more":     {"</body>", "<i></i></body>", `body: <i></> too much`},
		"body attribute value":  {"id=i", "id=k", `body: <p id="k" title="j">`},
		"body attribute order":  {"id=i title=j", "title=j id=i", `body: <p title="j" id="i">`},
		"long text":             {">x<", ">" + strings.Repeat("y", 999) + "<", `body > p[0]: "yyy`},
		"behind html":           {"<!--e-->", "<!--f-->", `behind html: <!--"f"-->`},
		"behind body":           {"</html><!--e-->", "<!--e-->", `behind body: <!--"e"--> too much`},
	} {
		t.Run(name, func(t *testing.T) {
			visitor := strings.Replace(head+tail, row[0], row[1], 1)
			if visitor == head+tail {
				t.Fatal("nothing changed")
			}
			d := Diff(parse(t, head+tail), parse(t, visitor))
			if !strings.HasPrefix(d, row[2]) {
				t.Errorf("%q, want %q", d, row[2])
			}
		})
	}
}

// TestOrdered swaps a pair of head elements, for each kind that must keep its
// order and each that need not.
func TestOrdered(t *testing.T) {
	for markup, want := range map[string]bool{
		"<script src=a></script>":                             true,
		"<script async>f()</script>":                          true, // async does nothing to an inline script
		"<script defer src=a></script>":                       true,
		"<script type=module async src=a></script>":           true,
		"<script type='' src=a></script>":                     true,
		"<script type=TEXT/JavaScript src=a></script>":        true,
		"<script language=JavaScript src=a></script>":         true,
		"<script type=importmap>{}</script>":                  true,
		"<script type=speculationrules>{}</script>":           true,
		"<style></style>":                                     true,
		"<link rel='alternate STYLESHEET' href=a>":            true,
		"<base target=a>":                                     true,
		"<meta HTTP-EQUIV=refresh content=1>":                 true,
		"<script async src=a></script>":                       false,
		"<script type=text/javascript async src=a></script>":  false,
		"<script type=' ' src=a></script>":                    false,
		"<script type='text/javascript; charset=x'></script>": false,
		"<script type=application/ld+json>{}</script>":        false,
		"<script language=vbscript src=a></script>":           false,
		"<link rel=modulepreload href=a>":                     false,
		"<link href=a>":                                       false,
		"<meta charset=utf-8>":                                false,
		"<template><style></style></template>":                false,
		"<noscript><style></style></noscript>":                false,
		"<title>x</title>":                                    false,
	} {
		t.Run(markup, func(t *testing.T) {
			fixed := "<style>fixed{}</style>"
			d := Diff(parse(t, markup+fixed), parse(t, fixed+markup))
			if got := strings.HasPrefix(d, "head: out of order"); got != want || !got && d != "" {
				t.Errorf("ordered: %t, want %t (%q)", got, want, d)
			}
		})
	}
}

// Of some elements one is in effect: their order counts.
func TestRivals(t *testing.T) {
	for _, pair := range [][2]string{
		{"<title>a</title>", "<title>b</title>"},
		{"<link rel=icon href=a>", "<link rel='shortcut icon' href=b>"},
		{"<meta name=x content=a>", "<meta name=X content=b>"},
	} {
		if d := Diff(parse(t, pair[0]+pair[1]), parse(t, pair[1]+pair[0])); !strings.HasPrefix(d, "head: out of order") {
			t.Errorf("%q: %q", pair, d)
		}
	}
}

func TestParse(t *testing.T) {
	for page, want := range map[string]string{
		"\ufeff<title>x</title>":               `<html><head><title>"x"</></><body></></>`,
		"\ufeff\ufeff<title>x":                 `<html><head></><body>"\ufeff"<title>"x"</></></>`,
		"<html a=1 a=2><html a=3 b=4>":         `<html a="1" b="4"><head></><body></></>`,
		"<noscript><p></noscript>":             `<html><head><noscript>"<p>"</></><body></></>`, // scripting
		`<p a"b=1 x="&quot;"><svg xlink:href>`: `<html><head></><body><p "a\"b"="1" x="\""><svg:svg xlink:href=""></></></></>`,
	} {
		if got := dump(takeApart(parse(t, page)).html, exactly); got != want {
			t.Errorf("%q: %s, want %s", page, got, want)
		}
	}
	if _, err := Parse([]byte(strings.Repeat("<div>", 600))); err == nil {
		t.Error("600 open elements: no error")
	}
}

func TestDumpTellsTreesApart(t *testing.T) {
	seen := map[string]string{}
	for _, page := range []string{
		"<a></a><i></i>", "<a><i></i></a>", "<div><div></div></div>", "<div></div><div></div>",
		"<p>&lt;i&gt;", "<p><i>", `<p a="b c">`, `<p a=b c>`, "<p>x", "<p>x<!--y-->", "<p>\"x\"",
		"<svg><p></svg>", "<svg><g></svg>", "<g></g>", `<p a='"'>`, `<p a=&amp;quot;>`,
	} {
		d := dump(parse(t, page), exactly) + dump(takeApart(parse(t, page)).html, exactly)
		if other, found := seen[d]; found {
			t.Errorf("%q and %q: both %s", page, other, d)
		}
		seen[d] = page
	}
}

// TestMergeProperty plays merges that are right: items that are free in order
// move to the end, each kind of them altogether; comments, white space and
// preloads come and go.
func TestMergeProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items, body := Heads().Draw(t, "items"), Bodies().Draw(t, "body")
		var early, late []string
		moves := make(map[string]bool) // by how the items begin: "<title", "<meta name", "<link rel"
		for i, item := range items {
			free := slices.Contains([]Class{Inert, Readable, Async, Preload}, classOf(item))
			kind, _, _ := strings.Cut(item, ">")
			kind, _, _ = strings.Cut(kind, "=")
			if _, drawn := moves[kind]; !drawn {
				moves[kind] = rapid.Bool().Draw(t, "late")
			}
			if i > 0 && free && moves[kind] {
				late = append(late, item)
			} else {
				early = append(early, item)
			}
		}
		visitor := slices.Concat(early, late, rapid.SliceOfN(Items(Preload), 0, 2).Draw(t, "stale"))
		if err := Check([]byte(Document(items, body)), []byte(Document(visitor, body)), "merged", ""); err != nil {
			t.Fatal(err)
		}
	})
}

// TestMutationProperty plants a difference that counts, whatever else is there.
func TestMutationProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items, body := Heads().Draw(t, "items"), Bodies().Draw(t, "body")
		at := rapid.IntRange(0, len(items)).Draw(t, "at")
		item := rapid.OneOf(Items(Readable), Items(Barrier), Items(Async)).Draw(t, "item")
		if at == 0 && startsWithTag(items) {
			at = 1
		}
		more := slices.Insert(slices.Clone(items), at, item)
		a, b := parse(t, Document(items, body)), parse(t, Document(more, body))
		if Diff(a, b) == "" || Diff(b, a) == "" {
			t.Fatalf("an item more is not seen: %q, %q", Diff(a, b), Diff(b, a))
		}
	})
}

func classOf(item string) Class {
	for _, f := range families {
		if slices.Contains(f.variants, item) {
			return f.class
		}
	}
	return Barrier // an html tag
}
