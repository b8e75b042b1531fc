package module_test

import (
	"net/http"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A crawler runs no script: what it gets is exact, or it sees that it is not.
func TestCrawlers(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
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
				if unpad(body) != at.opening() || !end.aborted() {
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
	})
}
