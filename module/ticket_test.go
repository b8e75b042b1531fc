package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// ticketSites are two sites with the same backend; neither minds the Host.
func ticketSites(origin *testorigin.Origin) string {
	site := func(name string) string {
		return strings.Replace(reloadSite(name, "", "reverse_proxy "+origin.Addr()), host, "", 1)
	}
	return site("site") + site("other")
}

// A ticket works for the visit that it was made for, and for no other; those get
// what they would get without, and do not use it up.
func TestTicketIsForOneVisit(t *testing.T) {
	origin := startOrigin(t)
	s := &earlySite{startCaddy(t, ticketSites(origin)), origin, shell}
	eachProtocol(t, func(t *testing.T, v *visitor) {
		path := "/" + v.protocol
		s.teach(t, v, path, wholePage)
		for range teachers {
			s.visit(t, v, path, "Cookie", "x=y").rest(t)
		}
		for _, elsewhere := range []string{path + "/", strings.ToUpper(path)} {
			s.origin.Handle(elsewhere, htmlPage(secondAnswer)...)
		}
		marker := s.parked(t, v, path, htmlPage(flashPage, "Set-Cookie", "a=b"), "Cookie", "x=y")
		name, ticket, _ := strings.Cut(marker, "=")
		otherScheme := map[string]string{"h1": "h2", "h2": "h1", "h3": "h1"}[v.protocol]
		otherName := map[string]string{"h1": "headstart", "h2": "__Host-headstart"}[otherScheme]

		attempts := []struct {
			name, cookie string
			change       func(*http.Request)
			seen         string // the cookies that the backend sees
		}{
			{name: "no other cookie", cookie: marker},
			{name: "one cookie more", cookie: "x=y; z=1; " + marker, seen: "x=y; z=1"},
			{name: "another cookie", cookie: "x=z; " + marker, seen: "x=z"},
			{name: "another path", cookie: "x=y; " + marker, seen: "x=y", change: func(r *http.Request) { r.URL.Path += "/" }},
			{name: "the path in upper case", cookie: "x=y; " + marker, seen: "x=y", change: func(r *http.Request) { r.URL.Path = strings.ToUpper(r.URL.Path) }},
			{name: "a query", cookie: "x=y; " + marker, seen: "x=y", change: func(r *http.Request) { r.URL.RawQuery = "a=b" }},
			{name: "an empty query", cookie: "x=y; " + marker, seen: "x=y", change: func(r *http.Request) { r.URL.ForceQuery = true }},
			{name: "another host", cookie: "x=y; " + marker, seen: "x=y", change: func(r *http.Request) { r.Host = "b." + host }},
			{name: "another site", cookie: "x=y; " + marker, seen: "x=y", change: func(r *http.Request) {
				r.URL.Host = strings.TrimPrefix(strings.TrimPrefix(v.url(t, s.c, "other", ""), "https://"), "http://")
			}},
			{name: "POST", cookie: "x=y; " + marker, seen: "x=y", change: func(r *http.Request) { r.Method = http.MethodPost }},
			{name: "an image", cookie: "x=y; " + marker, seen: "x=y", change: func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Dest", "image")
				r.Header.Set("Sec-Fetch-Mode", "no-cors")
			}},
			{name: "a crawler", cookie: "x=z; " + marker, seen: "x=z", change: func(r *http.Request) { r.Header.Set("User-Agent", "Googlebot") }},
			{name: "a hard reload", cookie: "x=y; " + marker, seen: "x=y", change: func(r *http.Request) { r.Header.Set("Cache-Control", "no-cache") }},
			{name: "no ticket", cookie: "x=y; " + name + "=reload.none", seen: "x=y"},
			{name: "an unknown ticket", cookie: "x=y; " + name + "=reload." + strings.Repeat("A", 26), seen: "x=y"},
			{name: "a long one", cookie: "x=y; " + name + "=reload." + strings.Repeat("A", 65), seen: "x=y"},
			{name: "a very long one", cookie: "x=y; " + name + "=reload." + strings.Repeat("A", 4000), seen: "x=y"},
			{name: "malformed", cookie: "x=y; " + marker + "!", seen: "x=y"},
			{name: "in lower case", cookie: "x=y; " + name + "=" + strings.ToLower(ticket), seen: "x=y"},
			{name: "an unknown one behind it", cookie: "x=y; " + marker + "; " + name + "=reload." + strings.Repeat("A", 26), seen: "x=y"},
			// These are cookies of the site's own.
			{name: "another value", cookie: "x=y; " + name + "=dark-mode", seen: "x=y; " + name + "=dark-mode"},
			{name: "a value that begins alike", cookie: "x=y; " + name + "=reload", seen: "x=y; " + name + "=reload"},
			{name: "empty", cookie: "x=y; " + name + "=", seen: "x=y; " + name + "="},
			{name: "another name", cookie: "x=y; my" + marker, seen: "x=y; my" + marker},
			{name: "the name of the other scheme", cookie: "x=y; " + otherName + "=" + ticket, seen: map[bool]string{
				true: "x=y", false: "x=y; " + otherName + "=" + ticket,
			}[otherName == name]},
		}
		if otherName != name {
			attempts = append(attempts, attempts[0])
			attempts[len(attempts)-1].name = "another scheme"
		}
		drain(t, origin)
		for _, a := range attempts {
			t.Run(a.name, func(t *testing.T) {
				who := v
				if a.name == "another scheme" {
					who = newVisitor(t, otherScheme)
					a.cookie, a.seen = "x=y; "+otherName+"="+ticket, "x=y"
				}
				req := navigate(t, who.url(t, s.c, "site", path))
				req.Header.Set("Cookie", a.cookie)
				if a.change != nil {
					a.change(req)
				}
				r := who.send(t, req)
				body, end := r.rest(t)
				if body != secondAnswer || end != cleanEnd || r.Header.Get("Set-Cookie") != "" {
					t.Errorf("%d, %s, %q", r.Status, end, body)
				}
				seen := drain(t, origin)
				if len(seen) != 1 {
					t.Fatalf("the backend was asked %d times", len(seen))
				}
				if got := strings.Join(seen[0].Header["Cookie"], "; "); got != a.seen {
					t.Errorf("the backend sees the cookies %q, want %q", got, a.seen)
				}
			})
		}

		r := s.visit(t, v, path, "Cookie", "x=y; "+marker)
		if body, end := r.rest(t); body != flashPage || end != cleanEnd || r.Header.Get("Set-Cookie") != "a=b" {
			t.Errorf("the right one: %s, %q, %v", end, body, r.Header)
		}
		if n := len(drain(t, origin)); n != 0 {
			t.Errorf("the backend was asked %d times more", n)
		}
	})
}

