package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A framework has its own way with sessions.
type framework struct {
	name    string
	options string
	session string                                     // its cookie
	answer  func(h http.Header, returning, first bool) // sets its headers

	anonymous, returning string // why such visitors have no early page; "" if they have
}

var frameworks = []framework{
	{
		name: "Django", session: "csrftoken",
		answer: func(h http.Header, _, first bool) {
			h.Set("Vary", "Cookie")
			if first {
				h.Set("Set-Cookie", "csrftoken=fresh; Path=/; SameSite=Lax")
			}
		},
		anonymous: "sets_cookie",
	},
	{
		name: "PHP without a cache limiter", session: "PHPSESSID",
		answer: func(h http.Header, _, first bool) {
			if first {
				h.Set("Set-Cookie", "PHPSESSID=fresh; path=/")
			}
		},
		anonymous: "sets_cookie",
	},
	{
		name: "PHP", session: "PHPSESSID",
		answer: func(h http.Header, _, first bool) {
			h.Set("Cache-Control", "no-store, no-cache, must-revalidate")
			h.Set("Pragma", "no-cache")
			if first {
				h.Set("Set-Cookie", "PHPSESSID=fresh; path=/")
			}
		},
		anonymous: "no_store", returning: "not_learned",
	},
	{
		name: "Laravel", session: "laravel_session", options: "learn_private",
		answer: func(h http.Header, _, _ bool) {
			h.Set("Cache-Control", "no-cache, private")
			h.Add("Set-Cookie", "XSRF-TOKEN=fresh; path=/; samesite=lax")
			h.Add("Set-Cookie", "laravel_session=fresh; path=/; httponly; samesite=lax")
		},
		anonymous: "sets_cookie", returning: "sets_cookie",
	},
	{
		name: "Rails", session: "_app_session", options: "learn_private",
		answer: func(h http.Header, returning, _ bool) {
			h.Set("Cache-Control", "max-age=0, private, must-revalidate")
			if returning {
				h.Set("Set-Cookie", "_app_session=fresh; path=/; HttpOnly; SameSite=Lax")
			}
		},
		returning: "sets_cookie",
	},
	{
		name: "Rails without learn_private", session: "_app_session",
		answer:    func(h http.Header, _, _ bool) { h.Set("Cache-Control", "max-age=0, private, must-revalidate") },
		anonymous: "private", returning: "not_learned",
	},
}

// serve answers as the framework does.
func (f framework) serve(w http.ResponseWriter, r *http.Request) {
	_, err := r.Cookie(f.session)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	f.answer(w.Header(), err == nil, err != nil)
	_, _ = w.Write([]byte(lessonPage))
}

// Those to whom a page sets cookies do not get it early, for the cookie would come
// late; all others do, once they have proved it. No cookie is ever replayed.
func TestFrameworks(t *testing.T) {
	for _, f := range frameworks {
		t.Run(f.name, func(t *testing.T) {
			l := keysSite(t, f.options)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				path := "/" + v.protocol
				l.serve(path, []testorigin.Step{testorigin.Serve(f.serve)})
				returning := with("Cookie", f.session+"=theirs")
				for range 2 * lessonVisits {
					l.visit(t, v, "site", path)
				}
				for range 2 * lessonVisits {
					l.visit(t, v, "site", path, returning)
				}
				for _, who := range []struct {
					name, reason string
					dress        lessonDress
				}{{"anonymous", f.anonymous, undressed}, {"returning", f.returning, returning}} {
					if who.reason != "" {
						x := l.plain(t, v, "site", path, lessonPage, who.reason, who.dress)
						if sets := strings.Contains(who.reason, "cookie"); sets && !strings.Contains(x.Header.Get("Set-Cookie"), "fresh") {
							t.Errorf("%s: the cookie is missing", who.name)
						}
						continue
					}
					if x := l.early(t, v, "site", path, who.dress); x.Header["Set-Cookie"] != nil {
						t.Errorf("%s: a cookie was replayed: %q", who.name, x.Header["Set-Cookie"])
					}
				}
			})
		})
	}
}
