package module_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// The forms of nonces that frameworks make.
var nonceForms = map[string]func() string{
	"base64":    func() string { return "+/" + base64.StdEncoding.EncodeToString(random(16)) },
	"base64url": func() string { return "-_" + base64.URLEncoding.EncodeToString(random(16)) },
	"raw url":   func() string { return "_" + base64.RawURLEncoding.EncodeToString(random(18)) + "-" },
	"hex":       func() string { return hex.EncodeToString(random(16)) },
	"short":     func() string { return hex.EncodeToString(random(4)) },
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by its documentation
	return b
}

// A noncePage is a page whose policies carry nonces of its own.
type noncePage struct {
	name   string
	count  int
	header func(n []string) []string
	head   func(n []string) string
	rest   func(n []string) string
}

// What the encoders of frameworks make of nonces.
var (
	asEntities = strings.NewReplacer("+", "&#43;", "/", "&#x2F;", "=", "&#61;")
	asUnicode  = strings.NewReplacer("+", `\u002b`, "/", `\/`, "=", `\u003D`)
)

var noncePages = []noncePage{
	{
		name: "one", count: 1,
		header: func(n []string) []string {
			return []string{enforced, "script-src 'nonce-" + n[0] + "' 'strict-dynamic'"}
		},
		head: func(n []string) string { return `<script nonce="` + n[0] + `">one()</script>` },
		rest: func(n []string) string {
			return `<script nonce='` + n[0] + `'>two()</script><script nonce="` + asEntities.Replace(n[0]) + `">three()</script>`
		},
	},
	{
		name: "two policies", count: 2,
		header: func(n []string) []string {
			return []string{
				enforced, "script-src 'self' 'nonce-" + n[0] + "', style-src 'nonce-" + n[1] + "'",
				enforced, "script-src-elem 'nonce-" + n[0] + "'",
			}
		},
		head: func(n []string) string {
			return `<style nonce="` + n[1] + `">a{}</style><script nonce="` + n[0] + `">one()</script>`
		},
		rest: func(n []string) string { return `<style nonce="` + n[1] + `">b{}</style>` },
	},
	{
		name: "report-only", count: 2,
		header: func(n []string) []string {
			return []string{enforced, "script-src 'nonce-" + n[0] + "'", reportOnly, "default-src 'none'; script-src 'nonce-" + n[1] + "' 'nonce-" + n[0] + "'"}
		},
		head: func(n []string) string { return `<script nonce="` + n[0] + `">one()</script>` },
		rest: func(n []string) string { return `<p>` + n[1] },
	},
	{
		name: "everywhere", count: 1,
		header: func(n []string) []string {
			return []string{enforced, "script-src 'nonce-" + n[0] + "'", "Link", "</a.js>; rel=preload; as=script; nonce=\"" + n[0] + "\""}
		},
		head: func(n []string) string {
			return `<meta name="csp-nonce" content="` + n[0] + `">` +
				`<script type="application/json">{"nonce":"` + asUnicode.Replace(n[0]) + `"}</script>` +
				`<link rel="preload" as="script" href="/a.js?n=` + url.QueryEscape(n[0]) + `">` +
				`<script nonce="` + asEntities.Replace(n[0]) + `">one("` + asUnicode.Replace(n[0]) + `")</script>`
		},
		rest: func(n []string) string {
			return `<a href="?n=` + url.QueryEscape(n[0]) + `" nonce="` + asEntities.Replace(n[0]) + `">` + n[0] + `</a>`
		},
	},
}

// sheet ends what of a nonce page comes early in any case.
const sheet = `<link rel="stylesheet" href="/nonce.css">`

func (p noncePage) page(n []string) string {
	return doctype + `<html><head><meta charset="utf-8">` + p.head(n) + sheet + `<title>A page</title></head><body>` + p.rest(n) + `</body></html>`
}

func (p noncePage) answer(n []string) []testorigin.Step { return htmlPage(p.page(n), p.header(n)...) }

