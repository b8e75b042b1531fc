package module_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A Caddy in front of a Caddy: what the inner one hints reaches the browser, once,
// whether the outer one has Headstart, too, or not. The inner one has to trust the outer
// one, and its Via; the outer one has to learn from what the inner one commits, which is
// private.
func TestHintsThroughCaddys(t *testing.T) {
	for between, spoken := range map[string][]string{
		"http": protocols,
		"h2c":  {"h1", "h2"}, // what comes by HTTP/3 has a body for all that the inner one can know
	} {
		t.Run("by "+between, func(t *testing.T) {
			origin := startOrigin(t)
			const ours = "headstart {\n\t\tmin_wait 0\n\t\tearly_hints on\n\t\tlearn_private\n\t\ttrust_header Via\n\t}"
			site := func(name, ours string) string {
				return "\nhttp://:<" + name + ">, https://example.test:<" + name + "_tls> {\n\t" + ours + "\n\treverse_proxy " + between + "://127.0.0.1:<inner>\n}\n"
			}
			c := startCaddy(t, "\nhttp://:<inner> {\n\tlog\n\t"+ours+"\n\treverse_proxy "+origin.Addr()+"\n}\n"+
				site("plain", "")+site("both", ours),
				"servers {\n\t\ttrusted_proxies static 127.0.0.1/8\n\t\tprotocols h1 h2 h2c h3\n\t}")
			visit := func(t *testing.T, v *visitor, site, path string) *reply {
				t.Helper()
				r := v.send(t, navigate(t, v.url(t, c, site, path)))
				if _, end := r.rest(t); end != cleanEnd || r.Status != http.StatusOK {
					t.Fatalf("%s: status %d, %s", path, r.Status, end)
				}
				return r
			}
			for _, protocol := range spoken {
				v := newVisitor(t, protocol)
				for name, answer := range map[string][]testorigin.Step{"/hinted/": wireCookies(wirePage), "/committed/": lessonHTML(wirePage)} {
					path := name + v.protocol
					origin.Handle(path, answer...)
					for range lessonVisits {
						visit(t, v, "plain", path)
					}
					// The outer Caddy lets its own Server and Alt-Svc ride along.
					r := visit(t, v, "plain", path)
					if len(r.Interim) != 1 || r.Interim[0].Status != http.StatusEarlyHints {
						t.Fatalf("%s, through a plain Caddy: %v", path, r.Interim)
					}
					if diff := cmp.Diff([]string{lessonHint, lateHint}, r.Interim[0].Header["Link"]); diff != "" {
						t.Errorf("%s, through a plain Caddy (-want +got):\n%s", path, diff)
					}

					for i := range 2 * lessonVisits {
						r := visit(t, v, "both", path)
						if len(r.Interim) != 1 {
							t.Fatalf("%s, visit %d of two: %v", path, i, r.Interim)
						}
						if diff := cmp.Diff([]string{lessonHint, lateHint}, r.Interim[0].Header["Link"]); diff != "" {
							t.Errorf("%s, visit %d of two (-want +got):\n%s", path, i, diff)
						}
						if i < lessonVisits {
							continue // the outer one has just come to know the page
						}
						if diff := cmp.Diff(hinting(lessonHint, lateHint), r.Interim); diff != "" {
							t.Errorf("%s, visit %d of two (-want +got):\n%s", path, i, diff)
						}
					}
				}
			}
			t.Run("both committed", func(t *testing.T) {
				v := newVisitor(t, "h2")
				r := visit(t, v, "both", "/committed/h2")
				want := preamble{hinting(lessonHint, lateHint), http.StatusOK, wireHeader("h2", http.Header{
					"Cache-Control": {"private, no-cache"}, "Link": {lateHint}, "Server": {"Caddy"},
				})}
				if diff := cmp.Diff(want, preambleOf(r)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}
