package hints

import (
	"net/url"
	"os"
	"testing"

	"github.com/headstart-proxy/headstart/internal/document"
)

// BenchmarkFind looks for what a page asks for in a page that was read.
func BenchmarkFind(b *testing.B) {
	page, err := os.ReadFile("../document/testdata/pages/planet.html")
	if err != nil {
		b.Fatal(err)
	}
	head := document.ScanHead(page, true)
	s := Sources{
		Items: head.Items,
		Body:  document.ScanBody(page[head.Size:], true, nil),
		Links: Parse(benchLinks),
		Page:  &url.URL{Scheme: "https", Host: "a.example", Path: "/page"},
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(Find(s)) < len(s.Links) {
			b.Fatal("not all are found")
		}
	}
}

// benchLinks are Link fields as backends write them.
var benchLinks = []string{
	`</static/core.3f0a9c51.css>; rel=preload; as=style, </static/layout.3f0a9c51.css>; rel=preload; as=style; nopush`,
	`<https://fonts.example/text.woff2>; rel="preload"; as="font"; type="font/woff2"; crossorigin`,
	`<https://cdn.example>; rel="preconnect dns-prefetch"; crossorigin=anonymous`,
	`</wp-json/>; rel="https://api.w.org/", </?p=12>; rel=shortlink`,
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if len(Parse(benchLinks)) != 4 {
			b.Fatal("not all are read")
		}
	}
}
