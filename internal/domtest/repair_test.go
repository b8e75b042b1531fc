package domtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// prefix begins the text of the recovery scripts in these tests.
const prefix = "(a=>{fix("

// recovery is a script as Headstart writes it; args is JSON. The function holds
// what could be taken for the end of it.
func recovery(attrs, args string) string {
	return "<script data-headstart " + attrs + ">" + prefix + "a);((b)=>{})({})})(" + args + ")</script>"
}

// fixing is a classic script with these edits; fixingAs has more attributes.
func fixing(edits ...string) string { return fixingAs("", edits...) }

func fixingAs(attrs string, edits ...string) string {
	return recovery(attrs, `{"cookie":"m","edits":[`+strings.Join(edits, ",")+`]}`)
}

// The edits, and references to elements with all these attributes, or without any and
// with a text.

func over(ref string) string        { return `{"over":` + ref + `}` }
func moved(ref, over string) string { return `{"move":` + ref + `,"over":` + over + `}` }
func put(names, at string) string   { return `{"put":"` + names + `","at":[` + at + `]}` }
func cut(names, in string) string   { return `{"cut":"` + names + `","in":"` + in + `"}` }

func cutFrom(from int, names, in string) string {
	return fmt.Sprintf(`{"cut":%q,"from":%d,"in":%q}`, names, from, in)
}
func textsOf(tag, t string, n int) string { return reference(tag, "", 0, t, len(t), n) }

func nth(n int, tag string, attrs ...string) string {
	var pairs []string
	for _, a := range attrs {
		key, value, _ := strings.Cut(a, "=")
		pairs = append(pairs, fmt.Sprintf("[%q,%q]", key, value))
	}
	return reference(tag, strings.Join(pairs, ","), len(attrs), "", 0, n)
}

func reference(tag, attrs string, count int, text string, upTo, n int) string {
	return fmt.Sprintf(`{"tag":%q,"attrs":[%s],"count":%d,"text":%q,"upto":%d,"n":%d}`, tag, attrs, count, text, upTo, n)
}

// repairTest is a page that becomes the backend's behind Repair, or an error.
type repairTest struct{ name, backend, visitor, err string }

func (test *repairTest) run(t *testing.T, want Effect) {
	visitor := parse(t, test.visitor)
	effect, err := Repair(visitor, prefix)
	switch {
	case test.err != "":
		if err == nil || !strings.Contains(err.Error(), test.err) {
			t.Errorf("%v, want %q", err, test.err)
		}
		if leaves := test.err == "leads away"; errors.Is(err, ErrLeaves) != leaves {
			t.Errorf("ErrLeaves: %t, want %t", !leaves, leaves)
		}
	case err != nil || effect != want:
		t.Errorf("effect %d, %v; want %d", effect, err, want)
	default:
		if d := Diff(parse(t, test.backend), visitor); d != "" {
			t.Error(d)
		}
	}
}

