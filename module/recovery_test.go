package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A crawler runs no script: what it gets is exact, or it sees that it is not.
func TestCrawlers(t *testing.T) {
	s := startEarly(t, "")
	v := newVisitor(t, "h1")
	bot := []string{"User-Agent", "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"}
	for name, answer := range map[string][]testorigin.Step{
		"redirect": redirectTo("/login"),
		"reload":   answers200("Set-Cookie", "a=b"),
		"failure":  errorDoc(500, ownErrorPage),
		"404":      errorDoc(404, wholePage),
		"down":     {testorigin.TakeOver(), testorigin.Close()},
	} {
		t.Run(name, func(t *testing.T) {
			path := "/" + name
			s.origin.Handle(path, htmlPage(wholePage)...)
			for range 3 {
				s.visit(t, v, path, bot...).rest(t)
			}
			r, gate := s.early(t, v, path, answer, bot...)
			gate.Open()
			body, end := r.rest(t)
			if unpad(body) != pageHead || !end.aborted() {
				t.Errorf("%s, %q", end, unpad(body))
			}
			s.origin.Handle(path, answer...)
			if r := s.visit(t, v, path, bot...); name == "redirect" && r.Status != http.StatusFound {
				t.Errorf("the retry gets %d", r.Status)
			}
			s.origin.Handle(path, htmlPage(wholePage)...) // and the backend is back
			s.visit(t, v, path, bot...).rest(t)
		})
	}
}

// The page can correct itself under any policy, or is not committed.
func TestPolicies(t *testing.T) {
	const script, meta = `<script type="module" async`, `<meta http-equiv="refresh" content="0">`
	tests := []struct {
		name, outer string
		learned     []string
		level       string
		has, lacks  string
	}{
		{"no scripts", "", []string{"Content-Security-Policy", "default-src 'none'"}, "head", script + ` nonce="`, ""},
		{"inline scripts", "", []string{"Content-Security-Policy", "script-src 'self' 'unsafe-inline'"}, "head", script + ">", "nonce"},
		{"an outer policy", `header Content-Security-Policy "script-src 'self'"`, nil, "head", script + ` nonce="`, ""},
		{"a deferred outer policy", "header {\nContent-Security-Policy \"script-src 'self'\"\ndefer\n}", nil, "head", meta, "<script type"},
		{"sandbox", "", []string{"Content-Security-Policy", "sandbox allow-forms"}, "none", "", ""},
		{"sandbox in a report-only policy", "", []string{"Content-Security-Policy-Report-Only", "sandbox"}, "head", script + `>`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := startEarly(t, test.outer)
			v := newVisitor(t, "h2")
			s.teach(t, v, "/", wholePage, test.learned...)
			if test.level == "none" {
				s.visit(t, v, "/").rest(t)
				if got := s.c.logs.access(t, 4, "/")[3].field("headstart", "reason"); got != "policy" {
					t.Errorf("reason %v", got)
				}
				return
			}
			r, gate := s.early(t, v, "/", answers200(append([]string{"Set-Cookie", "a=b"}, test.learned...)...))
			gate.Open()
			r.readUntil(t, meta)
			r.resp.Body.Close()
			body, _ := r.rest(t)
			late := unpad(body)[len(pageHead):]
			if !strings.Contains(late, test.has) || test.lacks != "" && strings.Contains(late, test.lacks) {
				t.Errorf("recovery is %q", late)
			}
			if _, nonce, ok := strings.Cut(late, `nonce="`); ok {
				nonce, _, _ = strings.Cut(nonce, `"`)
				policies := strings.Join(r.Header["Content-Security-Policy"], ",")
				if !strings.Contains(policies, "'nonce-"+nonce+"'") || len(nonce) < 22 {
					t.Errorf("nonce %q under %q", nonce, policies)
				}
			}
		})
	}
}
