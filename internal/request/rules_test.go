package request

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

type change func(*http.Request, *Facts)

func setting(name, value string) change {
	return func(r *http.Request, _ *Facts) { r.Header.Set(name, value) }
}

// attempts are requests that one row each is there to stop, by the row's name. A
// header in another row's way is let through for the test.
var attempts = map[string]change{
	"method":      func(r *http.Request, _ *Facts) { r.Method = http.MethodDelete },
	"version":     func(r *http.Request, _ *Facts) { r.ProtoMajor, r.ProtoMinor = 1, 0 },
	"upgrade":     setting("Upgrade", "websocket"),
	"body":        func(r *http.Request, _ *Facts) { r.ContentLength = 3 },
	"range":       setting("Range", "bytes=0-1"),
	"condition":   setting("If-None-Match", `"x"`),
	"credentials": setting("Authorization", "Basic x"),
	"speculation": setting("Sec-Purpose", "prefetch"),
	"hard reload": setting("Pragma", "no-cache"),
	"destination": func(r *http.Request, _ *Facts) {
		for _, name := range []string{"Upgrade-Insecure-Requests", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site"} {
			r.Header.Del(name)
		}
	},
	"media type": setting("Accept", "application/json"),

	"signed in outside": func(_ *http.Request, f *Facts) { f.User = "bob" },
	"client certificate": func(r *http.Request, _ *Facts) {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{{}}}
	},
	"early data":      func(r *http.Request, _ *Facts) { r.TLS = new(tls.ConnectionState) },
	"target form":     func(_ *http.Request, f *Facts) { f.Target = "http://evil.example/page" },
	"host form":       func(r *http.Request, _ *Facts) { r.Host = "a.example." },
	"query":           func(_ *http.Request, f *Facts) { f.Target = "/page?q=1" },
	"ignored query":   func(_ *http.Request, f *Facts) { f.Target = "/page?utm_content=x" },
	"cookies":         setting("Cookie", "name=Bob"),
	"referer":         setting("Referer", "https://evil.example/payload"),
	"foreign referer": setting("Referer", "https://evil.example/"),

	"once":      func(r *http.Request, _ *Facts) { r.Header["User-Agent"] = []string{chrome, "other"} },
	"512 bytes": setting("User-Agent", chrome+strings.Repeat("a", maxValue)),
}

// without is all rules but one row, and with headers of their own rows let through.
func without(row string, through ...string) *ruleset {
	s := rules
	s.shapes = slices.DeleteFunc(slices.Clone(s.shapes), func(x shape) bool { return x.name == row })
	s.circumstances = slices.DeleteFunc(slices.Clone(s.circumstances), func(x circumstance) bool { return x.name == row })
	s.values = slices.DeleteFunc(slices.Clone(s.values), func(x valueRule) bool { return x.name == row })
	s.headers = maps.Clone(s.headers)
	for _, name := range through {
		s.headers[name] = header{}
	}
	return &s
}

func judge(s *ruleset, c change, trusted ...string) Verdict {
	r, facts := visit()
	c(r, &facts)
	return s.inspect(r, known(facts), &Options{IgnoreQuery: Parameters{"utm_*"}, TrustHeader: trusted})
}

// Every row stops what no other row does: with all rows but this one, the attempt
// gets through, with all rows it does not.
func TestEveryRowStopsSomething(t *testing.T) {
	tried := make(map[string]bool)
	check := func(row, closes string, reason Reason, learningOnly bool, through ...string) {
		t.Helper()
		attempt := attempts[row]
		if attempt == nil || tried[row] || closes == "" {
			t.Errorf("%q: no attempt, or two rows of the name, or the row does not say what it closes", row)
			return
		}
		tried[row] = true
		if v := judge(without("", through...), attempt); v.Reason != reason || v.Learn || v.Commit != learningOnly {
			t.Errorf("%q does not stop its attempt: %+v", row, v)
		}
		// What these two bar may not teach either, by a row of its own.
		twin := row == "query" || row == "referer"
		if v := judge(without(row, through...), attempt); v.Reason != "" || !v.Commit || v.Learn == twin {
			t.Errorf("%q is not all that stops its attempt: %+v", row, v)
		}
	}
	for _, row := range rules.shapes {
		// Without their rows, most of these headers would still be unlisted.
		check(row.name, row.closes, row.reason, false, "Upgrade", "Range", "If-None-Match", "Authorization", "Sec-Purpose", "Pragma")
	}
	for _, row := range rules.circumstances {
		if row.effect == barsLearning {
			check(row.name, row.closes, "", true)
			continue
		}
		check(row.name, row.closes, NotClean, false)
	}
	for _, row := range rules.values {
		check(row.name, row.closes, NotClean, false)
	}
	for row := range attempts {
		if !tried[row] {
			t.Errorf("no row %q", row)
		}
	}
}