func TestRepair(t *testing.T) {
	style, icon := over(nth(0, "style")), over(nth(0, "link", "rel=icon", "href=a"))
	for _, row := range []repairTest{
		{
			"set", "<html lang=en class=a><head><title>x",
			"<html lang=de hidden>" + fixing(`{"set":{"lang":"en","CLASS":"a","hidden":null,"dir":null}}`) + "<title>x", "",
		},
		{"set in a body", "<html lang=en><body><p>", "<body><p>" + fixing(`{"set":{"lang":"en"}}`), ""},
		{"by attribute", "<link rel=icon href=b>", "<link rel=icon href=a><link rel=icon href=b>" + fixing(icon), ""},
		{"by one of two attributes", "", "<link rel=icon nonce=x>" + fixing(over(reference("link", `["rel","icon"]`, 2, "", 0, 0))), ""},
		{"by text", "<style>b</style>", "<style>a})({</style><style>b</style>" + fixing(over(textsOf("style", "a})({", 0))), ""},
		{"by all of the text", "<title>ab</title>", "<title>ab</title><title>a</title>" + fixing(over(reference("title", "", 0, "a", 1<<30, 0))), ""},
		{"by the first of the text", "", "<title>aä</title>" + fixing(over(textsOf("title", "a", 0))), ""},
		{"the second", "<title>x</title>", "<title>x</title><title>x</title>" + fixing(over(nth(1, "title"))), ""},
		{"the last", "<title>x</title>", "<title>x</title><title>y</title>" + fixing(over(nth(-1, "title"))), ""},
		{ // a classic script sees no further than itself
			"the last so far", "<style>a</style><style>c</style>",
			"<style>a</style><style>b</style>" + fixing(over(nth(-1, "style"))) + "<style>c</style>", "",
		},
		{"async module, the first", "<style>b</style>", "<style>a</style>" + fixingAs("type=module async", style) + "<style>b</style>", ""},
		{"deferred module", "<style>a</style>", "<style>a</style>" + fixingAs("type=module", over(nth(-1, "style"))) + "<style>b</style>", ""},
		{
			"move", "<link rel=stylesheet href=b><style>c</style>",
			"<link rel=stylesheet href=a><style>c</style><link rel=stylesheet href=b>" +
				fixing(moved(nth(0, "link", "rel=stylesheet", "href=b"), nth(0, "link", "rel=stylesheet", "href=a"))), "",
		},
		{
			"move from a body", "<style>b</style><style>c</style><body><main><p>",
			"<style>a</style><style>c</style><body><main><p></p><style>x</style><style>b</style>" +
				fixing(moved(nth(-1, "style"), nth(0, "style")), cutFrom(1, "STYLE", "html>body>main>script")), "",
		},
		{
			"in order, and each counts", "<style>a</style><style>b</style>",
			"<style>x</style><style>y</style><style>b</style><style>a</style>" +
				fixing(moved(nth(-1, "style"), nth(1, "style")), style), "",
		},
		{"two scripts", "<style>c</style>", "<style>a</style><style>b</style>" + fixing(style) + fixing(style) + "<style>c</style>", ""},
		{
			"what is marked goes first", "<title>x</title>",
			"<style data-headstart></style><noscript data-headstart>y</noscript><style></style><title>x</title>" + fixing(over(nth(0, "style"))), "",
		},
		{"marked behind it", "<body data-headstart><p data-headstart>x", "<style></style>" + fixing(style) + "<body data-headstart><p data-headstart>x", ""},
		{"marked in a template", "<template><p data-headstart></template>", "<template><p data-headstart></template><style></style>" + fixing(style), ""},
		{"not marked itself", "", strings.Replace("<style></style>"+fixing(style), "data-headstart", "", 1), ""},
		{"text goes on", "<body><p>ab", "<style></style><body><p>a" + fixing(style) + "b", ""},

		{"reload", "", recovery("", `{"cookie":"a=b"}`), "leads away"},
		{"redirect", "", recovery("", `{"url":"/","edits":[]}`), "leads away"},
		{"not found", "", fixing(over(textsOf("style", "a", 0))), `edit 0: over: {"tag":"style","attrs":[],"count":0,"text":"a","upto":1,"n":0}: not found (0 candidates`},
		{"past the end", "", "<style></style>" + fixing(over(nth(1, "style"))), "not found (1 candidates"},
		{"past the start", "", "<style></style>" + fixing(over(nth(-2, "style"))), "not found (1 candidates"},
		{"behind a classic script", "", fixing(style) + "<style></style>", "not found (0 candidates in front of the script, 1 in head)"},
		{"async module, the last", "", "<style>a</style>" + fixingAs("type=module async", over(nth(-1, "style"))) + "<style>b</style>", "async module"},
		{"in the body", "", fixing(over(nth(0, "p"))) + "<p>", "not found"},
		{"below a template", "", "<template>x</template>" + fixing(over(textsOf("template", "x", 0))), "not found"},
		{"another value", "", "<link rel=icon href=b>" + fixing(icon), "not found"},
		{"more attributes", "", "<link rel=icon href=a id=b>" + fixing(icon), "not found"},
		{"no such attribute", "", "<link rel=icon id=a>" + fixing(icon), "not found"},
		{"more text", "", "<title>ab</title>" + fixing(over(reference("title", "", 0, "a", 1<<30, 0))), "not found"},
		{"other text", "", "<title>ab</title>" + fixing(over(textsOf("title", "b", 0))), "not found"},
		{"script", "", "<script src=a></script>" + fixing(over(nth(0, "script", "src=a"))), "has had its effect"},
		{"base", "", "<base>" + fixing(over(nth(0, "base"))), "has had its effect"},
		{"http-equiv", "", "<meta http-equiv=x><meta>" + fixing(moved(nth(0, "meta"), nth(0, "meta", "http-equiv=x"))), "has had its effect"},
		{"over itself", "", "<style></style>" + fixing(moved(nth(0, "style"), nth(0, "style"))), "over itself"},
		{"the script over something", "", "<style></style>" + fixing(moved(nth(-1, "script", "data-headstart="), nth(0, "style"))), "moves the script"},
		{"move what is no sibling", "", "<style>a</style><body><div><style>b</style></div>" + fixing(moved(nth(0, "style"), nth(0, "style"))), "move: "},
		{"move what is marked", "", "<style>a</style><body><link data-headstart>" + fixing(moved(nth(0, "link", "data-headstart="), nth(0, "style"))), "move: "},
		{"move what is behind", "", "<style></style><body>" + fixing(moved(nth(0, "link"), nth(0, "style"))) + "<link>", "move: "},
		{"move by a module", "", "<style></style><link>" + fixingAs("type=module", moved(nth(0, "link"), nth(0, "style"))), "only a classic script"},
		{"set a name that is none", "", fixing(`{"set":{"1":"a"}}`), "setAttribute may refuse"},
		{"set what an object cannot hold", "", fixing(`{"set":{"__proto__":"a"}}`), "setAttribute may refuse"},
		{"set nothing", "", fixing(`{"set":{}}`), "is none of"},
		{"the head is gone", "", "<head data-headstart><style></style>" + fixing(style) + "<body>" + fixing(), "lost its head"},
		{"marked behind a module", "", "<style></style>" + fixingAs("type=module async", style) + "<p data-headstart>", `behind a module stands <p data-headstart="">`},
		{"no such edit", "", fixing(`{}`), "is none of"},
		{"two edits in one", "", fixing(`{"set":{"a":""},"put":"P","at":[0]}`), "is none of"},
		{"move without over", "", fixing(`{"move":` + nth(0, "style") + `}`), "is none of"},
		{"put without places", "", fixing(`{"put":"P"}`), "is none of"},
		{"cut anywhere", "", fixing(`{"cut":"P"}`), "is none of"},
		{"unknown edit", "", fixing(`{"rewind":1}`), "unknown field"},
		{"unknown field of a reference", "", fixing(over(`{"tag":"a","attrs":[],"count":0,"text":"","upto":0,"exact":true}`)), "unknown field"},
		{"half a reference", "", fixing(over(`{"tag":"a","attrs":[],"count":0,"text":"","upto":0}`)), "lacks something"},
		{"no attributes", "", fixing(over(strings.Replace(nth(0, "a"), "[]", "null", 1))), "lacks something"},
		{"up to less than nothing", "", fixing(over(reference("a", "", 0, "", -1, 0))), "lacks something"},
		{"wrong type", "", fixing(`{"over":"style"}`), "cannot unmarshal"},
		{"no object", "", "<script data-headstart>" + prefix + ")})()</script>", "has no `})(`"},
		{"no call", "", "<script data-headstart>" + prefix + "})({}</script>", "does not end in a call"},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(t, Corrected) })
	}
	for _, row := range []repairTest{
		{"no edit", "<title>x</title>", "<title>x</title><noscript data-headstart>y</noscript>" + fixing(), ""},
		{"a semicolon", "", "<script data-headstart>" + prefix + "})({\"edits\":[]});\n</script>", ""},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(t, Completed) })
	}
}