// teachNonces teaches a page, with other nonces for each visit.
func (s *earlySite) teachNonces(t *testing.T, v *visitor, path string, p noncePage, mint func() []string) {
	t.Helper()
	for range teachers {
		n := mint()
		s.origin.Handle(path, p.answer(n)...)
		if body, end := s.visit(t, v, path).rest(t); body != p.page(n) || end != cleanEnd {
			t.Fatalf("while learning: %s, %q", end, body)
		}
	}
}

// noncesIn returns the nonces of policies, each once.
func noncesIn(h http.Header) (nonces []string) {
	for _, policy := range slices.Concat(h[enforced], h[reportOnly]) {
		for part := range strings.SplitSeq(policy, "'") {
			if nonce, ok := strings.CutPrefix(part, "nonce-"); ok && !slices.Contains(nonces, nonce) {
				nonces = append(nonces, nonce)
			}
		}
	}
	return nonces
}

// Every response has nonces of its own, and the visitor sees no other; the
// stylesheet comes early.
func TestNonces(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "encode gzip")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for form, mintOne := range nonceForms {
				for _, p := range noncePages {
					t.Run(form+" "+p.name, func(t *testing.T) {
						path := strings.ReplaceAll("/"+v.protocol+"/"+form+"/"+p.name, " ", "-")
						var used []string // by anybody
						mint := func() (n []string) {
							for range p.count {
								n = append(n, mintOne())
							}
							used = append(used, n...)
							return n
						}
						s.teachNonces(t, v, path, p, mint)
						for i := range 3 {
							gate := testorigin.NewGate()
							s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, p.answer(mint())...)...)
							r := s.visit(t, v, path)
							await(t, "the request at the backend", gate.Arrived())
							r.readUntil(t, sheet)
							r.stillOpen(t)
							gate.Open()
							body, end := r.rest(t)

							ours := noncesIn(r.Header)
							if len(ours) != p.count {
								t.Fatalf("the nonces are %q", ours)
							}
							// As if the backend had made them: they need no encoding.
							if diff := cmp.Diff(p.page(ours), unpad(body)); diff != "" || end != cleanEnd {
								t.Errorf("%s (-want +got):\n%s", end, diff)
							}
							for header := range slices.Chunk(p.header(ours), 2) {
								if !slices.Contains(r.Header[header[0]], header[1]) {
									t.Errorf("%s is %q, want %q", header[0], r.Header[header[0]], header[1])
								}
							}
							for _, nonce := range used {
								for _, form := range []string{nonce, asEntities.Replace(nonce), asUnicode.Replace(nonce), url.QueryEscape(nonce)} {
									if strings.Contains(body+fmt.Sprint(r.Header), form) {
										t.Errorf("the visitor sees %q", form)
									}
								}
							}
							for _, nonce := range ours {
								if len(nonce) < 22 {
									t.Errorf("the nonce %q is short", nonce)
								}
							}
							used = append(used, ours...)
							if log := s.logged(t, teachers+1+i, path); log.field("headstart", "outcome") != "merged" && log.field("headstart", "outcome") != "exact" {
								t.Errorf("%v", log["headstart"])
							}
						}
					})
				}
			}
		})
	})
}

// Wherever the backend's writes are cut.
func TestNoncesSplitAtEveryByte(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		v := newVisitor(t, "h1")
		p := noncePages[3]
		mint := func() []string { return []string{nonceForms["base64"]()} }
		s.teachNonces(t, v, "/", p, mint)
		for cut := 0; ; cut++ {
			n := mint()
			page := p.page(n)
			if cut > len(page) {
				break
			}
			s.origin.Handle("/", testorigin.Header(http.StatusOK, htmlHeader(p.header(n))...), testorigin.Write(page[:cut]), testorigin.Write(page[cut:]))
			r := s.visit(t, v, "/")
			body, end := r.rest(t)
			ours := noncesIn(r.Header)
			if len(ours) != 1 || slices.Equal(ours, n) || unpad(body) != p.page(ours) || end != cleanEnd {
				t.Fatalf("cut at %d: nonces %q, %s\n%s", cut, ours, end, cmp.Diff(p.page(ours), unpad(body)))
			}
		}
	})
}

