package site_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/examples/aggregator/site"
)

var nonceAttribute = regexp.MustCompile(` nonce="(.+?)"`)

func TestNonceIsFreshAndMatchesThePolicy(t *testing.T) {
	v := &visitor{site: newSite(t, 0, site.Options{CSPNonce: true})}
	seen := make(map[string]bool)
	escaped := false
	// A nonce holds '+' in three of ten cases, so 100 pages without any are out
	// of the question.
	for range 100 {
		w := v.get("/nothing") // the smallest page
		nonce := find(t, `'nonce-([^']+)'`, w.Header().Get("Content-Security-Policy"))
		if seen[nonce] {
			t.Fatalf("nonce %s was sent twice", nonce)
		}
		seen[nonce] = true
		attributes := nonceAttribute.FindAllStringSubmatch(w.Body.String(), -1)
		if scripts := strings.Count(w.Body.String(), "<script"); len(attributes) != scripts || scripts != 2 {
			t.Fatalf("%d scripts, %d nonces, want 2 of both", scripts, len(attributes))
		}
		for _, a := range attributes {
			if html.UnescapeString(a[1]) != nonce {
				t.Fatalf("nonce %q in the page, %q in the policy", a[1], nonce)
			}
			escaped = escaped || strings.Contains(a[1], "&#43;")
		}
		if escaped && len(seen) > 1 {
			return
		}
	}
	t.Error("no page had a nonce with a plus sign, written &#43;")
}