// Nothing is parked for those who could not collect it: the backend's request
// ends, and the retry gets the truth.
func TestNotParked(t *testing.T) {
	eachLevel(t, func(t *testing.T, at level) {
		bot := []string{"User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1)"}
		tests := []struct {
			name, outer string
			dress       []string
			policy      []string
			markup      string
		}{
			{name: "crawler", dress: bot},
			{
				name: "no permission for scripts", outer: "header {\nContent-Security-Policy \"default-src 'self'\"\ndefer\n}",
				markup: `<meta http-equiv="refresh" content="0;url=/">`,
			},
			{
				name: "no permission, and a policy that gives it", outer: "header {\nContent-Security-Policy \"sandbox\"\ndefer\n}",
				policy: []string{"Content-Security-Policy", "script-src 'unsafe-inline'"}, markup: `<meta http-equiv="refresh" content="0;url=/">`,
			},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				for _, protocol := range protocols { // the first commit of a handler may be its last
					s := startEarly(t, at, test.outer)
					v := newVisitor(t, protocol)
					s.origin.Handle("/", htmlPage(wholePage, test.policy...)...)
					for range teachers {
						s.visit(t, v, "/", test.dress...).rest(t)
					}
					drain(t, s.origin)
					r, gate := s.early(t, v, "/", append(answers200("Set-Cookie", "a=b"), testorigin.Hang()), test.dress...)
					gate.Open()
					if test.markup != "" {
						r.readUntil(t, test.markup)
						r.resp.Body.Close()
					}
					body, end := r.rest(t)
					if late := at.late(t, body); late != test.markup || test.markup == "" && !end.aborted() {
						t.Errorf("%s: %s, %q", protocol, end, late)
					}
					if n := len(drain(t, s.origin)); n != 1 { // which waits for the end of Hang
						t.Errorf("%s: the backend was asked %d times", protocol, n)
					}
				}
			})
		}
	})
}

