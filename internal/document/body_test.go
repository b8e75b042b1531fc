package document

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func ExampleScanBody() {
	body := ScanBody([]byte("</head><body><nav><b>x</b></nav><p>Hello, you"), false, nil)
	for _, p := range body.Points {
		fmt.Printf("%q %s\n", body.Bytes[:p.Offset], body.Nodes[p.Open].Name)
	}
	fmt.Println(body.End)
	// Output:
	// "</head><body>" body
	// "</head><body><nav>" nav
	// "</head><body><nav><b>x</b>" nav
	// "</head><body><nav><b>x</b></nav>" body
	// "</head><body><nav><b>x</b></nav><p>" p
	// truncated
}

// TestBodyRules has a row for each rule of the model: where the last point is, how
// many there are, and why the Body ends.
func TestBodyRules(t *testing.T) {
	const whole = BodyEnd
	tests := []struct {
		name string
		in   string // | is the last point, if there is one
		n    int
		end  End
	}{
		// Before the body.
		{"nothing", "", 0, Truncated},
		{"body", "</head> <!-- x -->\n<body class=x>|</body>", 1, whole},
		{"implied body", "</head><div><p></html>", 0, whole}, // a frameset could still replace it
		{"implied body, seen", "</head><div>x<p>|y</html>", 1, whole},
		{"implied body, seen by what is no text", "</head><div>&#32;<br>|&nbsp;", 1, Truncated},
		{"no head", "<body>|", 1, Truncated},
		{"text before the body", "</head>x<body>", 0, Unmodelled},
		{"link before the body", "</head><link rel=stylesheet href=x><body>", 0, Unmodelled},
		{"script before the body", "</head><script></script><body>", 0, Unmodelled},
		{"second end of the head", "</head></head><body>", 0, Unmodelled},
		{"stray end tag before the body", "</head></p><body>", 0, Unmodelled},
		{"frameset", "</head><frameset>", 0, Unmodelled},
		{"no body", "</head></body>", 0, whole},
		// What is not in a body.
		{"second body", "<body><p>|<body class=x>", 2, Unmodelled},
		{"body at once", "<body>|<body class=x>", 1, Unmodelled},
		{"html", "<body>|<html lang=x>", 1, Unmodelled},
		{"head", "<body>|<head>", 1, Unmodelled},
		{"doctype", "<body>|<!doctype html>", 1, Unmodelled},
		{"title", "<body>|<title>x</title>", 1, Unmodelled},
		{"NUL in a text", "<body><br>|a\x00<br>", 2, NullByte},
		{"NUL in a tag", "<body><br>|<br a=\x00>", 2, NullByte},
		{"bogus comment", "<body>|</>", 1, BadComment},
		{"abrupt comment", "<body>|<!-->", 1, BadComment},
		{"CDATA", "<body>|<![CDATA[x]]>", 1, BadComment},
		{"many attributes", "<body>|<p" + manyAttributes(300) + ">", 1, Ambiguous},
		// Text.
		{"text before a tag that is not there yet", "<body>|x", 1, Truncated},
		{"less-than signs", "<body>a <3 << 4 <b>x</b>|", 2, Truncated},
		{"comments", "<body><!---->x<!--<p>-->|</body>", 3, whole},
		// Blocks.
		{"nested", "<body><div><section></section></div>|</body>", 5, whole},
		{"not closed", "<body><div><section>|</div>", 3, Unmodelled},
		{"closed too often", "<body><div></div>|</div>", 3, Unmodelled},
		{"crossed", "<body><div><span>|</div>", 3, Unmodelled},
		{"custom elements", "<body><x-y><p>x</p></x-y>|</body>", 5, whole},
		{"block ends p", "<body><p>x<div></div><p><ul></ul>|</body>", 7, whole},
		{"block in an element in p", "<body><p><span>|<div>", 3, Unmodelled},
		{"p in a button in p", "<body><p><button><p>x</p></button></p>|</body>", 7, whole},
		{"end of p without p", "<body>|</p>", 1, Unmodelled},
		{"end of br", "<body>|</br>", 1, Unmodelled},
		{"p ends with its parent", "<body><div><p>x</div>|</body>", 4, whole},
		{"p keeps an ordinary element open", "<body><span><p>|</span>", 3, Unmodelled},
		{"hr ends p", "<body><p>x<hr>|</body>", 3, whole},
		{"slash", "<body><div/></div>|</body>", 3, whole},
		{"headings", "<body><h1>x</h1><h2><p>x</h2>|</body>", 6, whole},
		{"heading in heading", "<body><h1>|<h2>", 2, Unmodelled},
		{"heading closed by another", "<body><h1>|</h2>", 2, Unmodelled},
		{"pre", "<body><pre>\nx</pre>|</body>", 2, whole},
		{"behind pre", "<body>|<pre>\n", 1, Truncated},
		{"pre with an encoded line feed", "<body>|<pre>&#10;x</pre>", 1, Unmodelled},
		{"pre with an encoded tag", "<body><pre>&lt;p></pre>|</body>", 2, whole},
		{"search", "<body><search><p>x</p></search>|</body>", 5, whole},
		{"search in p", "<body><p>|<search>", 2, Unmodelled},
		{"dialog ends p", "<body><p><dialog></dialog>|</body>", 4, whole},
		// Lists.
		{"li", "<body><ul><li>x<li>y</ul>|</body>", 5, whole},
		{"li with blocks", "<body><ul><li><div><p>x</div><li>|", 7, Truncated},
		{"li through a div", "<body><ul><li><div>|<li>", 4, Unmodelled},
		{"li through a span", "<body><ul><li><span>|<li>", 4, Unmodelled},
		{"li in a list in li", "<body><ul><li><ul><li>x</ul></ul>|</body>", 7, whole},
		{"li through a block", "<body><li><section><li>|", 4, Truncated},
		{"dd and dt", "<body><dl><dt>x<dd><p>y<dt>z</dt></dl>|</body>", 8, whole},
		{"dd through a div", "<body><dd><div>|<dt>", 3, Unmodelled},
		{"groups of dl", "<body><dl><div><dt>x<dd>y</div></dl>|</body>", 7, whole},
		// Forms.
		{"form", "<body><p><form><input></form>|</body>", 5, whole},
		{"form in form", "<body><form><div>|<form>", 3, Unmodelled},
		{"form after form", "<body><form></form><form>|</body>", 4, whole},
		{"form across a div", "<body><div><form>|</div>", 3, Unmodelled},
		{"end of form in a div", "<body><form><div>|</form>", 3, Unmodelled},
		{"form in a cell", "<body>|<table><tr><td><form></td>", 1, Unmodelled},
		{"button in button", "<body><button>|<button>", 2, Unmodelled},
		{"select", "<body><select><option>x<optgroup label=y><option>z</select>|</body>", 2, whole},
		{"select with input", "<body>|<select><input>", 1, Unmodelled},
		{"select in select", "<body>|<select><select>", 1, Unmodelled},
		{"select with hr", "<body>|<select><hr>", 1, Unmodelled},
		{"datalist", "<body><datalist><option>x<option>y</datalist>|</body>", 3, whole},
		{"option elsewhere", "<body>|<option>", 1, Unmodelled},
		// Formatting.
		{"formatting", "<body><b><i>x</i><p></p></b>|</body>", 2, whole},
		{"formatting crossed", "<body>|<b><i></b></i>", 1, Unmodelled},
		{"formatting across p", "<body><p>|<b>x</p>", 2, Unmodelled},
		{"formatting across li", "<body><li>|<b>x<li>", 2, Unmodelled},
		{"formatting like its parents", "<body><b><b><b><b>x</b></b></b></b>|</body>", 2, whole},
		{"a in a", "<body>|<a><span><a>", 1, Unmodelled},
		{"a in a cell in a", "<body>|<a><table><td><a>", 1, Unmodelled},
		{"nobr in nobr", "<body>|<nobr><b><nobr>", 1, Unmodelled},
		{"block in a", "<body><a><div><p>x</div></a>|</body>", 2, whole},
		{"ruby", "<body><ruby>x<rt>y<rp>z</ruby>|</body>", 5, whole},
		{"rt elsewhere", "<body>|<rt>", 1, Unmodelled},
		{"rtc", "<body><ruby>|<rtc>", 2, Unmodelled},
		// Void elements.
		{"void", "<body><br><img><input/><link><meta><wbr>|</body>", 7, whole},
		{"image", "<body>|<image>", 1, Unmodelled},
		{"keygen", "<body>|<keygen>", 1, Unmodelled},
		// Tables.
		{"table", "<body><table><tr><td>x<th>y<tr><td><p>z</table>|</body>", 2, whole},
		{"table with all its parts", "<body><table> <caption>x</caption><colgroup><col></colgroup>\n<thead><tr><th>x</th></tr></thead><tbody></tbody></table>|", 2, Truncated},
		{"table with parts not closed", "<body><table><caption>x<col><thead><tr><th>x<tbody><tr><td>y<tfoot><tr></table>|", 2, Truncated},
		{"cell without row", "<body><table><td>x</table>|", 2, Truncated},
		{"text in a table", "<body>|<table>x<tr>", 1, Unmodelled},
		{"text in a row", "<body>|<table><tr>x<td>", 1, Unmodelled},
		{"text in a colgroup", "<body>|<table><colgroup>x<td>", 1, Unmodelled},
		{"element in a table", "<body>|<table><b>", 1, Unmodelled},
		{"input in a table", "<body>|<table><input type=hidden>", 1, Unmodelled},
		{"form in a table", "<body>|<table><form>", 1, Unmodelled},
		{"script in a row", "<body><table><tr><script>f()</script><td></table>|", 2, Truncated},
		{"table in table", "<body>|<table><table>", 1, Unmodelled},
		{"table in a cell", "<body><table><td><table><td>x</table></table>|", 2, Truncated},
		{"table in p", "<body><p>|<table>", 2, Unmodelled},
		{"cell not closed in good order", "<body>|<table><td><b>x<td>", 1, Unmodelled},
		{"th in caption", "<body>|<table><caption><th>", 1, Unmodelled},
		{"cell elsewhere", "<body>|<td>", 1, Unmodelled},
		{"end of another cell", "<body>|<table><td></th>", 1, Unmodelled},
		{"end of body in a table", "<body>|<table></body>", 1, Unmodelled},
		// SVG.
		{"svg", "<body><svg><title>x</title><g><path d='M0'/></g></svg>|</body>", 2, whole},
		{"svg in capitals", "<body><SVG><linearGradient><stop/></LINEARGRADIENT></svg>|</body>", 2, whole},
		{"svg at once", "<body><svg/>|</body>", 2, whole},
		{"svg with HTML", "<body>|<svg><p>", 1, Unmodelled},
		{"svg with foreignObject", "<body>|<svg><foreignObject>", 1, Unmodelled},
		{"svg with a style", "<body>|<svg><style>x</style></svg>", 1, Unmodelled},
		{"svg with CDATA", "<body>|<svg><![CDATA[x]]></svg>", 1, BadComment},
		{"svg with markup in a title", "<body>|<svg><title><b>", 1, Unmodelled},
		{"svg with a value that ends in a slash", "<body>|<svg><path d=M0/></svg>", 1, Ambiguous},
		{"svg not closed", "<body>|<svg><g></svg>", 1, Unmodelled},
		{"math", "<body>|<math>", 1, Unmodelled},
		// Whole items.
		{"raw", "<body><script>a<b</script><style>a>b</style><textarea>\n<p></textarea><iframe></iframe>|</body>", 5, whole},
		{"escaped script", "<body><script><!-- <script> </script> --></script>|</body>", 2, whole},
		{"raw not closed", "<body>|<textarea><p></body>", 1, Unclosed},
		{"raw with a slash", "<body>|<script/>", 1, SelfClosed},
		{"noscript", "<body><noscript><p><img src=x></p></noscript>|</body>", 2, whole},
		{"noscript with text", "<body><noscript>a < b</noscript>|</body>", 2, whole},
		{"noscript that opens", "<body>|<noscript><div></noscript>", 1, NoScript},
		{"noscript that closes", "<body><div>|<noscript></div></noscript>", 2, NoScript},
		{"noscript with an open p", "<body>|<noscript><p>x</noscript>", 1, NoScript},
		{"noscript in p with a block", "<body><p>|<noscript><div></div></noscript>", 2, NoScript},
		{"noscript that a comment swallows", "<body>|<noscript><!-- </noscript> --></noscript>", 1, NoScript},
		{"noscript that a value swallows", `<body>|<noscript><a b="</noscript>"></noscript>`, 1, NoScript},
		{"noscript in noscript", "<body>|<noscript><noscript></noscript>", 1, NoScript},
		{"noscript that ends in a less-than sign", "<body>|<noscript><br><</noscript>", 1, NoScript},
		{"template", "<body><template><p>x<form></form></template>|</body>", 2, whole},
		{"template with a row", "<body><template> <tr><td>x</td></tr><tr></tr> </template>|</body>", 2, whole},
		{"template with a cell not closed", "<body>|<template><td>x</template>", 1, Unmodelled},
		{"template with a row behind a block", "<body>|<template><p></p><tr>", 1, Unmodelled},
		{"template with text behind a row", "<body>|<template><tr></tr>x<tr>", 1, Unmodelled},
		{"template in a table", "<body><table><template><li></template></table>|", 2, Truncated},
		{"template not closed", "<body>|<template></body>", 1, Unmodelled},
		{"shadow root", "<body>|<template shadowrootmode=open></template>", 1, Unmodelled},
		// What nothing can be said of.
		{"object", "<body>|<object>", 1, Unmodelled},
		{"applet", "<body>|<applet>", 1, Unmodelled},
		{"marquee", "<body>|<marquee>", 1, Unmodelled},
		{"plaintext", "<body>|<plaintext>", 1, Unmodelled},
		{"xmp", "<body>|<xmp>", 1, Unmodelled},
		// Limits.
		{"depth", "<body>" + strings.Repeat("<x>", maxDepth-1) + "|<x>", maxDepth, Unmodelled},
		{"points", "<body>" + strings.Repeat("<br>", maxPoints-1) + "|<br>", maxPoints, Unmodelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want, rest, _ := strings.Cut(test.in, "|")
			if test.n == 0 {
				want = ""
			}
			in := strings.Replace(test.in, "|", "", 1)
			got := ScanBody([]byte(in), true, nil)
			if string(got.Bytes) != want || len(got.Points) != test.n || got.End != test.end {
				t.Errorf("%d points, end %s, %.200q, want %d, %s, before %q", len(got.Points), got.End, got.Bytes, test.n, test.end, rest)
			}
			head := "<head>"
			if len(in) < 1000 {
				checkBody(t, []byte(head+in), 1000, func(n int) int { return n / 3 })
			}
		})
	}
}

