package module_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/csp"
	"github.com/headstart-proxy/headstart/internal/testorigin"
)

const (
	enforced   = "Content-Security-Policy"
	reportOnly = "Content-Security-Policy-Report-Only"
)

// The page can correct itself under any policy, which changes no more than that
// takes, or it is not committed. N stands for the nonce of the recovery script.
func TestPolicies(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		const script, meta = `<script type="module" async`, `<meta http-equiv="refresh" content="0;url=/">`
		tests := []struct {
			name, outer string
			learned     []string
			want        []string // the policies that go out, names and values in turn; as learned if nil
			nonce       bool     // the script has one
			refresh     bool     // there is no script
			refused     bool     // not committed
		}{
			{name: "none"},
			{name: "without scripts in it", learned: []string{enforced, "img-src 'self'; frame-ancestors 'none'"}},
			{name: "empty directives", learned: []string{enforced, " ;; "}},

			// An effective 'unsafe-inline' stays as it is, to the byte.
			{name: "inline", learned: []string{enforced, "script-src 'self' 'unsafe-inline'"}},
			{name: "inline, spelled otherwise", learned: []string{enforced, "  SCRIPT-SRC\t'Unsafe-Inline'  'self' ;;img-src *"}},
			{name: "inline by default-src", learned: []string{enforced, "default-src 'unsafe-inline'"}},
			{name: "inline by script-src-elem", learned: []string{enforced, "script-src 'none'; script-src-elem 'unsafe-inline'"}},
			{name: "the first of a name counts", learned: []string{enforced, "script-src 'unsafe-inline'; script-src 'none'"}},
			{name: "inline and not", learned: []string{enforced, "script-src 'unsafe-inline', script-src 'self'"}, nonce: true, want: []string{
				enforced, "script-src 'unsafe-inline',script-src 'self'; script-src-elem 'self' 'nonce-N'",
			}},

			// One that a hash, a nonce or 'strict-dynamic' switches off does not count.
			{name: "inline without effect", learned: []string{enforced, "script-src 'unsafe-inline' 'sha256-YWJj'"}, nonce: true, want: []string{
				enforced, "script-src 'unsafe-inline' 'sha256-YWJj'; script-src-elem 'unsafe-inline' 'sha256-YWJj' 'nonce-N'",
			}},
			{name: "strict-dynamic", learned: []string{enforced, "script-src 'unsafe-inline' 'strict-dynamic'"}, nonce: true, want: []string{
				enforced, "script-src 'unsafe-inline' 'strict-dynamic'; script-src-elem 'unsafe-inline' 'strict-dynamic' 'nonce-N'",
			}},

			// The nonce is appended for script elements, and for nothing else.
			{name: "script-src", learned: []string{enforced, "script-src 'self'"}, nonce: true, want: []string{
				enforced, "script-src 'self'; script-src-elem 'self' 'nonce-N'",
			}},
			{name: "script-src-elem", learned: []string{enforced, "script-src *; script-src-elem 'self'; img-src *"}, nonce: true, want: []string{
				enforced, "script-src *; script-src-elem 'self' 'nonce-N'; img-src *",
			}},
			{name: "default-src", learned: []string{enforced, "default-src https: 'self'"}, nonce: true, want: []string{
				enforced, "default-src https: 'self'; script-src-elem https: 'self' 'nonce-N'",
			}},
			{name: "no value", learned: []string{enforced, "script-src"}, nonce: true, want: []string{
				enforced, "script-src; script-src-elem 'nonce-N'",
			}},

			// 'none' stands alone or not at all.
			{name: "'none' in default-src", learned: []string{enforced, "default-src 'none'; img-src *"}, nonce: true, want: []string{
				enforced, "default-src 'none'; img-src *; script-src-elem 'nonce-N'",
			}},
			{name: "'none' in script-src-elem", learned: []string{enforced, "script-src-elem 'NONE'"}, nonce: true, want: []string{
				enforced, "script-src-elem 'nonce-N'",
			}},

			// Every policy applies.
			{name: "two headers", learned: []string{enforced, "script-src 'self'", enforced, "default-src https:"}, nonce: true, want: []string{
				enforced, "script-src 'self'; script-src-elem 'self' 'nonce-N'", enforced, "default-src https:; script-src-elem https: 'nonce-N'",
			}},
			{name: "two headers, one changed", learned: []string{enforced, "img-src  *", enforced, "default-src https:"}, nonce: true, want: []string{
				enforced, "img-src  *", enforced, "default-src https:; script-src-elem https: 'nonce-N'",
			}},
			{name: "two in one header", learned: []string{enforced, "img-src  *, script-src 'self'"}, nonce: true, want: []string{
				enforced, "img-src  *,script-src 'self'; script-src-elem 'self' 'nonce-N'",
			}},
			{name: "report-only", learned: []string{reportOnly, "script-src 'self'; report-uri /r"}, nonce: true, want: []string{
				reportOnly, "script-src 'self'; report-uri /r; script-src-elem 'self' 'nonce-N'",
			}},
			{name: "both", learned: []string{enforced, "script-src https:", reportOnly, "default-src 'none'"}, nonce: true, want: []string{
				enforced, "script-src https:; script-src-elem https: 'nonce-N'", reportOnly, "default-src 'none'; script-src-elem 'nonce-N'",
			}},

			// Those of outer handlers, too.
			{name: "outer", outer: `header Content-Security-Policy "script-src 'self'"`, nonce: true, want: []string{
				enforced, "script-src 'self'; script-src-elem 'self' 'nonce-N'",
			}},
			{name: "outer and learned", outer: `header Content-Security-Policy "script-src 'self'"`, learned: []string{enforced, "script-src 'unsafe-inline'"}, nonce: true, want: []string{
				enforced, "script-src 'self'; script-src-elem 'self' 'nonce-N'", enforced, "script-src 'unsafe-inline'",
			}},
			{name: "outer report-only", outer: `header Content-Security-Policy-Report-Only "script-src 'self'"`, nonce: true, want: []string{
				reportOnly, "script-src 'self'; script-src-elem 'self' 'nonce-N'",
			}},
			{name: "deferred outer that allows", outer: "header {\n" + enforced + " \"script-src 'unsafe-inline'\"\ndefer\n}", want: []string{
				enforced, "script-src 'unsafe-inline'",
			}},
			{name: "deferred outer", outer: "header {\n" + enforced + " \"script-src 'self'\"\ndefer\n}", refresh: true, want: []string{
				enforced, "script-src 'self'",
			}},
			{name: "deferred outer in place of one that allows", outer: "header {\n" + enforced + " \"script-src 'self'\"\ndefer\n}", learned: []string{enforced, "script-src 'unsafe-inline'"}, refresh: true, want: []string{
				enforced, "script-src 'self'",
			}},

			// Without scripts, or without its own cookies, a page cannot lead to a reload.
			{name: "sandbox", learned: []string{enforced, "sandbox"}, refused: true},
			{name: "sandbox with more", learned: []string{enforced, "img-src *, default-src *; SANDBOX allow-forms"}, refused: true},
			{name: "sandbox with scripts in another origin", learned: []string{enforced, "sandbox allow-scripts"}, refused: true},
			{name: "outer sandbox", outer: `header Content-Security-Policy "sandbox"`, refused: true},
			{name: "sandbox with all it takes", learned: []string{enforced, "sandbox allow-scripts allow-same-origin"}},
			{name: "sandbox in a report-only policy", learned: []string{reportOnly, "sandbox"}},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				s := startEarly(t, at, test.outer)
				v := newVisitor(t, "h2")
				s.teach(t, v, "/", wholePage, test.learned...)
				if test.refused {
					s.notCommitted(t, v, "/", wholePage, "policy")
					return
				}
				r, gate := s.early(t, v, "/", answers200(append([]string{"Set-Cookie", "a=b"}, test.learned...)...))
				gate.Open()
				r.readUntil(t, meta)
				r.resp.Body.Close()
				body, _ := r.rest(t)
				late := at.late(t, body)

				_, attribute, hasNonce := strings.Cut(late, ` nonce="`)
				nonce, _, _ := strings.Cut(attribute, `"`)
				if hasNonce != test.nonce || hasNonce && len(nonce) < 22 {
					t.Errorf("the nonce is %q", nonce)
				}
				if strings.HasPrefix(late, script) == test.refresh || test.refresh && late != meta {
					t.Errorf("recovery is %q", late)
				}
				want := test.want
				if want == nil {
					want = test.learned
				}
				for _, name := range []string{enforced, reportOnly} {
					var values []string
					for i := 0; i < len(want); i += 2 {
						if want[i] == name {
							values = append(values, strings.ReplaceAll(want[i+1], "'nonce-N'", "'nonce-"+nonce+"'"))
						}
					}
					// White space around a value is not a part of it (RFC 9110 section 5.5).
					trim := func(list []string) (out []string) {
						for _, value := range list {
							out = append(out, strings.TrimSpace(value))
						}
						return out
					}
					if diff := cmp.Diff(trim(values), trim(r.Header[name])); diff != "" {
						t.Errorf("%s (-want +got):\n%s", name, diff)
					}
				}
				if !test.refresh && !csp.Permits(r.Header[enforced], nonce) {
					t.Errorf("the script may not run under %q", r.Header[enforced])
				}
				if test.refresh {
					s.neverAgain(t, v, "/", "policy")
				}
			})
		}
	})
}