// Every header of the tables refuses a value, which is what keeps it out; and
// without its row it is not clean with any value.
func TestEveryHeaderRefusesSomething(t *testing.T) {
	// Where the value would change what the request is, or is stopped before.
	values := map[string]string{
		"Accept":         "text/html,<b>",
		"Cache-Control":  "max-age=0, min-fresh=9",
		"Connection":     "Cookie",
		"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate",
	}
	good := map[string]string{
		"Alt-Used": "a.example", "Cache-Control": "max-age=0", "Connection": "close", "Cookie": "a=b", "Dnt": "1", "From": "gptbot(at)openai.com",
		"Referer": "https://a.example/", "Sec-Gpc": "1", "Te": "trailers", "Traceparent": "00-0a-0b-01", "X-Openai-Host-Hash": "195393305",
		"X-Forwarded-For": "203.0.113.9, ::1", "X-Forwarded-Host": "a.example:8080", "X-Forwarded-Proto": "https",
		"Cf-Visitor": `{"scheme":"https"}`, "X-Forwarded-Port": "443",
	}
	for place, table := range map[string]map[string]header{"headers": rules.headers, "proxied": rules.proxied, "named": rules.named} {
		for name, row := range table {
			attempt := func(value string) change {
				return func(r *http.Request, f *Facts) {
					f.TrustedProxy = place != "headers"
					if value != "" {
						r.Header.Set(name, value)
					}
				}
			}
			if row.closes == "" || http.CanonicalHeaderKey(name) != name {
				t.Errorf("%s: the row is not complete", name)
			}
			if v := judge(&rules, attempt(good[name]), name); !v.Commit {
				t.Errorf("%s: %q is refused: %+v", name, good[name], v)
			}
			if r, _ := visit(); r.Header.Get(name) == "" && good[name] == "" {
				t.Errorf("%s: nothing shows that it may be there", name)
			}
			bare := rules
			switch place {
			case "headers":
				bare.headers = maps.Clone(rules.headers)
				delete(bare.headers, name)
				if v := judge(&bare, attempt(good[name]), name); v.Commit || v.Reason != NotClean {
					t.Errorf("%s: clean without its row: %+v", name, v)
				}
			default: // must come from a trusted proxy
				untrusted := func(r *http.Request, f *Facts) {
					attempt(good[name])(r, f)
					f.TrustedProxy = false
				}
				if v := judge(&rules, untrusted, name); v.Commit || v.Reason != NotClean {
					t.Errorf("%s: believed from anybody: %+v", name, v)
				}
			}
			if row.accept == nil {
				continue // has rows among the circumstances
			}
			bad := values[name]
			if bad == "" {
				bad = "<b>"
			}
			open := rules
			open.headers, open.proxied, open.named = maps.Clone(rules.headers), maps.Clone(rules.proxied), maps.Clone(rules.named)
			for _, table := range []map[string]header{open.headers, open.proxied, open.named} {
				if _, ok := table[name]; ok {
					table[name] = header{}
				}
			}
			if strings.HasPrefix(name, "Sec-Fetch-") && values[name] != "" {
				// another value is no navigation; Go and backends may read a second one
				if row.accept("iframe") || row.accept("document, iframe") {
					t.Errorf("%s: accepts another value", name)
				}
				continue
			}
			if name == "Upgrade-Insecure-Requests" {
				bad = "0"
			}
			if v := judge(&rules, attempt(bad), name); v.Commit || v.Reason != NotClean {
				t.Errorf("%s: %q is not refused: %+v", name, bad, v)
			}
			if v := judge(&open, attempt(bad), name); !v.Commit {
				t.Errorf("%s: %q is refused by another row: %+v", name, bad, v)
			}
		}
	}
	if rules.other.accept("<b>") || rules.other.closes == "" {
		t.Error("the row for other headers accepts markup")
	}
}
