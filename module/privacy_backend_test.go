package module_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A privacyBackend knows its users, by cookie, by Authorization, by what Caddy
// says, or by their address, and has a page of its own for each of them. It
// answers when the test says so.
type privacyBackend struct {
	secrets *secrets

	mu     sync.Mutex // protects what follows
	users  map[string]bool
	visits map[string]*privacyVisit // by User-Agent, which every visit has its own of
}

// signUp makes a user who is known by a credential.
func (b *privacyBackend) signUp(credential string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users[credential] = true
	return credential
}

// signedIn returns what a user is known by, or "".
func (b *privacyBackend) signedIn(r *http.Request) string {
	address, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
	credentials := []string{r.Header.Get("Authorization"), r.Header.Get("X-Auth-User"), "address " + address}
	for _, cookie := range r.CookiesNamed("session") {
		credentials = append(credentials, cookie.Value)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, credential := range credentials {
		if b.users[credential] {
			return credential
		}
	}
	return ""
}

// step is what the backend does with every request: it tells the visit that it
// has arrived, and waits for the answer.
func (b *privacyBackend) step(t *testing.T) testorigin.Step {
	return testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		v := b.visits[r.Header.Get("User-Agent")]
		b.mu.Unlock()
		if v == nil {
			t.Errorf("a request of nobody: %v", r.Header)
			return
		}
		if strings.Contains(r.Header.Get("Cookie"), "headstart=reload.") {
			t.Error("the backend sees a marker cookie")
		}
		v.arrived <- privacyArrival{early: committed(r.Header.Get("X-Level")), user: b.signedIn(r), cookies: r.Header.Get("Cookie") != ""}
		select {
		case answer := <-v.answer:
			answer.write(w)
		case <-r.Context().Done():
		}
	})
}

// A privacyAnswer is a response of the backend.
type privacyAnswer struct {
	status   int
	header   http.Header
	head     []string // the items of the head
	title    int      // which of them is the title
	body     string
	cutShort bool
	name     string // of what is surprising about it
}

func (a privacyAnswer) write(w http.ResponseWriter) {
	page := doctype + `<html lang="en"><head>` + strings.Join(a.head, "") + `</head><body>` + a.body + `</body></html>`
	length := len(page)
	if a.cutShort {
		length += 100
	}
	h := w.Header()
	maps.Copy(h, a.header)
	if a.status >= 300 && a.status < 400 || a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	h.Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(page))
}

// ordinary is what a page is as a rule. Each response has secrets of its own: those
// of a user in title, meta, navigation and headers; those of a stranger in the
// form token and the request id.
func (b *privacyBackend) ordinary(v *privacyVisit, from privacyArrival) privacyAnswer {
	of := privateText{visit: v.id, what: "of a stranger", storable: !from.cookies}
	title, greeting := "Welcome", `<a href="/login">Sign in</a>`
	if v.page.news {
		title += fmt.Sprintf(" (%d new)", v.id)
	}
	if from.user != "" {
		// By their address alone, nobody but the backend can tell them from strangers.
		of.what, of.storable = "of a user", strings.HasPrefix(from.user, "address ")
	}
	own := b.secrets.mint(of)
	a := privacyAnswer{
		status: http.StatusOK,
		header: http.Header{
			"Content-Type": {"text/html; charset=utf-8"}, "X-Request-Id": {own},
			"Link": {"</site.css>; rel=preload; as=style"}, "X-Frame-Options": {"DENY"},
		},
	}
	if from.user != "" {
		title = own + "'s inbox"
		greeting = fmt.Sprintf(`Hello, <b data-id="%s" data-key="%s">%s</b>`,
			base64.StdEncoding.EncodeToString([]byte(own)), hex.EncodeToString([]byte(own)), own)
		a.header["X-User"] = []string{own}
		a.header.Add("Link", "</u/"+own+".css>; rel=preload; as=style")
	}
	a.head = append(a.head, `<meta charset="utf-8">`, `<link rel="stylesheet" href="/site.css">`, `<script src="/site.js" defer></script>`)
	if v.page.nonce {
		nonce := b.secrets.mint(privateText{visit: v.id, what: "a nonce"}) + "+/w=="
		a.header.Set(enforced, "script-src 'self' 'nonce-"+nonce+"'")
		a.head = append(a.head, `<script nonce="`+nonce+`">start()</script>`)
		greeting += `<script nonce="` + asEntities.Replace(nonce) + `">more("` + asUnicode.Replace(nonce) + `")</script>`
	}
	if v.page.private {
		a.header.Set("Cache-Control", "private")
	}
	if v.page.varies {
		a.header.Set("Vary", "Accept-Language")
	}
	if v.page.firstVisit && !from.cookies {
		a.header.Set("Set-Cookie", "visitor="+own)
	}
	a.title = len(a.head)
	a.head = append(a.head, "<title>"+title+"</title>", `<meta name="csrf-token" content="`+own+`">`, `<link rel="stylesheet" href="/last.css">`)
	a.body = `<nav>` + greeting + `</nav><p>The page.</p>`
	return a
}