// What is no recovery script does nothing, though it says that it leads away.
func TestNoRepair(t *testing.T) {
	for page, prefix := range map[string]string{
		"<title data-headstart>x</title>":                                            prefix,
		recovery("", "{}"):                                                           "(b=>",
		"<style></style>" + recovery("", "{}"):                                       "",
		"<script src=a data-headstart>" + prefix + "})({})</script>":                 prefix,
		"<script type=text/plain data-headstart>" + prefix + "})({})</script>":       prefix,
		"<script type=importmap data-headstart>" + prefix + "})({})</script>":        prefix,
		"<body><template>" + recovery("", "{}") + "</template>":                      prefix,
		"<body><template><template>" + recovery("", "{}") + "</template></template>": prefix,
		"<body><svg>" + recovery("", "{}") + "</svg>":                                prefix,
		"<body><textarea>" + recovery("", "{}") + "</textarea>":                      prefix,
		"<body><noscript>" + recovery("", "{}") + "</noscript>":                      prefix,
		"<!--" + recovery("", "{}") + "-->":                                          prefix,
		"<script></script><script> " + prefix + "</script>":                          prefix,
	} {
		visitor := parse(t, page)
		if effect, err := Repair(visitor, prefix); effect != Untouched || err != nil {
			t.Errorf("%s: effect %d, %v; want none", page, effect, err)
		}
		if d := Diff(parse(t, page), visitor); d != "" {
			t.Errorf("%s: changed: %s", page, d)
		}
	}
	// What the parser adds to an element that a script has removed does not run.
	gone := parse(t, "<body><div data-headstart>"+fixing()+recovery("", "{}"))
	if effect, err := Repair(gone, prefix); effect != Completed || err != nil {
		t.Errorf("in what was removed: effect %d, %v", effect, err)
	}
}

func TestLeaving(t *testing.T) {
	for script, want := range map[string]struct {
		cookie, url string
		leaves, bad bool
	}{
		`(a=>{})({"cookie":"m=1;path=/"})`:             {cookie: "m=1;path=/", leaves: true},
		`(a=>{})({"url":"/p?})("})`:                    {url: "/p?})(", leaves: true},
		`(a=>{})({"edits":[{"set":{}}],"cookie":"m"})`: {cookie: "m"},
		`(a=>{})({"other":1})`:                         {bad: true},
		`f()`:                                          {bad: true},
	} {
		cookie, url, leaves, err := Leaving(script)
		if cookie != want.cookie || url != want.url || leaves != want.leaves || (err != nil) != want.bad {
			t.Errorf("%s: %q, %q, %v, error %v", script, cookie, url, leaves, err)
		}
	}
}
