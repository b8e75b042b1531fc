package domtest

import (
	"strings"
	"testing"
)

// What came late stands where the body was cut, and is put into the head.
func TestPut(t *testing.T) {
	const late = "<title>t</title><meta name=m><link rel=icon>"
	for _, row := range []repairTest{
		{"at the end", "<style></style><link><body><p>x</p>y", "<style></style><body><p>x</p><link>" + fixing(put("LINK", "99")) + "y", ""},
		{"at the start", "<base><style></style><script></script><body><p>", "<style></style><script></script><body><p></p><base>" + fixing(put("BASE", "0")), ""},
		{
			"between, one behind the other", "<style>a</style><style>b</style><style>c</style><style>d</style><body><main>y",
			"<style>a</style><style>d</style><body><main><style>b</style><style>c</style>" + fixing(put("STYLE,STYLE", "1,2")) + "y", "",
		},
		{
			"each in its place, behind the one before", "<style>b</style><style>c</style><style>a</style>",
			"<style>a</style><body><style>b</style><style>c</style>" + fixing(put("STYLE,STYLE", "0,1")), "",
		},
		{"white space and comments do not count", "<style>a</style><style>b</style>", " <!--x--> <style>a</style> <body><style>b</style>" + fixing(put("STYLE", "1")), ""},
		{"the last ones", late + "<body><p>x<p>y", "<body><p>x<p>y</p>" + late + fixing(put("TITLE,META,LINK", "0,1,2")), ""},
		{"text between them", "<title>t</title><link><body>abcd", "<body>ab<title>t</title><!--c-->c<link>" + fixing(put("TITLE,LINK", "0,1"), cutFrom(1, "#comment,#text", "html>body>script")) + "cd", ""},
		{"text goes on", "<title>t</title><body>ab", "<body>a<title>t</title>" + fixing(put("TITLE", "0")) + "b", ""},
		{"some stay", "<link><body><title>t</title>x", "<body><title>t</title><link>" + fixing(put("TITLE,LINK", "-1,0")) + "x", ""},
		{
			"one has left", "<style>b</style><title>t</title>",
			"<style>a</style><body><style>b</style><title>t</title>" +
				fixing(moved(nth(-1, "style"), nth(0, "style")), put("STYLE,TITLE", "-1,1")), "",
		},
		{"what is marked does not count", "<title>t</title>", "<body><title>t</title><noscript data-headstart>x</noscript>" + fixing(put("TITLE", "0")), ""},
		{"in a head", "<title>t</title><style></style>", "<style></style><title>t</title>" + fixing(put("TITLE", "0")), ""},
		{"in a head, where it is", "<style>a</style><style>b</style>", "<style>a</style><style>b</style>" + fixing(put("STYLE", "1")), ""},
		{"a template with a script", "<template>" + recovery("", "{}") + "</template><body><p>", "<body><p></p><template>" + recovery("", "{}") + "</template>" + fixing(put("TEMPLATE", "0")), ""},
		{"by two scripts", "<title>t</title><link><body>x", "<body><title>t</title>" + fixing(put("TITLE", "0")) + "<link>" + fixing(put("LINK", "1")) + "x", ""},

		{"another name", "", "<body>" + late + fixing(put("TITLE,LINK,LINK", "0,1,2")), "puts TITLE,LINK,LINK in 3 places, finds TITLE,META,LINK"},
		{"another case", "", "<body>" + late + fixing(put("link", "0")), "finds LINK"},
		{"too few", "", "<body><title>t</title>" + fixing(put("META,TITLE", "0,1")), "finds TITLE"},
		{"none", "", "<body>x" + fixing(put("TITLE", "0")), "in 1 places, finds "},
		{"more places", "", "<body>" + late + fixing(put("LINK", "0,1")), "finds META,LINK"},
		{"fewer places", "", "<body>" + late + fixing(put("META,LINK", "0")), "finds LINK"},
		{"text", "", "<body>x" + fixing(put("#text", "0")), "finds "},
		{"one more in between", "", "<body><title>t</title><p></p><link>" + fixing(put("TITLE,LINK", "0,1")), "finds P,LINK"},
		{"below a sibling", "", "<body><div><link></div>" + fixing(put("LINK", "0")), "finds DIV"},
		{"behind the script", "", "<body>" + fixing(put("LINK", "0")) + "<link>", "finds "},
		{"by a module", "", "<body><link>" + fixingAs("type=module async", put("LINK", "0")), "only a classic script"},
		{"of two scripts the second", "", "<body><link>" + fixing(put("LINK", "0")) + fixing(put("LINK", "0")), "finds "},
	} {
		t.Run(row.name, func(t *testing.T) {
			want := Completed
			if strings.Contains(row.visitor, `"cut"`) || strings.Contains(row.visitor, `"over"`) {
				want = Corrected
			}
			row.run(t, want)
		})
	}
}

