package module_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// reloadSite is a site of that name with Headstart; more directives may go
// before and behind it.
func reloadSite(name, before, behind string) string {
	return fmt.Sprintf(`
http://:<%[1]s>, https://example.test:<%[1]s_tls> {
	log
	%[2]s
	headstart {
		min_wait 0
	}
	%[3]s
}
`, name, before, behind)
}

// TestOpeningsSurviveReload checks that a page still comes early after a reload
// that leaves the way to the handler as it was.
func TestOpeningsSurviveReload(t *testing.T) {
	origin := startOrigin(t)
	proxy := "reverse_proxy " + origin.Addr()
	other := func(directives string) string { return "\nhttp://:<other> {\n" + directives + "\n}\n" }
	const guarded = `@outsider header User-Agent *Outsider*
	respond @outsider 403`
	before := reloadSite("site", guarded+"\nheader X-Version 1", proxy) + other("header X-Version 1\nrespond ok")
	reloads := []struct{ name, caddyfile string }{
		{"nothing", before},
		{"a header of another site", reloadSite("site", guarded+"\nheader X-Version 1", proxy) + other("header X-Version 2\nrespond ok")},
		{"another header in another site", reloadSite("site", guarded+"\nheader X-Version 1", proxy) + other("header X-Version 1\nheader X-More 1\nrespond ok")},
		{"a header of the site", reloadSite("site", guarded+"\nheader X-Version 2", proxy) + other("respond ok")},
		{"the backend's settings", reloadSite("site", guarded+"\nheader X-Version 1", proxy+" {\nflush_interval 1s\n}") + other("respond ok")},
		{"a header directive more", reloadSite("site", guarded+"\nheader X-Version 1\nheader /x X-More 1", proxy) + other("respond ok")},
		{"another site on the same port", reloadSite("site", guarded+"\nheader X-Version 1", proxy) +
			"\nhttp://a-longer-name.example.test:<site>, https://a-longer-name.example.test:<site_tls> {\nrespond ok\n}\n" + other("respond ok")},
		{"a directive behind", reloadSite("site", guarded+"\nheader X-Version 1", proxy+"\nfile_server") + other("respond ok")},
	}
	for _, tc := range reloads {
		t.Run(tc.name, func(t *testing.T) {
			l := startLesson(t, origin, before)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				l.teach(t, v, "site", "/"+v.protocol)
			})
			l.reload(t, tc.caddyfile)
			eachProtocol(t, func(t *testing.T, v *visitor) {
				l.early(t, v, "site", "/"+v.protocol)
			})
		})
	}
}

// TestOtherWayAfterReload checks that after a reload that changes the way to a
// handler nobody gets what was learned on the way as it was.
func TestOtherWayAfterReload(t *testing.T) {
	const (
		elsePage = "<!doctype html><title>Another page</title>"
		agent    = "@second header User-Agent *Second*\n"
		handle   = "handle {\nheadstart {\nmin_wait 0\n}\nAPP\n}\n"
	)
	tests := []struct {
		name          string
		before, after string
	}{
		{
			"a handle block is put in front",
			handle, agent + "handle @second {\nheadstart {\nmin_wait 0\n}\nOTHER\n}\n" + handle,
		},
		{
			"a handle block is put in front, and keeps the backend to itself",
			handle, "@first header User-Agent *First*\nhandle @first {\nheadstart {\nmin_wait 0\n}\nAPP\n}\n" + strings.ReplaceAll(handle, "APP", "OTHER"),
		},
		{
			"blocks trade places",
			agent + "@first not header User-Agent *Second*\nhandle @first {\nheadstart {\nmin_wait 0\n}\nAPP\n}\nhandle @second {\nheadstart {\nmin_wait 0\n}\nOTHER\n}\n",
			agent + "@first not header User-Agent *Second*\nhandle @second {\nheadstart {\nmin_wait 0\n}\nOTHER\n}\nhandle @first {\nheadstart {\nmin_wait 0\n}\nAPP\n}\n",
		},
		{
			"a matcher lets others in",
			"@who header User-Agent *First*\nhandle @who {\nheadstart {\nmin_wait 0\n}\nAPP\n}\n",
			"@who header User-Agent *Second*\nhandle @who {\nheadstart {\nmin_wait 0\n}\nOTHER\n}\n",
		},
		{
			"a matcher in a not matcher lets others in",
			"@who not header User-Agent *Second*\nhandle @who {\nheadstart {\nmin_wait 0\n}\nAPP\n}\n",
			"@who not header User-Agent *First*\nhandle @who {\nheadstart {\nmin_wait 0\n}\nOTHER\n}\n",
		},
		{
			"an expression lets others in",
			"@who `header({'User-Agent': '*First*'})`\nhandle @who {\nheadstart {\nmin_wait 0\n}\nAPP\n}\n",
			"@who `header({'User-Agent': '*Second*'})`\nhandle @who {\nheadstart {\nmin_wait 0\n}\nOTHER\n}\n",
		},
		{
			"the matcher of a block outside lets others in",
			"@who header User-Agent *First*\nhandle @who {\nroute {\nheadstart {\nmin_wait 0\n}\nAPP\n}\n}\n",
			"@who header User-Agent *Second*\nhandle @who {\nroute {\nheadstart {\nmin_wait 0\n}\nOTHER\n}\n}\n",
		},
		{
			"a guard goes",
			agent + "respond @second 403\n" + handle, strings.ReplaceAll(handle, "APP", "OTHER"),
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			origin, other := startOrigin(t), startOrigin(t)
			other.Handle("*", lessonHTML(elsePage)...)
			site := func(directives string) string {
				return "\nhttp://:<site> {\nlog\nroute {\n" + strings.NewReplacer(
					"APP", "reverse_proxy "+origin.Addr(),
					"OTHER", "reverse_proxy "+other.Addr(),
				).Replace(directives) + "\n}\n}\n"
			}
			l := startLesson(t, origin, site(tc.before))
			l.teach(t, newVisitor(t, "h1"), "site", "/", lessonClass(with("User-Agent", "Mozilla/5.0 (First)"))...)
			l.reload(t, site(tc.after))
			l.plain(t, newVisitor(t, "h1"), "site", "/", elsePage, "not_learned", with("User-Agent", "Mozilla/5.0 (Second)"))
		})
	}
}

