package module_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/domtest"
	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// Answers with a policy of their own to a page with nonces: an error page under
// the same policy joins, with our nonces; whatever differs otherwise is reloaded,
// and then is the backend's own, nonces and all.
func TestNoncesInSurprises(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		p := noncePages[0]
		same := func(n string) []string { return p.header([]string{n}) }
		withPolicy := func(format string) func(string) []string {
			return func(n string) []string { return []string{enforced, strings.ReplaceAll(format, "N", n)} }
		}
		tests := []struct {
			name    string
			status  int
			header  func(n string) []string
			outcome string
		}{
			{"500", 500, same, "failed"},
			{"404", 404, same, "failed"},
			{"500 under another policy", 500, withPolicy("script-src 'nonce-N'"), "failed"},
			{"404 under another policy", 404, withPolicy("script-src 'nonce-N'"), "reloaded"},
			{"another policy", 200, withPolicy("script-src 'nonce-N'"), "reloaded"},
			{"a stricter policy", 200, withPolicy("script-src 'nonce-N' 'strict-dynamic'; object-src 'none'"), "reloaded"},
			{"one policy more", 200, func(n string) []string { return append(same(n), enforced, "img-src 'self'") }, "reloaded"},
			{"one nonce more", 200, withPolicy("script-src 'nonce-N' 'strict-dynamic' 'nonce-abcdefghN'"), "reloaded"},
			{"another nonce more", 200, withPolicy("script-src 'nonce-N' 'strict-dynamic' 'nonce-abcdefgh12345678'"), "reloaded"},
			{"a bad nonce", 200, withPolicy("script-src 'nonce-N!' 'strict-dynamic'"), "reloaded"},
			{"no nonce", 200, withPolicy("script-src 'strict-dynamic'"), "reloaded"},
			{"no policy", 200, func(string) []string { return nil }, "reloaded"},
			{"a cookie", 200, func(n string) []string { return append(same(n), "Set-Cookie", "a=b") }, "reloaded"},
		}
		s := startEarly(t, at, "encode gzip")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for _, test := range tests {
				t.Run(test.name, func(t *testing.T) {
					path := strings.ReplaceAll("/"+v.protocol+"/"+test.name, " ", "-")
					s.teachNonces(t, v, path, p, func() []string { return []string{nonceForms["base64"]()} })
					theirs := nonceForms["base64"]()
					gate := testorigin.NewGate()
					page := p.page([]string{theirs})
					s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, errorDoc(test.status, page, test.header(theirs)...)...)...)
					r := s.visit(t, v, path)
					r.readUntil(t, sheet)
					await(t, "the request at the backend", gate.Arrived())
					s.origin.Handle(path, htmlPage(secondAnswer)...)
					gate.Open()
					marker := ""
					if test.outcome == "reloaded" {
						marker = r.marker(t)
						r.resp.Body.Close()
					}
					body, end := r.rest(t)
					ours := noncesIn(r.Header)
					if len(ours) != 1 || strings.Contains(body, theirs) || strings.Contains(body, asEntities.Replace(theirs)) {
						t.Errorf("nonces %q, %q has %q", ours, body, theirs)
					}
					for part := range strings.SplitSeq(body, " nonce=") {
						if quoted := strings.Trim(part[:min(len(part), len(ours[0])+2)], `"'`); part != body && !strings.HasPrefix(part, doctype) && quoted != ours[0] {
							t.Errorf("a script has the nonce %q", quoted)
						}
					}
					if got := s.logged(t, teachers+1, path).field("headstart", "outcome"); got != test.outcome {
						t.Fatalf("outcome %v, want %s", got, test.outcome)
					}
					if marker == "" {
						joined := strings.Replace(p.page(ours), "</head>", noIndexed+"</head>", 1)
						if end != cleanEnd || len(test.header("")) > 0 && test.header("")[1] == same("")[1] && !joinedAt(t, at, joined, body) {
							t.Errorf("%s\n%s", end, cmp.Diff(joined, unpad(body)))
						}
						return
					}
					r = s.visit(t, v, path, "Cookie", marker)
					body, end = r.rest(t)
					var policies []string
					for header := range slices.Chunk(test.header(theirs), 2) {
						if header[0] == enforced {
							policies = append(policies, header[1])
						}
					}
					if r.Status != test.status || body != page || end != cleanEnd || !slices.Equal(r.Header[enforced], policies) {
						t.Errorf("the reload gets %d, %s, %q\n%s", r.Status, end, r.Header[enforced], cmp.Diff(page, body))
					}
				})
			}
		})
	})
}

// joinedAt reports whether a visitor has got a page: to the byte behind a head, and as
// a document behind a body, where what belongs in the head is moved there.
func joinedAt(t *testing.T, at level, page, got string) bool {
	t.Helper()
	if at == head {
		return unpad(got) == page
	}
	err := domtest.Check([]byte(page), []byte(got), "merged", recovery.Prefix)
	if err != nil {
		t.Error(err)
	}
	return err == nil
}
