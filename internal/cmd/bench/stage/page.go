package stage

import (
	"bytes"
	"fmt"
	"html"
	"strings"
)

const (
	// PageSize is the size of the page in bytes, about the median of the web's HTML.
	PageSize = 56 << 10
	headSize = 3 << 10 // bytes of its head, about
)

const (
	// stampHole is where the number of the answer goes.
	stampHole = "000000000000"
	// nonceHole is where the nonce goes: as long as 16 bytes are in base64.
	nonceHole = "NONCENONCENONCENONCENONC"
)

// A Page is what a backend serves: each answer is of the same length and has the same
// beginning, but for nonces, and a number of its own right behind <main>. So the
// opening of a shell ends there.
type Page struct {
	// HeadEnd is how many bytes there are up to the end of </head>.
	HeadEnd int
	// StampEnd is how many there are up to the end of the element with the number.
	StampEnd int

	text   []byte
	stamp  int   // where the number goes
	nonces []int // where nonces go
}

// NewPage returns a page of size bytes, [PageSize] for the usual one. The scripts of
// one with nonces have nonce attributes. There is no { in it: Caddy's respond looks for
// placeholders in its body, and would be slower for something that no page needs.
func NewPage(size int, withNonces bool) *Page {
	var b bytes.Buffer
	b.WriteString(head(withNonces))
	b.WriteString("\n<body class=\"home\">\n<header><a href=\"/\">Planet Bench</a><nav>")
	for _, name := range []string{"Latest", "Authors", "Archive", "About"} {
		fmt.Fprintf(&b, `<a href="/%s">%s</a>`, strings.ToLower(name), name)
	}
	b.WriteString("</nav></header>\n<main>\n<p>Answer " + stampHole + "</p>\n")
	const end = "</main>\n<footer><p>Collected by Planet Bench.</p></footer>\n</body>\n</html>\n"
	for n := 1; ; n++ {
		entry := Entry(n)
		if b.Len()+len(entry)+len(end) > size {
			break
		}
		b.WriteString(entry)
	}
	b.WriteString(strings.Repeat("\n", max(size-b.Len()-len(end), 0)))
	b.WriteString(end)

	p := &Page{text: b.Bytes()}
	p.HeadEnd = bytes.Index(p.text, []byte("</head>")) + len("</head>")
	p.stamp = bytes.Index(p.text, []byte(stampHole))
	p.StampEnd = p.stamp + len(stampHole) + len("</p>\n")
	for at := 0; ; {
		i := bytes.Index(p.text[at:], []byte(nonceHole))
		if i < 0 {
			return p
		}
		p.nonces = append(p.nonces, at+i)
		at += i + len(nonceHole)
	}
}

// Append appends the page to b as the answer of a number, from 0 to 10^12-1. The nonce
// has 24 bytes; without nonces in the page it may be empty.
func (p *Page) Append(b []byte, number uint64, nonce string) []byte {
	start := len(b)
	b = append(b, p.text...)
	digits := b[start+p.stamp:][:len(stampHole)]
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + number%10)
		number /= 10
	}
	for _, at := range p.nonces {
		copy(b[start+at:], nonce)
	}
	return b
}

func head(withNonces bool) string {
	const description = "What a few dozen people write about proxies, browsers and the web, gathered in one place " +
		"and sorted by date. New entries come in every few minutes."
	nonce := ""
	if withNonces {
		nonce = " nonce=\"" + nonceHole + "\""
	}
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
		{"property=\"og:url\"", "https://" + Host + "/"},
		{"property=\"og:image\"", "https://" + Host + "/static/card.7d1f0c2a.png"},
		{"name=\"twitter:card\"", "summary_large_image"},
		{"name=\"twitter:title\"", "Planet Bench"},
		{"name=\"twitter:description\"", description},
		{"name=\"format-detection\"", "telephone=no"},
	} {
		fmt.Fprintf(&b, "<meta %s content=\"%s\">\n", meta[0], html.EscapeString(meta[1]))
	}
	b.WriteString("<link rel=\"preload\" href=\"/static/text.8e91b7.woff2\" as=\"font\" type=\"font/woff2\" crossorigin>\n" +
		"<script" + nonce + ">document.documentElement.className = 'js'</script>\n")
	for _, name := range []string{"core", "layout", "entries", "print"} {
		fmt.Fprintf(&b, "<link rel=\"stylesheet\" href=\"/static/%s.3f0a9c51.css\">\n", name)
	}
	for _, name := range []string{"theme", "reader", "search"} {
		fmt.Fprintf(&b, "<script src=\"/static/%s.b81e44d0.js\" defer%s></script>\n", name, nonce)
	}
	for _, feed := range []string{"latest", "authors", "comments", "news"} {
		fmt.Fprintf(&b, "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"Planet Bench: %s\" href=\"/feeds/%s.atom\">\n", feed, feed)
	}
	for _, size := range []int{32, 180, 192, 512} {
		fmt.Fprintf(&b, "<link rel=\"icon\" sizes=\"%dx%d\" href=\"/static/icon-%d.png\">\n", size, size, size)
	}
	for _, host := range []string{"images", "comments"} {
		fmt.Fprintf(&b, "<link rel=\"preconnect\" href=\"https://%s.%s\">\n", host, Host)
	}
	b.WriteString("<link rel=\"manifest\" href=\"/site.webmanifest\">\n" +
		"<link rel=\"canonical\" href=\"https://" + Host + "/\">\n</head>")
	return b.String()
}

// Entry returns one of the entries that the page is filled with, about half a KB.
func Entry(n int) string {
	const text = "The response was there before the question had been read to its end, which surprised the people who had " +
		"measured it, and then those who had not. Nothing had been changed but the order of things: what was known " +
		"went first, what had to be found out came later, and nobody had to wait for what was ready anyhow."
	return fmt.Sprintf("<article id=\"entry-%d\"><h2><a href=\"/entries/%d\">Entry number %d</a></h2>"+
		"<p class=\"by\">Author %d, <time datetime=\"2026-01-%02d\">day %d</time></p><p>%s</p></article>\n",
		n, n, n, n%17+1, n%28+1, n%28+1, text)
}