// TestSitesDoNotInherit checks that a site that takes the place of another in
// the configuration does not take over its openings, although Caddy calls its
// server by the same name: it numbers servers by the order of their addresses.
func TestSitesDoNotInherit(t *testing.T) {
	const elsePage = "<!doctype html><title>Another page</title>"
	origin, other := startOrigin(t), startOrigin(t)
	other.Handle("*", lessonHTML(elsePage)...)
	site := func(name string, backend *testorigin.Origin) string {
		return reloadSite(name, "", "reverse_proxy "+backend.Addr())
	}
	l := startLesson(t, origin, "http://:<one> {\n}\nhttp://:<two> {\n}\nhttp://:<three> {\n}\n")
	// The metrics have a server, too. Two of the three are on the same side of it.
	side := func(name string) bool { return l.addr(t, name) < l.addr(t, "metrics") }
	first, second := "one", "two"
	if side(first) != side(second) {
		second = "three"
	}
	if side(first) != side(second) {
		first = "two"
	}

	l.reload(t, site(first, origin))
	l.teach(t, newVisitor(t, "h1"), first, "/")
	l.reload(t, site(second, other))
	l.plain(t, newVisitor(t, "h1"), second, "/", elsePage, "not_learned")
}

// TestOptionsAfterReload checks that an option that allows less holds from the
// first request on, also for what was learned before.
func TestOptionsAfterReload(t *testing.T) {
	tests := []struct {
		name, before, after string
		reason              string // any if empty
		header              []string
	}{
		{name: "flush", after: "flush hints", reason: "hints_only"},
		{name: "stop_at", after: "stop_at main", reason: "not_learned"},
		{name: "max_opening", after: "max_opening 2KiB", reason: "not_learned"},
		{name: "learn_after", before: "learn_after 3", after: "learn_after 5", reason: "not_learned"},
		{name: "min_wait", after: "min_wait 1h", reason: "fast_backend"},
		{name: "learn_private", before: "learn_private", header: []string{"Cache-Control", "private"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			origin := startOrigin(t)
			site := func(option string) string {
				if !strings.Contains(option, "min_wait") {
					option += "\nmin_wait 0"
				}
				return "\nhttp://:<site> {\nlog\nheadstart {\n" + option + "\n}\nreverse_proxy " + origin.Addr() + "\n}\n"
			}
			l := startLesson(t, origin, site(tc.before))
			v := newVisitor(t, "h1")
			l.serve("/", lessonHTML(lessonPage, tc.header...))
			for range lessonVisits {
				l.visit(t, v, "site", "/")
			}
			l.early(t, v, "site", "/")
			l.reload(t, site(tc.after))
			l.plain(t, newVisitor(t, "h1"), "site", "/", lessonPage, tc.reason)
		})
	}
}

// TestOpeningsGoWithTheLastHandler checks that nothing is kept for a
// configuration that does not use it.
func TestOpeningsGoWithTheLastHandler(t *testing.T) {
	origin := startOrigin(t)
	site := reloadSite("site", "", "reverse_proxy "+origin.Addr())
	bare := "\nhttp://:<site> {\nlog\nreverse_proxy " + origin.Addr() + "\n}\n"
	l := startLesson(t, origin, site)
	l.teach(t, newVisitor(t, "h1"), "site", "/")
	if m := l.metrics(t); m["caddy_headstart_openings"] != 1 || m["caddy_headstart_opening_bytes"] < float64(len(lessonHead)) {
		t.Errorf("%v openings in %v bytes", m["caddy_headstart_openings"], m["caddy_headstart_opening_bytes"])
	}

	// While another site uses some, all are kept.
	l.reload(t, bare+reloadSite("other", "", "reverse_proxy "+origin.Addr()))
	if n := l.metrics(t)["caddy_headstart_openings"]; n != 1 {
		t.Errorf("%v openings", n)
	}
	l.reload(t, site)
	l.early(t, newVisitor(t, "h1"), "site", "/")

	l.reload(t, bare)
	for series := range l.metrics(t) {
		if strings.HasPrefix(series, "caddy_headstart_") {
			t.Errorf("without Headstart there is %s", series)
		}
	}
	l.reload(t, site)
	if n := l.metrics(t)["caddy_headstart_openings"]; n != 0 {
		t.Errorf("%v openings are left", n)
	}
	l.plain(t, newVisitor(t, "h1"), "site", "/", lessonPage, "not_learned")
}

