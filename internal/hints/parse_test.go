package hints

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ExampleParse() {
	for _, l := range Parse([]string{`</a.css>;rel="preload";as=style;nopush, <https://cdn.example>; rel=preconnect`}) {
		fmt.Println(l)
	}
	// Output:
	// </a.css>; rel=preload; as=style
	// <https://cdn.example>; rel=preconnect
}

func TestParse(t *testing.T) {
	const style = "; rel=preload; as=style"
	for _, test := range []struct {
		name string
		in   []string
		want []string
	}{
		{"nothing", nil, nil},
		{"several in one field", []string{"</a>" + style + ", </b>" + style + ",,</c>" + style}, []string{"</a>" + style, "</b>" + style, "</c>" + style}},
		{"several fields", []string{"</a>" + style, "</b>" + style}, []string{"</a>" + style, "</b>" + style}},
		{"a comma and a semicolon in a target", []string{"</a,b;c>" + style}, []string{"</a,b;c>" + style}},
		{"a comma in a quoted string", []string{`</a>; rel=preload; as=image; imagesizes="(a, b)"; imagesrcset="/a 1x, /b 2x", </b>` + style}, []string{
			`</a>; rel=preload; as=image; imagesrcset="/a 1x, /b 2x"; imagesizes="(a, b)"`, "</b>" + style,
		}},
		{"an escape", []string{`</a>; rel="pre\load"; as=style`}, []string{"</a>" + style}},
		{"white space", []string{" < /a > \t; rel = preload ;as\t=\tstyle; ; "}, []string{"</a>" + style}},
		{"another case", []string{"</a>; REL=Preload; As=STYLE"}, []string{"</a>" + style}},
		{"several rels", []string{"<https://a>; rel=\"preconnect preload next\"; as=style"}, []string{"<https://a>; rel=preconnect", "<https://a>" + style}},
		{"given twice", []string{"</a>; rel=preload; rel=next; as=style; as=script"}, []string{"</a>" + style}},
		{"crossorigin without a value", []string{"</a>" + style + "; crossorigin"}, []string{"</a>; rel=preload; as=style; crossorigin"}},
		{"crossorigin with an unknown value", []string{"</a>" + style + "; crossorigin=x"}, []string{"</a>; rel=preload; as=style; crossorigin"}},
		{"crossorigin with credentials", []string{"</a>" + style + `; crossorigin="use-credentials"`}, []string{"</a>; rel=preload; as=style; crossorigin=use-credentials"}},
		{"all parameters", []string{`</a>; rel=preload; as=style; type=text/css; media="(a)"; fetchpriority=HIGH; integrity=sha256-x=; referrerpolicy=Origin`}, []string{
			`</a>; rel=preload; as=style; type="text/css"; media="(a)"; fetchpriority=high; integrity="sha256-x="; referrerpolicy=origin`,
		}},
		{"a module", []string{"</a.js>; rel=modulepreload; media=x; type=y"}, []string{"</a.js>; rel=modulepreload"}},
		{"a font", []string{"</a>; rel=preload; as=font; crossorigin; type=font/woff2"}, []string{`</a>; rel=preload; as=font; crossorigin; type="font/woff2"`}},

		{"a font that would be fetched twice", []string{"</a>; rel=preload; as=font"}, nil},
		{"unknown rels", []string{"</a>; rel=next, </b>; rel=dns-prefetch, </c>; rel=prefetch, </d>"}, nil},
		{"unknown types", []string{"</a>; rel=preload, </b>; rel=preload; as=document, </c>; rel=modulepreload; as=style"}, nil},
		{"of another page", []string{"</a>" + style + "; anchor=\"/other\""}, nil},
		{"for print", []string{"</a>" + style + "; media=print"}, nil},
		{"a nonce", []string{"</a>" + style + "; nonce=x"}, []string{"</a>" + style}},
		{"targets that cannot be written", []string{"</a b>" + style, "</ä>" + style, "</a\x01>" + style, `</a"b>` + style, "</a\\b>" + style, "<>" + style, "</a<b>" + style}, nil},
		{"other schemes", []string{"<data:text/css,x>" + style, "<http://a/>" + style, "<javascript:x>" + style}, nil},
		{"parameters that cannot be written", []string{`</a>` + style + `; media="a\"b"`, `</a>` + style + "; media=\"\x01\"", `</a>` + style + `; media="ä"`, `</a>` + style + `; media="a>b"`}, nil},
		{"no connection", []string{"</a>; rel=preconnect"}, nil},

		// What stands in front of a mistake counts.
		{"no target", []string{"</a>" + style + ", /b" + style}, []string{"</a>" + style}},
		{"an open target", []string{"</a>" + style + ", </b" + style}, []string{"</a>" + style}},
		{"an open string", []string{"</a>" + style + `, </b>; rel=preload; as="style`}, []string{"</a>" + style}},
		{"an escape at the end", []string{`</a>; rel="preload\`}, nil},
		{"no semicolon", []string{"</a> rel=preload"}, nil},
		{"text behind a string", []string{`</a>; rel="preload"x; as=style`}, nil},
		{"empty", []string{"", ",", "<", ";"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, l := range Parse(test.in) {
				got = append(got, l.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseIsBounded(t *testing.T) {
	if n := len(Parse([]string{strings.Repeat("</a>; rel=preload; as=style,", 1000)})); n != maxParsed {
		t.Errorf("%d links", n)
	}
}

// Whatever is read is written so that it is read the same again, by everybody.
func FuzzParse(f *testing.F) {
	f.Add(`</a,b>; rel="preload"; as=style; media="(a, b)", <https://b>; rel=preconnect`)
	f.Add(`</a>;;rel = preload ;as=image;imagesrcset="/a 1x, /b\" 2x"`)
	f.Fuzz(func(t *testing.T, in string) {
		for _, l := range Parse([]string{in}) {
			value := l.String()
			if !only(value, func(c byte) bool { return c >= ' ' && c < 0x7f && c != '\\' }) || strings.Count(value, ">") != 1 || strings.Count(value, "<") != 1 ||
				strings.Count(value, `"`)%2 != 0 || strings.ContainsAny(l.Target, " \"") {
				t.Fatalf("%q", value)
			}
			again := Parse([]string{value + ", " + value})
			if len(again) != 2 || again[0] != l || again[1] != l {
				t.Fatalf("%q is read as %q", value, again)
			}
			if strings.Count(in, ",") == 0 && len(l.Target) > len(in) {
				t.Fatalf("%q from %q", l.Target, in)
			}
		}
	})
}

func TestDeclare(t *testing.T) {
	if l, err := Declare(`</a.woff2>; rel=preload; as=font; crossorigin`); err != nil || l.String() != "</a.woff2>; rel=preload; as=font; crossorigin" {
		t.Error(l, err)
	}
	for in, want := range map[string]string{
		"":                                    "not one Link value",
		"/a.css":                              "not one Link value",
		"</a>; rel=preload; as=style, </b>":   "not one Link value",
		"</a b>; rel=preload; as=style":       "no target",
		"<http://a/b>; rel=preload; as=style": "no target",
		"</a>; rel=prefetch":                  "rel is",
		"</a>; rel=\"preload modulepreload\"; as=script": "rel is",
		"</a>; rel=preload":                        "as is",
		"</a>; rel=preload; as=document":           "as is",
		"</a>; rel=preload; as=font":               "add it",
		"</a>; rel=preconnect":                     "no origin",
		"</a>; rel=preload; as=style; media=print": "media is print",
	} {
		if _, err := Declare(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func TestList(t *testing.T) {
	long := strings.Repeat("x", MaxBytes-1)
	for _, test := range []struct {
		name  string
		there []string
		in    []string
		want  []string
	}{
		{"too many", nil, []string{"</a>; x", "</b>; x", "</c>; x", "</d>; x"}, []string{"</a>; x", "</b>; x", "</c>; x"}},
		{"too much", nil, []string{long, "bb", "a", "c"}, []string{long, "a"}},
		{"each once", nil, []string{
			"</dir/a>; rel=preload", "<a>; rel=preload; as=style", "<https://example.test/dir/a>; rel=modulepreload", "<//example.test/dir/../dir/a>", "<../dir/a>; x", "<b>; x",
		}, []string{"</dir/a>; rel=preload", "<b>; x"}},
		{"connections", nil, []string{"<https://cdn>; rel=preconnect", "<https://cdn>; rel=preconnect; crossorigin", "<https://cdn>; rel=preconnect"}, []string{
			"<https://cdn>; rel=preconnect", "<https://cdn>; rel=preconnect; crossorigin",
		}},
		{"there already", []string{"</dir/a>; rel=preload"}, []string{"<a>; x", "<b>; x"}, []string{"<b>; x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := List{Host: "example.test", Page: "/dir/page", Max: 3}
			l.Has(test.there...)
			l.Add(test.in...)
			if diff := cmp.Diff(test.want, l.Values()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