// What a body has too much is closed, and removed.
func TestCut(t *testing.T) {
	const inBody, inMain = "html>body>script", "html>body>main>script"
	const nav = "<nav><a href=/>x</a></nav>"
	for _, row := range []repairTest{
		{"an element", "<body>" + nav + "y", "<body>" + nav + "<p>x</p>" + fixing(cutFrom(1, "P", inBody)) + "y", ""},
		{"all kinds of nodes", "<body>" + nav + "<p>y", "<body>" + nav + "<p>x</p>a<!--b-->\n" + fixing(cutFrom(1, "P,#text,#comment,#text", inBody)) + "<p>y", ""},
		{"of what is open", "<main class=a>y</main>z", "<main class=a><p>x</p>" + fixing(cut("P", inMain)) + "y</main>z", ""},
		{"behind an end tag", "<main><h1>a</h1><p>y", "<main><h1>a</h1><div><p>x</div>" + fixing(cutFrom(1, "DIV", inMain)) + "<p>y", ""},
		{"all of it", "<body>", "<body>" + nav + " " + fixing(cut("NAV,#text", inBody)), ""},
		{"names as they are", "<body><p>", "<body><svg><path/></svg><x-é></x-é><math></math>" + fixing(cut("svg,X-é,math", inBody)) + "<p>", ""},
		{"text goes on", "<body>ab", "<body>a<p>x</p>" + fixing(cutFrom(1, "P", inBody)) + "b", ""},
		{"what is marked does not count", "<body>a", "<body><p>x</p><noscript data-headstart>x</noscript>" + fixing(cut("P", inBody)) + "a", ""},
		{"behind put", "<meta name=robots><body>a", "<body><p>x</p><meta name=robots>" + fixing(put("META", "99"), cut("P", inBody)) + "a", ""},
		{"behind a script", "<link><body>a", "<body><p>x</p><link>" + fixing(put("LINK", "99")) + fixing(cut("P", inBody)) + "a", ""},
		{"a data block", "<body>a", "<body><script type=application/ld+json>1</script>" + fixing(cut("SCRIPT", inBody)) + "a", ""},
		{"in a template", "<body>a", "<body><template><script>f()</script><base><iframe></iframe><p onclick=f()></template>" + fixing(cut("TEMPLATE", inBody)) + "a", ""},

		{"another name", "", "<body><p>x</p><b>x</b>" + fixing(cut("I,B", inBody)), "cuts I,B, finds P,B"},
		{"another case", "", "<body><p>x</p>" + fixing(cut("p", inBody)), "cuts p, finds P"},
		{"too few", "", "<body><p>x</p>" + fixing(cut("P,P", inBody)), "cuts P,P, finds P"},
		{"one more, put at the end", "", "<body><p>a</p><p>x</p><p>put</p>" + fixing(cutFrom(1, "P", inBody)), "cuts P, finds P,P"},
		{"one more, put at the start", "", "<body><p>put</p><p>a</p><p>x</p>" + fixing(cutFrom(1, "P", inBody)), "cuts P, finds P,P"},
		{"one less", "", "<body><p>a</p>" + fixing(cutFrom(1, "P", inBody)), "cuts P, finds "},
		{"two less", "", "<body>" + fixing(cutFrom(1, "P", inBody)), "leaves 1 nodes of 0"},
		{"none", "", "<body>" + fixing(cut("P", inBody)), "cuts P, finds "},
		{"white space more", "", "<body><p>x</p>\n" + fixing(cut("P", inBody)), "cuts P, finds P,#text"},
		{"put before", "", "<body><p>x</p><link>" + fixing(put("LINK", "0"), cut("P,LINK", inBody)), "cuts P,LINK, finds P"},
		{"elsewhere", "", "<body><main><p>x</p>" + fixing(cut("P", inBody)), "stands in html>body>main>script, not in html>body>script"},
		{"farther in", "", "<body><main></main><p>x</p>" + fixing(cut("P", inMain)), "stands in html>body>script, not in"},
		{"in a head", "", "<link>" + fixing(cut("LINK", inBody)), "stands in html>head>script"},
		{"half a path", "", "<body><main><p>x</p>" + fixing(cut("P", "main>script")), "not in main>script"},
		{"an odd name", "", "<body><a:b><p>x</p>" + fixing(cut("P", "html>body>a:b>script")), "no plain selector"},
		{"by a module", "", "<body><p>x</p>" + fixingAs("type=module async", cut("P", inBody)), "only a classic script"},
		{"script", "", "<body><script>f()</script>" + fixing(cut("SCRIPT", inBody)), "cuts a script, which has had its effect"},
		{"script inside", "", "<body><p><b><script src=a></script></b></p>" + fixing(cut("P", inBody)), "cuts a script"},
		{"module", "", "<body><p><script type=module>f()</script></p>" + fixing(cut("P", inBody)), "cuts a script"},
		{"import map", "", "<body><script type=importmap>{}</script>" + fixing(cut("SCRIPT", inBody)), "cuts a script"},
		{"svg script", "", "<body><svg><g><script>f()</script></g></svg>" + fixing(cut("svg", inBody)), "cuts a script"},
		{"base", "", "<body><p><base></p>" + fixing(cut("P", inBody)), "cuts a base"},
		{"http-equiv", "", "<body><p><meta http-equiv=refresh></p>" + fixing(cut("P", inBody)), "cuts http-equiv"},
		{"iframe", "", "<body><p><iframe></iframe></p>" + fixing(cut("P", inBody)), "cuts iframe"},
		{"object", "", "<body><object></object>" + fixing(cut("OBJECT", inBody)), "cuts object"},
		{"embed", "", "<body><p><embed></p>" + fixing(cut("P", inBody)), "cuts embed"},
		{"handler", "", "<body><p><img src=a ONERROR=f()></p>" + fixing(cut("P", inBody)), "cuts onerror"},
		{"handler of svg", "", "<body><svg onload=f()></svg>" + fixing(cut("svg", inBody)), "cuts onload"},
		{"handler of a template", "", "<body><template onclick=f()></template>" + fixing(cut("TEMPLATE", inBody)), "cuts onclick"},
		{"shadow root", "", "<body><p><template shadowrootmode=open></template></p>" + fixing(cut("P", inBody)), "cuts a shadow root"},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(t, Corrected) })
	}
	// A tag of the body leaves its attributes, though what stands beside it is cut.
	visitor := parse(t, "<body><p>x</p><body class=a>"+fixing(cut("P", inBody))+"y")
	if _, err := Repair(visitor, prefix); err != nil {
		t.Fatal(err)
	}
	if d := Diff(parse(t, "<body>y"), visitor); !strings.HasPrefix(d, "body: ") {
		t.Errorf("a tag of the body: %q", d)
	}
}
