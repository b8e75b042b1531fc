package module_test

import (
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// marker is what attackers want others to get.
const marker = "pwned"

// attackMark is the end of what honest visitors get early.
const attackMark = `<link rel="stylesheet" href="/last.css">`

// An answer writes a response. said is what of the request the backend repeats,
// "" if it was an honest one.
type answer func(w http.ResponseWriter, r *http.Request, said string)

// attackBackend is a backend that repeats what it is told, wherever it is told it.
type attackBackend struct {
	reads  func(*http.Request) string
	answer answer

	asked, said atomic.Int64 // requests, and those of which it repeated something

	took atomic.Int64 // nanoseconds; how slow the last answer was, by the clock
}

// clock is the time that Headstart sees: by it the backend takes a second for the
// answers to honest visitors, and nothing for those to the attacker.
func (b *attackBackend) clock() time.Time { return time.Now().Add(time.Duration(b.took.Load())) }

func (b *attackBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.asked.Add(1)
	said := b.reads(r)
	b.took.Store(int64(time.Second))
	if said != "" {
		b.said.Add(1)
		b.took.Store(0)
	}
	b.answer(w, r, said)
}

// markedParts returns every part of a request that holds the marker.
func markedParts(r *http.Request) string {
	parts := []string{r.Method, r.RequestURI, r.Host}
	for name, values := range r.Header {
		for _, value := range values {
			parts = append(parts, name+": "+value)
		}
	}
	if body, err := io.ReadAll(io.LimitReader(r.Body, 1<<10)); err == nil {
		parts = append(parts, string(body))
	}
	var said []string
	for _, part := range parts {
		if strings.Contains(strings.ToLower(part), marker) {
			said = append(said, part)
		}
	}
	return strings.Join(said, " ")
}

// attackPage is a page that repeats something, as it is, in the places of a head.
func attackPage(said string) string { return attackDocument(said, "") }

// attackDocument is the same with some more markup at the beginning of its head.
func attackDocument(said, markup string) string {
	if said == "" {
		said = "nothing"
	}
	return `<!doctype html><html lang="en"><head><meta charset="utf-8">` + markup + `<title>` + said + `</title>` +
		`<link rel="stylesheet" href="/` + said + `.css"><script>var said = "` + said + `"</script>` +
		`<meta name="description" content="` + said + `">` + attackMark +
		`</head><body><p>` + said + `</p></body></html>`
}

// writePage writes a page with headers, given as names and values in turn.
func writePage(w http.ResponseWriter, status int, page string, header ...string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	for i := 0; i < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, page)
}

// inDocument repeats it in the page.
func inDocument(w http.ResponseWriter, _ *http.Request, said string) {
	writePage(w, http.StatusOK, attackPage(said))
}

// inHeaders repeats it in headers. The page is the same for all.
func inHeaders(w http.ResponseWriter, _ *http.Request, said string) {
	if said == "" {
		said = "nothing"
	}
	writePage(w, http.StatusOK, attackPage(""), "X-Said", said,
		"Content-Security-Policy", "img-src 'self'; report-uri /"+said, "Link", "</"+said+".css>; rel=preload; as=style")
}

// inVary repeats the language in the page, and says so.
func inVary(w http.ResponseWriter, _ *http.Request, said string) {
	writePage(w, http.StatusOK, attackPage(said), "Vary", "Accept-Language")
}

// withHeaders gives the attacker a page like the others', with other headers.
func withHeaders(header ...string) answer {
	return forAttacker(func(w http.ResponseWriter, _ *http.Request, _ string) {
		writePage(w, http.StatusOK, attackPage(""), header...)
	})
}

// withStatus gives the attacker a page with another status, and other headers.
func answersStatus(status int, header ...string) answer {
	return forAttacker(func(w http.ResponseWriter, _ *http.Request, said string) {
		writePage(w, status, "<!doctype html><title>"+said+"</title>", header...)
	})
}

// withPage gives the attacker another page.
func withPage(page func(said string) string) answer {
	return forAttacker(func(w http.ResponseWriter, _ *http.Request, said string) {
		writePage(w, http.StatusOK, page(said))
	})
}

// forAttacker gives honest visitors their page.
func forAttacker(other answer) answer {
	return func(w http.ResponseWriter, r *http.Request, said string) {
		if said == "" {
			inDocument(w, r, "")
			return
		}
		other(w, r, said)
	}
}

// compressed gives the attacker a page that the backend has compressed.
func compressed(w http.ResponseWriter, _ *http.Request, _ string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Encoding", "gzip")
	zw := gzip.NewWriter(w)
	_, _ = io.WriteString(zw, attackPage(""))
	_ = zw.Close()
}

// lostConnection resets the connection instead of an answer.
var lostConnection = forAttacker(func(http.ResponseWriter, *http.Request, string) { panic(http.ErrAbortHandler) })

// cutPage ends the connection inside the page.
var cutPage = forAttacker(func(w http.ResponseWriter, _ *http.Request, _ string) {
	writePage(w, http.StatusOK, attackPage("")[:60], "Content-Length", "9999")
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
})

// earlyHints sends a 103 that repeats it, and the page.
func earlyHints(w http.ResponseWriter, _ *http.Request, said string) {
	if said != "" {
		w.Header().Set("Link", "</"+said+".css>; rel=preload; as=style")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
	}
	writePage(w, http.StatusOK, attackPage(""))
}

// nonced has a policy with a nonce: a fresh one for everybody but the attacker.
func nonced(w http.ResponseWriter, _ *http.Request, said string) {
	nonce := rand.Text()
	if said != "" {
		nonce = "cHduZWRwd25lZHB3bmVkcHduZWQ"
	}
	writePage(w, http.StatusOK, attackDocument("", `<script nonce="`+nonce+`">first()</script>`),
		"Content-Security-Policy", fmt.Sprintf("script-src 'nonce-%s' 'unsafe-inline'", nonce))
}

// varyFlood names another header in Vary each time that the attacker asks.
func varyFlood() answer {
	var n atomic.Int64
	return forAttacker(func(w http.ResponseWriter, _ *http.Request, _ string) {
		writePage(w, http.StatusOK, attackPage(""), "Vary", fmt.Sprint("X-Pwned-", n.Add(1)))
	})
}

// storedLinks is a page that attackers have written to: the URLs of its scripts
// and stylesheets, which become Link values, hold what could end one.
func storedLinks(w http.ResponseWriter, _ *http.Request, _ string) {
	var markup strings.Builder
	for _, url := range []string{
		"/a.js&#13;&#10;X-Pwned: 1", "/b.js&#10;Set-Cookie: pwned=1", "/c.js>; rel=preload; as=script, </pwned.js",
		`/d.js&quot;; rel=&quot;pwned`, "/pwnéd.js", "/e.js%0d%0aX-Pwned:%201", "/f.js&#0;pwned", "//pwned.test\\@x/",
	} {
		markup.WriteString(`<script async src="` + url + `"></script>`)
	}
	markup.WriteString("<link rel=stylesheet href='/g.css&#13;&#10;X-Pwned: 1'>")
	writePage(w, http.StatusOK, attackDocument("", markup.String()))
}
