package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// personal is a page with a part for who is signed in.
func personal(greeting string) string {
	return bodyHead + "<body><header><nav><a href=/>Home</a></nav><p>" + greeting + "</p></header><main>news</main></body></html>\n"
}

// Visitors who are signed in get what they share with strangers, from what strangers
// were shown: not their name, and nobody else's.
func TestShellForTheSignedIn(t *testing.T) {
	s := limitedSite(t, "", "")
	shared, _, _ := strings.Cut(personal("x"), "x")
	serve := testorigin.Serve(func(w http.ResponseWriter, r *http.Request) {
		greeting := "Sign in"
		if c, err := r.Cookie("session"); err == nil {
			greeting = "Hello, " + c.Value
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(personal(greeting)))
	})
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		s.learn(t, v, path, func(int) string { return personal("Sign in") }, 0)
		s.origin.Handle(path, serve)
		for _, user := range []string{"Ada", "Bob", "Eve"} {
			if body, end := s.visit(t, v, path, "Cookie", "session="+user).rest(t); body != personal("Hello, "+user) || end != cleanEnd {
				t.Fatalf("%s, %q", end, body)
			}
		}
		r, gate := s.held(t, v, path, shared, []testorigin.Step{serve}, "Cookie", "session=Joe")
		gate.Open()
		s.joins(t, r, path, shared, personal("Hello, Joe"), "exact")

		s.origin.Handle(path, serve)
		whole := strings.TrimSuffix(personal("Sign in"), bodyEnd)
		r, gate = s.held(t, v, path, whole, []testorigin.Step{serve})
		gate.Open()
		s.joins(t, r, path, whole, personal("Sign in"), "exact")
	})
}

// Crawlers run no script. With `crawlers shell` they get a shell if nothing of the head
// comes late, and are cut off where it differs.
func TestShellForCrawlers(t *testing.T) {
	const googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
	page := func(title, entry string) string {
		return bodyHead + "<title>" + title + "</title></head><body><nav>x</nav><main><p>" + entry + "</p></main></body></html>\n"
	}
	same := func(string) string { return "same" }
	tests := []struct {
		name, options string
		title         func(visit string) string
		level         string
		entry         string // of the last answer
		outcome       string
	}{
		{"by default", "", same, "head", "old", "exact"},
		{"a head", "crawlers head", same, "head", "new", "exact"},
		{"a shell", "crawlers shell", same, "shell", "old", "exact"},
		{"a shell that differs", "crawlers shell", same, "shell", "new", "aborted"},
		{"a title of its own", "crawlers shell", func(visit string) string { return visit }, "head", "new", "exact"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := limitedSite(t, "", test.options)
			v := newVisitor(t, "h2")
			for _, visit := range []string{"1", "2", "3"} {
				s.origin.Handle("/", htmlPage(page(test.title(visit), "old"))...)
				s.visit(t, v, "/", "User-Agent", googlebot).rest(t)
			}
			s.origin.Handle("/", htmlPage(page(test.title("4"), test.entry))...)
			body, end := s.visit(t, v, "/", "User-Agent", googlebot).rest(t)
			entries := s.c.logs.own(t, 1, "/")
			entry := entries[len(entries)-1]
			if entry["level"] != test.level || entry["outcome"] != test.outcome {
				t.Errorf("level %v, outcome %v (%v), want %s, %s", entry["level"], entry["outcome"], entry["reason"], test.level, test.outcome)
			}
			if whole := end == cleanEnd && strings.Contains(body, test.entry); whole == (test.outcome == "aborted") {
				t.Errorf("%s: %q", end, unpad(body))
			}
			if strings.Contains(body, "data-headstart") {
				t.Errorf("a crawler got a script: %q", body)
			}
		})
	}
}
