package hints

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/document"
)

func ExamplePreload() {
	head := document.ScanHead([]byte("<link rel=stylesheet href=/a.css></head>"), true)
	fmt.Println(Preload(head.Items[0]))
	// Output: </a.css>; rel=preload; as=style true
}

func TestPreload(t *testing.T) {
	for in, want := range map[string]string{
		"<link rel=stylesheet href=/a.css>":                                "</a.css>; rel=preload; as=style",
		"<link rel=stylesheet href='/a.css?x=1&amp;y=2,3' media=all id=x>": "</a.css?x=1&y=2,3>; rel=preload; as=style",
		"<link rel=stylesheet href=https://cdn.example/a.css>":             "<https://cdn.example/a.css>; rel=preload; as=style",
		"<script async src=a.js></script>":                                 "<a.js>; rel=preload; as=script",

		"<link rel=stylesheet href=/a.css media=print>":     "",
		"<link rel=stylesheet href=/a.css crossorigin>":     "",
		"<link rel=stylesheet href=/a.css integrity=x>":     "",
		"<link rel=stylesheet href=/a.css disabled>":        "",
		"<link rel='alternate stylesheet' href=/a.css>":     "",
		"<link rel=stylesheet>":                             "",
		"<link rel=stylesheet href='data:text/css,x'>":      "",
		"<link rel=stylesheet href='/a b.css'>":             "",
		"<link rel=stylesheet href='/a>; rel=x, <b.css'>":   "",
		"<link rel=stylesheet href='/a&#10;Set-Cookie: x'>": "",
		"<link rel=stylesheet href=/ä.css>":                 "",
		"<link rel=stylesheet href=/a.css nonce=x>":         "",
		"<script src=a.js></script>":                        "",
		"<script async type=module src=a.js></script>":      "",
		"<script async src=a.js nomodule></script>":         "",
		"<style>a{}</style>":                                "",
		"<link rel=icon href=/a.png>":                       "",
	} {
		head := document.ScanHead([]byte(in+"</head>"), true)
		if got, _ := Preload(head.Items[0]); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestList(t *testing.T) {
	list := func(in string, hinted ...string) []string {
		return List(document.ScanHead([]byte(in+"</head>"), true).Items, hinted)
	}
	const a, b = "<link rel=stylesheet href=a>", "<link rel=stylesheet href=b>"
	want := []string{"<a>; rel=preload; as=style", "<b>; rel=preload; as=style"}
	if diff := cmp.Diff(want, list(a+"<title>x</title>"+b+a)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[1:], list(a+b, "<a>; rel=preload; as=style; nopush")); diff != "" {
		t.Error(diff)
	}
	if got := list(a + "<meta name=referrer content=no-referrer>"); got != nil {
		t.Errorf("with a strict referrer policy: %q", got)
	}
	if got := list(a + "<meta name=referrer content=origin-when-cross-origin>"); len(got) != 1 {
		t.Errorf("with a lax referrer policy: %q", got)
	}
	if got := list("<base href=/x/>" + a); got != nil {
		t.Errorf("behind a base: %q", got)
	}
	if got := list(strings.Repeat(a, 3) + strings.Repeat("<link rel=stylesheet href="+strings.Repeat("x", 2000)+">", 2)); len(got) != 1 {
		t.Errorf("%d values, too long", len(got))
	}
	many := ""
	for i := range 20 {
		many += fmt.Sprintf("<link rel=stylesheet href=/%d.css>", i)
	}
	if got := list(many); len(got) != MaxValues {
		t.Errorf("%d values", len(got))
	}
}