// A configuration that goes takes what is parked along, and leaves nothing
// running, also if the backend is still at it.
func TestStopWhileParked(t *testing.T) {
	stop := func(t *testing.T, answer []testorigin.Step) {
		origin := startOrigin(t)
		s := &earlySite{startCaddy(t, reloadSite("site", "", "reverse_proxy "+origin.Addr())), origin, shell}
		for _, protocol := range protocols {
			v := newVisitor(t, protocol)
			path := "/" + protocol
			s.teach(t, v, path, wholePage)
			s.parked(t, v, path, answer)
			v.transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		}
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
		drain(t, origin) // without waiting until a ticket expires
	}
	run := func(name string, answer []testorigin.Step) {
		t.Run(name, func(t *testing.T) { stop(t, answer) })
	}
	run("what Caddy starts once and for all", answers200("Set-Cookie", "a=b"))
	before := goleak.IgnoreCurrent()
	run("complete", answers200("Set-Cookie", "a=b"))
	run("streaming", append(answers200("Set-Cookie", "a=b"), testorigin.Hang()))
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// The reload may come under the next configuration: it collects, or is a plain GET
// if that has no Headstart or leads there in another way.
func TestReloadAfterReload(t *testing.T) {
	origin := startOrigin(t)
	proxy := "reverse_proxy " + origin.Addr()
	same := reloadSite("site", "", proxy)
	tests := []struct{ name, after, reason string }{
		{"the same", same + "\nhttp://:<more> {\nrespond more\n}\n", "collected"},
		{"another way", reloadSite("site", "@a header User-Agent *Outsider*\nrespond @a 403", proxy), "marked"},
		{"without Headstart", "\nhttp://:<site>, https://example.test:<site_tls> {\nlog\n" + proxy + "\n}\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := startLesson(t, origin, same)
			s := &earlySite{l.caddyServer, origin, shell}
			markers := make(map[string]string)
			for _, protocol := range protocols {
				v := newVisitor(t, protocol)
				path := "/" + protocol
				s.teach(t, v, path, wholePage)
				drain(t, origin)
				r, gate := s.early(t, v, path, htmlPage(flashPage, "Set-Cookie", "a=b"))
				s.origin.Handle(path, htmlPage(secondAnswer)...)
				gate.Open()
				markers[path] = r.marker(t)
				s.logged(t, teachers+1, path)
			}
			l.reload(t, test.after)
			for _, protocol := range protocols {
				path := "/" + protocol
				r := s.visit(t, newVisitor(t, protocol), path, "Cookie", markers[path])
				want := secondAnswer
				if test.reason == "collected" {
					want = flashPage
				}
				if body, end := r.rest(t); body != want || end != cleanEnd {
					t.Errorf("%s: %s, %q, want %q", protocol, end, body, want)
				}
				reason := s.logged(t, teachers+2, path).field("headstart", "reason")
				if reason == nil {
					reason = ""
				}
				if reason != test.reason {
					t.Errorf("%s: reason %v, want %q", protocol, reason, test.reason)
				}
			}
		})
	}
}

// What inner handlers do to the request does not change whose response it is.
func TestTicketInFrontOfInnerHandlers(t *testing.T) {
	origin := startOrigin(t)
	s := &earlySite{startCaddy(t, `
http://:<site> {
	log
	route {
		headstart {
			min_wait 0
		}
		request_header -Cookie
		reverse_proxy `+origin.Addr()+`
	}
}
`), origin, shell}
	v := newVisitor(t, "h1")
	s.origin.Handle("/", htmlPage(wholePage)...)
	for range teachers {
		s.visit(t, v, "/", "Cookie", "a=b").rest(t)
	}
	for range teachers {
		s.visit(t, v, "/").rest(t)
	}
	for range teachers {
		s.visit(t, v, "/", "Cookie", "a=b").rest(t)
	}
	marker := s.parked(t, v, "/", answers200("Set-Cookie", "c=d"), "Cookie", "a=b")
	r := s.visit(t, v, "/", "Cookie", "a=b; "+marker)
	if body, _ := r.rest(t); body != wholePage || r.Header.Get("Set-Cookie") != "c=d" {
		t.Errorf("the reload gets %q, %v", body, r.Header)
	}
}
