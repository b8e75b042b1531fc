package main

import (
	"bytes"
	"fmt"
	"html"
	"strings"
)

const (
	pageSize = 56 << 10 // bytes of the page, about the median of the web's HTML
	headSize = 3 << 10  // bytes of its head, about
)

// makePage returns the page that the backend serves, of exactly pageSize bytes.
// Its head holds what heads hold. There is no { in it: Caddy's respond looks for
// placeholders in its body, and would be slower for something that no page needs.
func makePage() []byte {
	var b bytes.Buffer
	b.WriteString(head())
	b.WriteString("\n<body class=\"home\">\n<header><a href=\"/\">Planet Bench</a><nav>")
	for _, name := range []string{"Latest", "Authors", "Archive", "About"} {
		fmt.Fprintf(&b, `<a href="/%s">%s</a>`, strings.ToLower(name), name)
	}
	b.WriteString("</nav></header>\n<main>\n")
	const end = "</main>\n<footer><p>Collected by Planet Bench.</p></footer>\n</body>\n</html>\n"
	for n := 1; ; n++ {
		entry := entry(n)
		if b.Len()+len(entry)+len(end) > pageSize {
			break
		}
		b.WriteString(entry)
	}
	b.WriteString(strings.Repeat("\n", pageSize-b.Len()-len(end)))
	b.WriteString(end)
	return b.Bytes()
}

func head() string {
	const description = "What a few dozen people write about proxies, browsers and the web, gathered in one place " +
		"and sorted by date. New entries come in every few minutes."
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">\n<head>\n" +
		"<meta charset=\"utf-8\">\n<title>Planet Bench</title>\n" +
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	for _, meta := range [][2]string{
		{"name=\"description\"", description},
		{"name=\"theme-color\"", "#14532d"},
		{"name=\"color-scheme\"", "light dark"},
		{"name=\"robots\"", "index, follow, max-image-preview:large"},
		{"name=\"generator\"", "Planet Bench 1.0"},
		{"property=\"og:type\"", "website"},
		{"property=\"og:site_name\"", "Planet Bench"},
		{"property=\"og:title\"", "Planet Bench"},
		{"property=\"og:description\"", description},
		{"property=\"og:url\"", "https://" + siteName + "/"},
		{"property=\"og:image\"", "https://" + siteName + "/static/card.7d1f0c2a.png"},
		{"name=\"twitter:card\"", "summary_large_image"},
		{"name=\"twitter:title\"", "Planet Bench"},
		{"name=\"twitter:description\"", description},
		{"name=\"format-detection\"", "telephone=no"},
	} {
		fmt.Fprintf(&b, "<meta %s content=\"%s\">\n", meta[0], html.EscapeString(meta[1]))
	}
	b.WriteString("<link rel=\"preload\" href=\"/static/text.8e91b7.woff2\" as=\"font\" type=\"font/woff2\" crossorigin>\n" +
		"<script>document.documentElement.className = 'js'</script>\n")
	for _, name := range []string{"core", "layout", "entries", "print"} {
		fmt.Fprintf(&b, "<link rel=\"stylesheet\" href=\"/static/%s.3f0a9c51.css\">\n", name)
	}
	for _, name := range []string{"theme", "reader", "search"} {
		fmt.Fprintf(&b, "<script src=\"/static/%s.b81e44d0.js\" defer></script>\n", name)
	}
	for _, feed := range []string{"latest", "authors", "comments", "news"} {
		fmt.Fprintf(&b, "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"Planet Bench: %s\" href=\"/feeds/%s.atom\">\n", feed, feed)
	}
	for _, size := range []int{32, 180, 192, 512} {
		fmt.Fprintf(&b, "<link rel=\"icon\" sizes=\"%dx%d\" href=\"/static/icon-%d.png\">\n", size, size, size)
	}
	for _, host := range []string{"images", "comments"} {
		fmt.Fprintf(&b, "<link rel=\"preconnect\" href=\"https://%s.%s\">\n", host, siteName)
	}
	b.WriteString("<link rel=\"manifest\" href=\"/site.webmanifest\">\n" +
		"<link rel=\"canonical\" href=\"https://" + siteName + "/\">\n</head>")
	return b.String()
}

func entry(n int) string {
	const text = "The response was there before the question had been read to its end, which surprised the people who had " +
		"measured it, and then those who had not. Nothing had been changed but the order of things: what was known " +
		"went first, what had to be found out came later, and nobody had to wait for what was ready anyhow."
	return fmt.Sprintf("<article id=\"entry-%d\"><h2><a href=\"/entries/%d\">Entry number %d</a></h2>"+
		"<p class=\"by\">Author %d, <time datetime=\"2026-01-%02d\">day %d</time></p><p>%s</p></article>\n",
		n, n, n, n%17+1, n%28+1, n%28+1, text)
}