func TestBodyStops(t *testing.T) {
	const in = "<body><div id=a><template><aside></aside></template></div><main id='b&amp;c'><ASIDE id=a ID=d>"
	for _, test := range []struct {
		in   string
		stop []string
		want string
	}{
		{in, []string{"aside"}, "<body><div id=a><template><aside></aside></template></div><main id='b&amp;c'>"},
		{in, []string{"Main", "aside"}, "<body><div id=a><template><aside></aside></template></div>"},
		{in, []string{"#b&c"}, "<body><div id=a><template><aside></aside></template></div>"},
		{in, []string{"#a"}, "<body>"},
		{in, []string{"template"}, "<body><div id=a>"},
		{in, []string{"body"}, ""},
		{in, []string{"#d", "b"}, in}, // the first of two attributes counts
		{"<body><p><!--\theadstart:stop --><p>", nil, "<body><p>"},
		{"<body><p><!--headstart:stopped--><p>", nil, "<body><p><!--headstart:stopped--><p>"},
		{"</head><!--headstart:stop--><body>", nil, ""},
	} {
		end := Stopped
		if test.want == test.in {
			end = Truncated
		}
		got := ScanBody([]byte(test.in), true, test.stop)
		if string(got.Bytes) != test.want || got.End != end {
			t.Errorf("%s, stop at %q: %q, %s", test.in, test.stop, got.Bytes, got.End)
		}
	}
}

