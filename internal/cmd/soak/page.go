package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
	"time"
)

// pagesPerHost is how many pages each host has.
const pagesPerHost = 125

// traits are what makes pages differ from each other, by their number: every
// combination occurs.
type traits struct {
	number int

	volatileTitle, csrf, volatileData, async bool
	account                                  bool // a signed-in user gets a script more
	accountHeader                            bool // … or a header more
	firstCookie                              bool // a visitor without cookies gets one, as from Django
	chunked, slowBody                        bool
	languages                                bool // the page is in the visitor's language, and says so
	preloads, hints                          bool // a Link header; also in a 103
	policy                                   bool // a policy without nonces

	moved, missing   bool // always a redirect, always a 404
	cacheControl     string
	delay            time.Duration // until the header
	bodyBytes, links int
}

func traitsOf(number int) traits {
	t := traits{
		number:        number,
		volatileTitle: number%2 == 0,
		csrf:          number%3 == 0,
		async:         number%4 == 1,
		volatileData:  number%5 == 2,
		slowBody:      number%6 == 5,
		firstCookie:   number%7 == 4,
		account:       number%10 == 5,
		accountHeader: number%10 == 8,
		chunked:       number%4 >= 2,
		languages:     number%9 == 3,
		preloads:      number%8 == 1,
		hints:         number%16 == 1,
		policy:        number%8 == 6,
		moved:         number%31 == 30,
		missing:       number%37 == 36,
		delay:         40*time.Millisecond + time.Duration(number%5)*10*time.Millisecond,
		bodyBytes:     2<<10 + number%8*(4<<10),
		links:         3 + number%5,
	}
	if number%11 == 9 {
		t.delay = 2 * time.Millisecond
	}
	switch number % 29 {
	case 17:
		t.cacheControl = "no-store"
	case 23:
		t.cacheControl = "private, max-age=0"
	case 7, 11:
		t.cacheControl = "no-cache"
	}
	return t
}

// privateMark begins what only one user may ever see; the number of the user and
// a dash follow, then something of this very response.
const privateMark = "private-u"

// A view is what a page is rendered for.
type view struct {
	traits
	host   string
	deploy int
	user   int    // signed in; 0 is nobody
	mark   string // of the user, in this response; "" if there is no user
	nonce  string // "" on hosts without
	other  bool   // the page is in an experiment: with other scripts
	lang   string
	random *rand.Rand
}

// asset names a file of a build. Every deploy changes the stylesheet, every second
// one the script.
func asset(name string, build int, ending string) string {
	sum := sha256.Sum256(fmt.Append(nil, name, build))
	return "/static/" + name + "." + hex.EncodeToString(sum[:4]) + ending
}

func (v view) render() []byte {
	var b strings.Builder
	v.head(&b)
	v.body(&b)
	return []byte(b.String())
}