// notCommitted visits a page that was taught, and checks that it comes as the
// backend sends it, for a reason.
func (s *earlySite) notCommitted(t *testing.T, v *visitor, path, page, reason string) {
	t.Helper()
	if body, end := s.visit(t, v, path).rest(t); body != page || end != cleanEnd {
		t.Errorf("%s, %q", end, body)
	}
	log := s.logged(t, teachers+1, path)
	if level, got := log.field("headstart", "level"), log.field("headstart", "reason"); committed(level) || got != reason {
		t.Errorf("level %v, reason %v; want no commit, %s", level, got, reason)
	}
}

// A policy in the document cannot be changed: it must allow the script as it is.
func TestMetaPolicies(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		tests := []struct {
			content string
			allows  bool
		}{
			{"img-src 'self'", true},
			{"script-src 'unsafe-inline'", true},
			{"script-src &#39;unsafe-inline&#39; https:", true},
			{"script-src 'self'", false},
			{"default-src 'none'", false},
			{"script-src 'unsafe-inline' 'sha256-YWJj'", false},
			{"script-src 'unsafe-inline', script-src 'self'", false},
		}
		s := startEarly(t, at, "")
		eachProtocol(t, func(t *testing.T, v *visitor) {
			for i, test := range tests {
				t.Run(test.content, func(t *testing.T) {
					path := "/" + v.protocol + "/" + string(rune('a'+i))
					page := strings.Replace(wholePage, "<link ", `<meta http-equiv="Content-Security-Policy" content="`+test.content+`"><link `, 1)
					s.teach(t, v, path, page)
					if !test.allows {
						s.notCommitted(t, v, path, page, "policy")
						return
					}
					gate := testorigin.NewGate()
					s.origin.Handle(path, append([]testorigin.Step{testorigin.Wait(gate)}, htmlPage(page, "Set-Cookie", "a=b")...)...)
					r := s.visit(t, v, path)
					r.readUntil(t, "<title>A page</title>")
					gate.Open()
					r.marker(t)
				})
			}
		})
	})
}