func TestIsStop(t *testing.T) {
	head := ScanHead([]byte("<head><!--headstart:stop--><!-- headstart:stop\n--><!--headstart: stop--><!-- x --><title>headstart:stop</title></head>"), true)
	var got []bool
	for _, item := range head.Items {
		got = append(got, IsStop(item))
	}
	if want := []bool{false, true, true, false, false, false}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestBodyMarks(t *testing.T) {
	const runs = Script | Runs | Ordered | Fixed
	for _, test := range []struct {
		in     string // of the first mark the tag is the first in here
		want   Traits
		nonces []string
	}{
		{"<script>f()</script>", runs, nil},
		{"<script nonce='a&amp;b'>x.title</script>", runs | ReadsTitle | Nonce, []string{"a&b"}},
		{"<script src=x async></script>", Script | Async | Fixed, nil},
		{"<script defer src=x></script>", Script | Ordered | Fixed, nil},
		{"<script type=text/x></script>", 0, nil},
		{"<script type=text/x onload=f()></script>", Handler | Fixed, nil},
		{"<p onclick=f()>", Handler | Fixed, nil},
		{"<svg ONLOAD=f()></svg>", Handler | Fixed, nil},
		{"<style nonce=a>x</style>", Styles | Ordered | Nonce, []string{"a"}},
		{"<link rel=stylesheet href=x>", Styles | Ordered, nil},
		{"<link rel=preload href=x>", 0, nil},
		{"<iframe src=x></iframe>", Fixed, nil},
		{"<embed>", Fixed, nil},
		{"<base href=x>", Fixed | Ordered, nil},
		{"<meta http-equiv=refresh content=1>", Fixed | Ordered, nil},
		{"<meta itemprop=x content=1>", 0, nil},
		{"<img src=x title='<script>'>", 0, nil},
		{"<textarea><script></script></textarea>", 0, nil},
		{"<b nonce=x>a</b>", Nonce, []string{"x"}},
		{"<template><p>x</p></template>", 0, nil},
		{"<template onload=x><p>x</p></template>", Handler | Fixed, nil},
		{"<template><template><script nonce=x>f()</script></template></template>", Fixed | Nonce, []string{"x"}},
		{"<noscript><img src=x></noscript>", 0, nil},
		{"<noscript><iframe src=x></iframe></noscript>", Fixed, nil},
		{"<noscript><style nonce=y>x</style></noscript>", Fixed | Nonce, []string{"y"}},
	} {
		got := ScanBody([]byte("<body><hr>"+test.in+"<hr><hr onclick=x>"), true, nil)
		var want []Mark
		if test.want != 0 {
			want = append(want, Mark{len("<body><hr>"), test.want})
		}
		want = append(want, Mark{len("<body><hr><hr>" + test.in), Handler | Fixed})
		if diff := cmp.Diff(want, got.Marks); diff != "" {
			t.Errorf("%s (%s): %s", test.in, got.End, diff)
		}
		if diff := cmp.Diff(test.nonces, got.Nonces, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: nonces: %s", test.in, diff)
		}
	}
	got := ScanBody([]byte("</head><body onload=f()><p><b onclick=x nonce=y>"), true, nil)
	if diff := cmp.Diff([]Mark{{len("</head>"), Handler | Fixed}}, got.Marks); diff != "" || len(got.Nonces) > 0 {
		t.Errorf("the body element: %s, nonces %v", diff, got.Nonces)
	}
}

func TestBodyNodes(t *testing.T) {
	const in = "</head>\n<body>\n<pre>\r\n</pre><pre>\n\nx</pre><table><td>y</table><!-- z --><script>f()</script>"
	got := ScanBody([]byte(in), true, nil)
	at := func(s string) int { return strings.Index(in, s) }
	want := []Node{
		{"body", -1, at("<body")},
		{"#text", 0, at("\n<pre")},
		{"pre", 0, at("<pre")},
		{"pre", 0, at("<pre>\n")},
		{"#text", 3, at("\nx")},
		{"table", 0, at("<table")},
		{"tbody", 5, at("<td")},
		{"tr", 6, at("<td")},
		{"td", 7, at("<td")},
		{"#text", 8, at("y</table")},
		{"#comment", 0, at("<!--")},
		{"script", 0, at("<script")},
	}
	if diff := cmp.Diff(want, got.Nodes); diff != "" {
		t.Error(diff)
	}
}