// No two visitors get the same nonce (G4), whether their page is committed or not.
func TestNoncesAreUsedOnce(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		s := startEarly(t, at, "")
		p := noncePages[1]
		seen := make(map[string]bool)
		mint := func() []string { return []string{nonceForms["hex"](), nonceForms["hex"]()} }
		visits, committed := 0, 0
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for range 70 {
				n := mint()
				s.origin.Handle("/", p.answer(n)...)
				r := s.visit(t, v, "/")
				if body, end := r.rest(t); end != cleanEnd || unpad(body) != p.page(noncesIn(r.Header)) {
					t.Fatalf("%s, %q", end, unpad(body))
				}
				visits++
				for _, nonce := range noncesIn(r.Header) {
					if seen[nonce] {
						t.Fatalf("visit %d: the nonce %s again", visits, nonce)
					}
					seen[nonce] = true
				}
				if !slices.Equal(noncesIn(r.Header), n) {
					committed++
				}
			}
		})
		if visits < 200 || committed < 200 || len(seen) != 2*visits {
			t.Errorf("%d visits, %d committed, %d nonces", visits, committed, len(seen))
		}
	})
}

// Nonces that are no secret, or not those of a policy that we can see.
func TestUnfitNonces(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		mint := nonceForms["base64"]
		script := func(nonce string) string {
			return strings.Replace(wholePage, "<link ", `<script nonce="`+nonce+`">one()</script><link `, 1)
		}
		policy := func(nonce string) string { return "script-src 'nonce-" + nonce + "'" }
		tests := []struct {
			name, reason string
			page         func(visit int) (page string, header []string)
		}{
			{"always the same", "nonce", func(int) (string, []string) {
				return script("abcdefgh12345678"), []string{enforced, policy("abcdefgh12345678")}
			}},
			{"twice the same", "nonce", func(visit int) (string, []string) {
				nonce := fmt.Sprintf("abcdefgh1234%08d", max(visit, 1))
				return script(nonce), []string{enforced, policy(nonce)}
			}},
			{"too short", "nonce", func(visit int) (string, []string) {
				nonce := fmt.Sprintf("%07d", 1234560+visit)
				return script(nonce), []string{enforced, policy(nonce)}
			}},
			{"another in the attribute", "nonce", func(int) (string, []string) { return script(mint()), []string{enforced, policy(mint())} }},
			{"in an attribute only", "nonce", func(int) (string, []string) { return script(mint()), nil }},
			{"no base64", "nonce", func(int) (string, []string) { n := mint() + "!"; return script(n), []string{enforced, policy(n)} }},
			{"too many", "nonce", func(int) (string, []string) {
				n := mint()
				return script(n), []string{enforced, policy(n) + " 'nonce-" + mint() + "' 'nonce-" + mint() + "' 'nonce-" + mint() + "' 'nonce-" + mint() + "'"}
			}},
			{"in a policy of the document", "policy", func(int) (string, []string) {
				n := mint()
				return strings.Replace(script(n), "<script", `<meta http-equiv="content-security-policy" content="`+policy(n)+`"><script`, 1), nil
			}},
			{"in both policies", "policy", func(int) (string, []string) {
				n := mint()
				return strings.Replace(script(n), "<script", `<meta http-equiv="content-security-policy" content="`+policy(n)+`"><script`, 1), []string{enforced, policy(n)}
			}},
		}
		s := startEarly(t, at, "")
		v := newVisitor(t, "h2")
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				path := "/" + strings.ReplaceAll(test.name, " ", "-")
				for visit := range teachers + 1 {
					page, header := test.page(visit)
					s.origin.Handle(path, htmlPage(page, header...)...)
					r := s.visit(t, v, path)
					if body, end := r.rest(t); body != page || end != cleanEnd || len(header) > 0 && r.Header.Get(enforced) != header[1] {
						t.Errorf("%s, %q, %q", end, r.Header[enforced], body)
					}
				}
				log := s.logged(t, teachers+1, path)
				if level, reason := log.field("headstart", "level"), log.field("headstart", "reason"); level != "none" && level != "hints" || reason != test.reason && (reason != "nonce" || test.reason != "policy") {
					t.Errorf("level %v, reason %v; want none or hints, %s", level, reason, test.reason)
				}
			})
		}
	})
}
