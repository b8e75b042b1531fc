package hints

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/document"
)

// findIn returns the values for a document, up to </head> and behind.
func findIn(t *testing.T, in string, s Sources) (values []string) {
	t.Helper()
	head := document.ScanHead([]byte(in), true)
	s.Items, s.Body = head.Items, document.ScanBody([]byte(in)[head.Size:], false, nil)
	for _, h := range Find(s) {
		if h.Item < 0 && h.Offset < 0 && len(s.Links) == 0 {
			t.Errorf("%s stands nowhere", h)
		}
		values = append(values, h.String())
	}
	return values
}

// What each element asks for, and what it asks for that a Link cannot.
func TestElements(t *testing.T) {
	for _, test := range [][2]string{
		{"<link rel=stylesheet href=/a.css>", "</a.css>; rel=preload; as=style"},
		{"<link rel=stylesheet href='/a.css?x=1&amp;y=2,3' media=all id=x>", "</a.css?x=1&y=2,3>; rel=preload; as=style"},
		{"<link rel=StyleSheet href=' https://cdn.example/a|b.css\n'>", "<https://cdn.example/a|b.css>; rel=preload; as=style"},
		{"<link rel=stylesheet href=/a.css crossorigin integrity='sha256-x= sha512-y='>", `</a.css>; rel=preload; as=style; crossorigin; integrity="sha256-x= sha512-y="`},
		{"<link rel=stylesheet href=/a.css media='(width: 1px)' fetchpriority=LOW type=text/css>", `</a.css>; rel=preload; as=style; media="(width: 1px)"; fetchpriority=low`},
		{"<link rel=stylesheet href=/a.css referrerpolicy=no-referrer nonce=abc onload=x data-x=y>", "</a.css>; rel=preload; as=style; referrerpolicy=no-referrer; nonce=abc"},
		{"<link rel=preload as=font type=font/woff2 href=/a.woff2 crossorigin>", `</a.woff2>; rel=preload; as=font; crossorigin; type="font/woff2"`},
		{"<link rel=preload as=image href=/a.png imagesrcset='/b.png 2x, /c.png 3x' imagesizes='50vw, 1px' media=(x)>", `</a.png>; rel=preload; as=image; media="(x)"; imagesrcset="/b.png 2x, /c.png 3x"; imagesizes="50vw, 1px"`},
		{"<link rel=preload as=style href=/a.css onload=\"this.rel='stylesheet'\">", "</a.css>; rel=preload; as=style"},
		{"<link rel=modulepreload href=/a.js integrity=sha256-x>", "</a.js>; rel=modulepreload; integrity=sha256-x"},
		{"<link rel=preconnect href=https://cdn.example crossorigin=use-credentials>", "<https://cdn.example>; rel=preconnect; crossorigin=use-credentials"},
		{"<script src=a.js></script>", "<a.js>; rel=preload; as=script"},
		{"<script src=a.js defer type=Text/JavaScript charset=utf-8></script>", "<a.js>; rel=preload; as=script"},
		{"<script async src=a.js crossorigin=anonymous></script>", "<a.js>; rel=preload; as=script; crossorigin"},
		{"<script type=module src=a.js crossorigin=use-credentials></script>", "<a.js>; rel=modulepreload; crossorigin=use-credentials"},
		{"<script type=module src=a.js nomodule></script>", "<a.js>; rel=modulepreload"},
		{"<body><img src=/a.jpg fetchpriority=high alt=x loading=eager>", "</a.jpg>; rel=preload; as=image; fetchpriority=high"},
		{"<body><img src=/a.jpg srcset='/b.jpg 2x' sizes=9px fetchpriority=high>", `</a.jpg>; rel=preload; as=image; fetchpriority=high; imagesrcset="/b.jpg 2x"; imagesizes=9px`},
		{"<body><p></p><script src=/a.js></script><p></p>", "</a.js>; rel=preload; as=script"},

		{"<link rel=stylesheet href=/a.css media=print>", ""},
		{"<link rel=stylesheet href=/a.css media=' Print '>", ""},
		{"<link rel=stylesheet href=/a.css disabled>", ""},
		{"<link rel='alternate stylesheet' href=/a.css title=x>", ""},
		{"<link rel=stylesheet href=/a.css title=x>", ""},
		{"<link rel=stylesheet href=/a.css type=text/less>", ""},
		{"<link rel=stylesheet href=/a.css type='text/less x'>", ""},
		{"<link rel=stylesheet href=/a.css unheardof>", ""},
		{"<link rel=stylesheet>", ""},
		{"<link rel=stylesheet href=''>", ""},
		{"<link rel=stylesheet href='data:text/css,x'>", ""},
		{"<link rel=stylesheet href='http://cdn.example/a.css'>", ""},
		{"<link rel=stylesheet href='/a b.css'>", ""},
		{"<link rel=stylesheet href='/a>; rel=x, <b.css'>", ""},
		{"<link rel=stylesheet href='/a&#10;Set-Cookie: x'>", ""},
		{"<link rel=stylesheet href='/a.css' media='\"'>", ""},
		{"<link rel=stylesheet href=/ä.css>", ""},
		{"<link rel=stylesheet href=/a.css#b>", ""},
		{"<link rel=preload href=/a.css>", ""},
		{"<link rel=preload as=font href=/a.woff2>", ""},
		{"<link rel=preload as=document href=/a>", ""},
		{"<link rel=modulepreload as=worker href=/a.js>", ""},
		{"<link rel=preconnect href=/>", ""},
		{"<link rel='prefetch dns-prefetch prerender' href=/a>", ""},
		{"<link rel=icon href=/a.png>", ""},
		{"<script nomodule src=a.js></script>", ""},
		{"<script src=a.js type=text/template></script>", ""},
		{"<script src=a.js language=vbscript></script>", ""},
		{"<script>a</script>", ""},
		{"<script type=speculationrules>{}</script>", ""},
		{"<style>a{}</style>", ""},
		{"<noscript><link rel=stylesheet href=/a.css></noscript>", ""},
		{"<template><link rel=stylesheet href=/a.css></template>", ""},
		{"<body><img src=/a.jpg>", ""},
		{"<body><img src=/a.jpg fetchpriority=high loading=lazy>", ""},
		{"<body><img src=/a.jpg fetchpriority=high loading=Lazy >", ""},
		{"<body><picture><source srcset=/b.jpg><img src=/a.jpg fetchpriority=high></picture>", ""},
		{"<body><noscript><img src=/a.jpg fetchpriority=high></noscript>", ""},
	} {
		in, want := test[0], test[1]
		t.Run(in, func(t *testing.T) {
			document := in
			if len(in) < 6 || in[:6] != "<body>" {
				document += "</head><body>"
			}
			var list []string
			if want != "" {
				list = []string{want}
			}
			if diff := cmp.Diff(list, findIn(t, document, Sources{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFind(t *testing.T) {
	page, err := url.Parse("https://example.test/dir/page")
	if err != nil {
		t.Fatal(err)
	}
	const style, script = "; rel=preload; as=style", "; rel=preload; as=script"
	for _, test := range []struct {
		name string
		in   string
		s    Sources
		want []string
	}{
		{
			"the most urgent first", `<script async src=/async.js></script><script type=module src=/module.js></script>
			<link rel=preload as=font href=/font crossorigin><link rel=preconnect href=https://cdn.example>
			<link rel=stylesheet href=/wide.css media="(min-width: 9px)"><script src=/sync.js></script><link rel=stylesheet href=/a.css>
			<body><img src=/hero.jpg fetchpriority=high><script src=/body.js></script><p>`,
			Sources{},
			[]string{
				"</sync.js>" + script, "</a.css>" + style, "<https://cdn.example>; rel=preconnect", "</font>; rel=preload; as=font; crossorigin",
				"</hero.jpg>; rel=preload; as=image; fetchpriority=high", "</async.js>" + script, "</module.js>; rel=modulepreload",
				`</wide.css>; rel=preload; as=style; media="(min-width: 9px)"`, "</body.js>" + script,
			},
		},
		{
			"each once", `<link rel=stylesheet href=/dir/a.css><link rel=stylesheet href=a.css><link rel=stylesheet href=https://example.test/dir/a.css>
			<link rel=stylesheet href=//example.test/dir/../dir/a.css><link rel=preconnect href=https://cdn.example><link rel=preconnect href=https://cdn.example/>`,
			Sources{Page: page},
			[]string{"</dir/a.css>" + style, "<https://cdn.example>; rel=preconnect"},
		},
		{
			"an element says how, whatever else hints at it", `<link rel=preload as=style href=/a.css crossorigin><link rel=stylesheet href=/a.css integrity=sha256-x>`,
			Sources{Links: Parse([]string{"</a.css>; rel=preload; as=style; fetchpriority=low"})},
			[]string{"</a.css>; rel=preload; as=style; integrity=sha256-x"},
		},
		{
			"of the header", `<link rel=stylesheet href=/a.css>`,
			Sources{Links: Parse([]string{"</b.css>; rel=preload; as=style", "</c>; rel=preload; as=font; crossorigin, <https://cdn.example>; rel=preconnect, </d.js>; rel=modulepreload"})},
			[]string{"</a.css>" + style, "</b.css>" + style, "<https://cdn.example>; rel=preconnect", "</c>; rel=preload; as=font; crossorigin", "</d.js>; rel=modulepreload"},
		},
		{
			"with an import map", `<link rel=modulepreload href=/a.js><script type=importmap>{}</script><script type=module src=/b.js></script><script type=module crossorigin=use-credentials src=/c.js></script>`,
			Sources{},
			[]string{"</a.js>; rel=preload; as=script; crossorigin", "</b.js>; rel=preload; as=script; crossorigin", "</c.js>; rel=preload; as=script; crossorigin=use-credentials"},
		},
		{"with an import map in the body", `<script type=module src=/b.js></script><body><script type=ImportMap>{}</script><p>`, Sources{}, []string{"</b.js>; rel=preload; as=script; crossorigin"}},
		{"with an import map that comes late", `<script type=module src=/b.js></script>`, Sources{ImportMap: true}, []string{"</b.js>; rel=preload; as=script; crossorigin"}},
		{
			"behind a base", `<link rel=stylesheet href=a.css><base href=/x/y><base href=/z/><link rel=stylesheet href=b.css><link rel=stylesheet href=/c.css><link rel=stylesheet href=https://cdn.example/d.css>`,
			Sources{},
			[]string{"<a.css>" + style, "</x/b.css>" + style, "</c.css>" + style, "<https://cdn.example/d.css>" + style},
		},
		{"behind a base, what browsers resolve otherwise", `<base href=/x/><link rel=stylesheet href="a|b.css"><link rel=stylesheet href="%2E%2e/c.css"><link rel=stylesheet href="d%20e.css?f=%2f">`, Sources{}, []string{"</x/d%20e.css?f=%2f>" + style}},
		{"behind a base in the body", `<link rel=stylesheet href=a.css><body><img src=/a.png fetchpriority=high><base href=/x/><img src=b.png fetchpriority=high>`, Sources{}, []string{"<a.css>" + style, "</a.png>; rel=preload; as=image; fetchpriority=high"}},
		{
			"with an import map and modules of the header", `<script type=importmap>{}</script>`,
			Sources{Links: Parse([]string{"</a.js>; rel=modulepreload"})},
			[]string{"</a.js>; rel=preload; as=script; crossorigin"},
		},
		{"behind another host's base", `<base href=https://cdn.example/x/><link rel=stylesheet href=/c.css>`, Sources{}, []string{"<https://cdn.example/c.css>" + style}},
		{"behind a base in doubt", `<link rel=stylesheet href=a.css><base href=x/><link rel=stylesheet href=b.css><body><img src=/x.png fetchpriority=high>`, Sources{}, []string{"<a.css>" + style}},
		{"with a base that may come", `<link rel=stylesheet href=a.css>`, Sources{Unsure: true}, nil},
		{
			"with a strict referrer policy", `<meta name=referrer content=no-referrer><link rel=stylesheet href=/a.css><link rel=stylesheet href=https://cdn.example/b.css>
			<link rel=preconnect href=https://cdn.example><body><img src=//cdn.example/x.png fetchpriority=high>`,
			Sources{},
			[]string{"</a.css>" + style, "<https://cdn.example>; rel=preconnect"},
		},
		{"with a lax referrer policy", `<meta name=referrer content=Origin-When-Cross-Origin><link rel=stylesheet href=https://cdn.example/b.css>`, Sources{}, []string{"<https://cdn.example/b.css>" + style}},
		{"with a policy of the document", `<meta http-equiv=content-security-policy content="style-src 'none'"><link rel=stylesheet href=/b.css>`, Sources{}, nil},
		{"with a policy that forbids no download", `<meta http-equiv=content-security-policy content="upgrade-insecure-requests"><link rel=stylesheet href=/b.css>`, Sources{}, []string{"</b.css>" + style}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, findIn(t, test.in+"</head><body><p>", test.s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	for target, want := range map[string]string{
		"/a.css": "/a.css", "a.css": "/dir/a.css", "../a.css?b": "/a.css?b", "https://x/a.css": "https://x/a.css", "//x/a.css": "//x/a.css", "?a": "/dir/page?a",
	} {
		if l, ok := (Link{Target: target}).Resolve(&url.URL{Path: "/dir/page", Host: "h", Scheme: "https"}); !ok || l.Target != want {
			t.Errorf("%s: %s, want %s", target, l.Target, want)
		}
	}
	if _, ok := (Link{Target: "a.css"}).Resolve(nil); ok {
		t.Error("resolved without a page")
	}
}