// privacySurprises change an answer, so that what was sent early is wrong. mark
// gives another secret of the same response.
var privacySurprises = []struct {
	name   string
	change func(a *privacyAnswer, mark func() string)
}{
	{"cookie", func(a *privacyAnswer, mark func() string) { a.header.Add("Set-Cookie", "session="+mark()) }},
	{"no-store", func(a *privacyAnswer, _ func() string) { a.header.Set("Cache-Control", "private, no-store") }},
	{"protects", func(a *privacyAnswer, mark func() string) { a.header.Set("X-Account", mark()) }},
	{"policy", func(a *privacyAnswer, mark func() string) {
		a.header.Add(enforced, "img-src 'self'; report-uri /"+mark())
	}},
	{"stylesheet", func(a *privacyAnswer, mark func() string) {
		a.head[1] = `<link rel="stylesheet" href="/site.` + mark() + `.css">`
	}},
	{"script", func(a *privacyAnswer, mark func() string) { a.head[2] = `<script>user = "` + mark() + `"</script>` }},
	{"title first", func(a *privacyAnswer, _ func() string) { a.head[0], a.head[a.title] = a.head[a.title], a.head[0] }},
	{"another document", func(a *privacyAnswer, mark func() string) { a.head = []string{"<title>" + mark() + "</title>"} }},
	{"download", func(a *privacyAnswer, mark func() string) {
		a.header.Set("Content-Disposition", "attachment; filename="+mark())
	}},
	{"away", func(a *privacyAnswer, mark func() string) {
		a.status = http.StatusSeeOther
		a.header.Set("Location", "/u/"+mark()+"?key="+mark())
	}},
	{"away with a cookie", func(a *privacyAnswer, mark func() string) {
		a.status = http.StatusFound
		a.header.Set("Location", "/u/"+mark())
		a.header.Set("Set-Cookie", "session="+mark())
	}},
	{"signed out", func(a *privacyAnswer, _ func() string) { a.status = http.StatusUnauthorized }},
	{"not found", func(a *privacyAnswer, mark func() string) {
		a.status, a.body = http.StatusNotFound, "<p>Nothing here, "+mark()
	}},
	{"error", func(a *privacyAnswer, mark func() string) {
		a.status, a.body = http.StatusInternalServerError, "<p>Sorry, "+mark()
	}},
	{"overload", func(a *privacyAnswer, mark func() string) {
		a.status = http.StatusServiceUnavailable
		a.header.Set("X-Account", mark())
	}},
	{"nothing", func(a *privacyAnswer, mark func() string) {
		a.status = http.StatusNoContent
		a.header.Set("X-Account", mark())
	}},
	{"cut short", func(a *privacyAnswer, _ func() string) { a.cutShort = true }},
}