// TestReloadUnderLoad checks that no request fails while configurations come and
// go, and that pages still come early.
func TestReloadUnderLoad(t *testing.T) {
	const (
		readers = 4
		pages   = 40 // per reader
		reloads = 4
	)
	origin := startOrigin(t)
	site := func(version int) string {
		return reloadSite("site", fmt.Sprintf("header X-Version %d\nencode gzip", version), "reverse_proxy "+origin.Addr())
	}
	for _, protocol := range []string{"h1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			l := startLesson(t, origin, site(0))
			l.teach(t, newVisitor(t, protocol), "site", "/")
			results := make(chan error, readers*pages)
			halfway := make(chan struct{}, readers)
			for range readers {
				v := newVisitor(t, protocol)
				url := v.url(t, l.caddyServer, "site", "/")
				go func() {
					for i := range pages {
						if i == pages/2 {
							halfway <- struct{}{}
						}
						results <- reloadRead(t, v, url)
					}
				}()
			}
			for i := range reloads {
				if i == reloads/2 {
					await(t, "readers at work", halfway)
				}
				l.reload(t, site(i+1))
			}
			for range readers * pages {
				if err := await(t, "a page", results); err != nil {
					t.Error(err)
				}
			}
			for _, e := range l.logs.access(t, l.seen["/"]+readers*pages, "/")[lessonVisits:] {
				if level, outcome := e.field("headstart", "level"), e.field("headstart", "outcome"); level != "shell" || outcome != "exact" {
					t.Errorf("level %v, outcome %v", level, outcome)
				}
			}
			r, gate := l.held(t, newVisitor(t, protocol), "site", "/")
			gate.Open()
			if text, end := r.rest(t); !strings.HasSuffix(text, lessonTail) || end != cleanEnd {
				t.Errorf("%s, %q", end, text)
			}
		})
	}
}

// reloadRead loads the page of a lesson, and checks that it is whole. Caddy opens
// a new socket for each configuration, and the kernel resets the connections
// that still wait to be accepted at the old one; so whoever gets no response at
// all may try again.
func reloadRead(t *testing.T, v *visitor, url string) error {
	var (
		resp *http.Response
		err  error
	)
	for range 10 {
		if resp, err = v.transport.RoundTrip(navigate(t, url)); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := decoder(resp.Body, resp.Header.Get("Content-Encoding"))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(text)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !strings.HasSuffix(string(body), lessonTail) {
		return fmt.Errorf("status %d, %q", resp.StatusCode, body)
	}
	return nil
}

// TestReloadDuringResponse checks that a response that came early under one
// configuration ends well under the next, even one without Headstart.
func TestReloadDuringResponse(t *testing.T) {
	origin := startOrigin(t)
	proxy := "reverse_proxy " + origin.Addr()
	for _, protocol := range []string{"h1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			l := startLesson(t, origin, reloadSite("site", "", proxy))
			v := newVisitor(t, protocol)
			l.teach(t, v, "site", "/")
			r, gate := l.held(t, v, "site", "/")
			reloaded := make(chan error, 1)
			go func() {
				reloaded <- l.load(t, "\nhttp://:<site>, https://example.test:<site_tls> {\nlog\nrespond /new new\n"+proxy+"\n}\n")
			}()
			l.awaitNew(t, protocol)
			r.stillOpen(t)
			gate.Open()
			l.whole(t, "/", r)
			if err := await(t, "the end of the reload", reloaded); err != nil {
				t.Error(err)
			}
			if x := l.visit(t, newVisitor(t, protocol), "site", "/"); x.body != lessonPage || x.log.field("headstart") != nil {
				t.Errorf("without Headstart: %q, %v", x.body, x.log.field("headstart"))
			}
		})
	}
}

// awaitNew returns when the site answers at /new, by new connections.
func (l *lesson) awaitNew(t *testing.T, protocol string) {
	t.Helper()
	ctx := bounded(t)
	for ctx.Err() == nil {
		v := newVisitor(t, protocol)
		r := v.send(t, newRequest(t, http.MethodGet, v.url(t, l.caddyServer, "site", "/new"), nil))
		if text, _ := r.rest(t); text == "new" {
			return
		}
	}
	t.Fatal("the new configuration does not come")
}
