package module_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// What stands for nonces in an opening is secret, and the same for everybody: it
// is never sent, in Link values neither. An async script whose URL holds the nonce
// is named there.
func TestStandInForNonceIsNotSent(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			path := "/" + v.protocol
			page := func(nonce string) []testorigin.Step {
				return htmlPage(doctype+`<html><head><meta charset="utf-8"><script async src="/a.js?n=`+nonce+`"></script>`+
					sheet+`<title>A page</title></head><body></body></html>`, enforced, "script-src 'self' 'nonce-"+nonce+"'")
			}
			named := regexp.MustCompile(`/a\.js\?n=(\w+)`)
			seen := make(map[string]bool)
			for i := range teachers + 2 {
				nonce := nonceForms["hex"]()
				if i < teachers {
					s.origin.Handle(path, page(nonce)...)
					s.visit(t, v, path).rest(t)
					continue
				}
				gate := testorigin.NewGate()
				s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, page(nonce)...)...)
				r := s.visit(t, v, path)
				await(t, "the request at the backend", gate.Arrived())
				ours, links := noncesIn(r.Header), strings.Join(r.Header["Link"], ", ")
				for _, m := range named.FindAllStringSubmatch(links, -1) {
					if seen[m[1]] || fmt.Sprint(ours) != fmt.Sprint([]string{m[1]}) {
						t.Errorf("a Link value holds %q, the policy %q", m[1], ours)
					}
					seen[m[1]] = true
				}
				gate.Open()
				r.rest(t)
			}
		})
	})
}