// A policy that only the answer's document has keeps the script from running
// where it stands in front of it.
func TestNewMetaPolicy(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		const policy = `<meta http-equiv="Content-Security-Policy" content="script-src 'self'">`
		s := startEarly(t, at, "")
		for name, answer := range map[string]string{
			"and another title":  strings.Replace(wholePage, "<title>A page", policy+"<title>B page", 1),
			"and another script": strings.Replace(wholePage, `<script src="/a.js"`, policy+`<script src="/b.js"`, 1),
			"at the end":         strings.Replace(strings.Replace(wholePage, "A page", "B page", 1), "</head>", policy+"</head>", 1),
		} {
			t.Run(name, func(t *testing.T) {
				v := newVisitor(t, "h1")
				path := "/" + strings.ReplaceAll(name, " ", "-")
				s.teach(t, v, path, wholePage)
				r, gate := s.early(t, v, path, []testorigin.Step{
					testorigin.Header(200, htmlHeader(nil)...), testorigin.Bytewise(answer),
				})
				gate.Open()
				text := r.readUntil(t, `({"`) // the arguments of the script
				r.resp.Body.Close()
				if before, _, _ := strings.Cut(text, "(a=>"); strings.Contains(before, policy) {
					t.Errorf("the policy blocks the script behind it: %q", unpad(text))
				}
			})
		}
	})
}