func (v view) head(b *strings.Builder) {
	title := fmt.Sprintf("Page %d of %s", v.number, v.host)
	if v.volatileTitle {
		title = fmt.Sprintf("(%d) %s", v.random.IntN(1000), title)
	}
	nonce := ""
	if v.nonce != "" {
		nonce = ` nonce="` + html.EscapeString(v.nonce) + `"`
	}
	fmt.Fprintf(b, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<title>%s</title>\n", v.lang, title)
	b.WriteString("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	if v.csrf {
		fmt.Fprintf(b, "<meta name=\"csrf-token\" content=\"%016x%016x\">\n", v.random.Uint64(), v.random.Uint64())
	}
	if v.mark != "" && v.number%2 == 1 {
		fmt.Fprintf(b, "<meta name=\"user\" content=\"%s\">\n", v.mark)
	}
	fmt.Fprintf(b, "<script%s>document.documentElement.className='js b%d'</script>\n", nonce, v.deploy/3)
	fmt.Fprintf(b, "<link rel=\"stylesheet\" href=\"%s\">\n", asset("base", 0, ".css"))
	fmt.Fprintf(b, "<link rel=\"stylesheet\" href=\"%s\">\n", asset("app", v.deploy, ".css"))
	fmt.Fprintf(b, "<script src=\"%s\" defer%s></script>\n", asset("app", v.deploy/2, ".js"), nonce)
	if v.other {
		fmt.Fprintf(b, "<script src=\"/static/experiment.js\"%s></script>\n", nonce)
	}
	if v.async {
		fmt.Fprintf(b, "<script src=\"/static/count.js\" async%s></script>\n", nonce)
	}
	if v.account && v.user != 0 {
		fmt.Fprintf(b, "<script src=\"/static/account.js\" defer%s></script>\n", nonce)
	}
	if v.volatileData {
		fmt.Fprintf(b, "<script type=\"application/json\" id=\"data\"%s>{\"n\":%d}</script>\n", nonce, v.random.Uint32())
	}
	fmt.Fprintf(b, "<meta property=\"og:title\" content=\"Page %d\">\n<link rel=\"icon\" href=\"/icon.png\">\n", v.number)
	// Padding makes heads as long as they are on the web.
	fmt.Fprintf(b, "<style%s>%s</style>\n</head>\n", nonce, strings.Repeat(".c{color:#123}", 40+v.number%40))
}

func (v view) body(b *strings.Builder) {
	b.WriteString("<body class=\"page\">\n<header><nav>")
	for i := range v.links {
		fmt.Fprintf(b, "<a href=\"/p/%d\">Page %d</a> ", i, i)
	}
	if v.mark != "" {
		fmt.Fprintf(b, "<span>Hello, %s</span>", v.mark)
	}
	b.WriteString("</nav></header>\n")
	v.news(b)
	b.WriteString("<main>\n")
	for n := 0; n < v.bodyBytes; {
		wrote, _ := fmt.Fprintf(b, "<p id=\"e%d\">Entry %x: what was known went first, what had to be found out came later.</p>\n",
			n, v.random.Uint64())
		n += wrote
	}
	b.WriteString("</main>\n</body>\n</html>\n")
}

// news is a list that is the same for everybody until a deploy, but for a few visits
// of which each finds it changed in one place: an entry more, another one, one with
// markup, or one that a script comes with.
func (v view) news(b *strings.Builder) {
	const entries = 8
	changed := -1
	if v.random.IntN(25) == 0 {
		changed = v.random.IntN(entries)
	}
	b.WriteString("<aside>\n<h2>News</h2>\n<ul>\n")
	for i := range entries {
		text := fmt.Sprintf("News %d of build %d", i, v.deploy/2)
		if i == changed {
			n := v.random.IntN(1000)
			switch n % 8 {
			case 0, 1, 2:
				text = fmt.Sprintf("Changed %d", n)
			case 3, 4:
				text += fmt.Sprintf("\n<li>Inserted %d", n)
			case 5, 6:
				text = fmt.Sprintf("<b>Bold %d <i>and more</b></i>", n)
			case 7:
				text = "<img src=\"/icon.png\" alt=\"\" onerror=\"0\">"
			}
		}
		fmt.Fprintf(b, "<li><a href=\"/p/%d\">%s</a>\n", i, text)
	}
	b.WriteString("</ul>\n</aside>\n")
}

// errorDocument is what the backend says when it cannot say more.
func errorDocument(status int, mark string) []byte {
	return fmt.Appendf(nil, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>%d</title>\n</head>\n"+
		"<body>\n<h1>Sorry, %d %s</h1>\n</body>\n</html>\n", status, status, mark)
}

// newNonce is a CSP nonce as most frameworks write it, in base64.
func newNonce(random *rand.Rand) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], random.Uint64())
	binary.BigEndian.PutUint64(b[8:], random.Uint64())
	return base64.StdEncoding.EncodeToString(b[:])
}
