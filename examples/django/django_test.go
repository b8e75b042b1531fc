package django

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	// The handler runs in the Caddy that run.sh builds. Named here, a change
	// of it makes a cached result of this test stale.
	_ "github.com/headstart-proxy/headstart"
)

const stylesheetLink = `<link rel="stylesheet" href="/static/planet.css">`

// server is a Python server and the two Caddy sites in front of it.
type server struct {
	name                     string
	django, plain, headstart string // addresses
}

func TestDjango(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, THE DJANGO EXAMPLE WAS NOT TESTED: -short is set")
	}
	markSources(t)
	g := newGate(t)
	p := start(t, g.server.URL)
	servers := []server{
		{"wsgi", p.url("WSGI_PORT"), p.url("PLAIN_WSGI_PORT"), p.url("HEADSTART_WSGI_PORT")},
		{"asgi", p.url("ASGI_PORT"), p.url("PLAIN_ASGI_PORT"), p.url("HEADSTART_ASGI_PORT")},
	}
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			sites := []struct{ name, address string }{
				{"django", s.django}, {"plain", s.plain}, {"headstart", s.headstart},
			}
			for _, site := range sites {
				t.Run(site.name, func(t *testing.T) {
					t.Run("pages", func(t *testing.T) { testPages(t, site.address) })
					t.Run("login", func(t *testing.T) { testLogin(t, site.address) })
					t.Run("streamed", func(t *testing.T) { testStreamed(t, g, site.address) })
				})
			}
			t.Run("django/cacheable", func(t *testing.T) { testCacheable(t, s.django) })
			t.Run("headstart/same page", func(t *testing.T) { testSamePage(t, s) })
			t.Run("headstart/early shell", func(t *testing.T) { testEarlyShell(t, g, s) })
		})
	}
	t.Run("https", func(t *testing.T) { testHTTPS(t, fmt.Sprintf("https://localhost:%d", p.ports["HTTPS_PORT"])) })
	t.Run("hints", func(t *testing.T) { testHints(t, g, p) })
	t.Run("browser", func(t *testing.T) { testBrowser(t, g, p) })
	t.Run("stop", func(t *testing.T) { testStop(t, p) })
}

// testPages visits every kind of page.
func testPages(t *testing.T, address string) {
	tests := []struct {
		path   string
		status int
		holds  []string
	}{
		{"/", 200, []string{
			stylesheetLink,
			"<title>Latest entries – Django Planet</title>",
			`<link rel="canonical" href="` + address + `/">`,
			`<a href="/login/">Log in</a>`,
		}},
		{"/feeds/low-orbit/", 200, []string{
			"<title>Low Orbit – Django Planet</title>",
			`<link rel="canonical" href="` + address + `/feeds/low-orbit/">`,
			"What 7×50 can show you",
		}},
		{"/entries/first-frost/", 200, []string{
			"<title>First frost – Django Planet</title>",
			`<meta property="og:type" content="article">`,
			"Zoë Marsh",
		}},
		{"/entries/no-such-entry/", 404, []string{"There is no page /entries/no-such-entry/ here."}},
		{"/no-such-page", 404, []string{"<title>Not found – Django Planet</title>"}},
	}
	for _, test := range tests {
		got := newVisitor(t, true).get(t, address+test.path)
		if got.status != test.status {
			t.Errorf("%s: status %d, want %d", test.path, got.status, test.status)
		}
		for _, want := range test.holds {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: %q is not in the page", test.path, want)
			}
		}
		if cookie := got.header.Values("Set-Cookie"); len(cookie) > 0 {
			t.Errorf("%s: an anonymous visitor got the cookie %q", test.path, cookie)
		}
		if test.path == "/" && strings.Count(got.body, "<article") < 60 {
			t.Errorf("the index has %d entries, want 60 or more", strings.Count(got.body, "<article"))
		}
	}
	css := newVisitor(t, true).get(t, address+"/static/planet.css")
	if len(css.body) < 80_000 || !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") {
		t.Errorf("stylesheet: %d bytes of %q", len(css.body), css.header.Get("Content-Type"))
	}
	for _, name := range []string{"theme.js", "reader.js", "icon.svg"} {
		if got := newVisitor(t, true).get(t, address+"/static/"+name); got.status != 200 {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
}

// testCacheable proves that nothing in Django's header keeps a page from being
// learned.
func testCacheable(t *testing.T, address string) {
	for _, path := range []string{"/", "/streamed/", "/feeds/mended/", "/entries/first-frost/"} {
		got := newVisitor(t, false).get(t, address+path)
		if control := got.header.Get("Cache-Control"); control != "" {
			t.Errorf("%s: Cache-Control: %s; want none", path, control)
		}
		if got.header.Get("Vary") != "Cookie" {
			t.Errorf("%s: Vary: %q; want Cookie, for the name in the masthead", path, got.header.Values("Vary"))
		}
	}
}

var tokenField = regexp.MustCompile(`name="csrfmiddlewaretoken" value="(\w+)"`)

// testLogin logs in and out again.
func testLogin(t *testing.T, address string) {
	v := newVisitor(t, true)
	form := url.Values{"name": {"Zoë & Co"}, "password": {"planet"}}
	if got := v.post(t, address+"/login/", form); got.status != http.StatusForbidden {
		t.Fatalf("login without a CSRF token: status %d, want 403", got.status)
	}
	setToken(t, v, address+"/login/", form)
	form.Set("password", "wrong")
	if got := v.post(t, address+"/login/", form); got.status != 200 || !strings.Contains(got.body, "errorlist") {
		t.Fatalf("login with a wrong password: status %d, want 200 and an error", got.status)
	}
	form.Set("password", "planet")
	if got := v.post(t, address+"/login/", form); got.status != http.StatusFound || got.header.Get("Location") != "/" {
		t.Fatalf("login: status %d, Location %q; want 302 to /", got.status, got.header.Get("Location"))
	}

	const hello = "<span>Hello, Zoë &amp; Co</span>"
	for _, path := range []string{"/", "/streamed/", "/feeds/mended/", "/no-such-page"} {
		got := v.get(t, address+path)
		if !strings.Contains(got.body, hello) {
			t.Errorf("%s: %q is not in the page", path, hello)
		}
		if cookie := got.header.Values("Set-Cookie"); len(cookie) > 0 {
			t.Errorf("%s: a logged-in visitor got the cookie %q", path, cookie)
		}
		if got := newVisitor(t, true).get(t, address+path); strings.Contains(got.body, "Hello") {
			t.Errorf("%s: someone else is greeted, too", path)
		}
	}

	setToken(t, v, address+"/logout/", form)
	v.post(t, address+"/logout/", form)
	if got := v.get(t, address+"/"); strings.Contains(got.body, "Hello") {
		t.Error("still logged in after the logout")
	}
}

// setToken copies the CSRF token of a page into the form.
func setToken(t *testing.T, v *visitor, target string, form url.Values) {
	t.Helper()
	got := v.get(t, target)
	match := tokenField.FindStringSubmatch(got.body)
	if match == nil {
		t.Fatalf("%s: no CSRF token", target)
	}
	form.Set("csrfmiddlewaretoken", match[1])
}

// testStreamed proves for the index cut by hand that its head comes before the
// database has answered, also to a second visitor while the first one waits.
func testStreamed(t *testing.T, g *gate, address string) {
	for _, gzip := range []bool{false, true} {
		want := newVisitor(t, gzip).get(t, address+"/")
		ctx, cancel := context.WithTimeout(t.Context(), visitLimit)
		defer cancel()

		open := g.hold(t)
		var heads []string
		var bodies []*bufio.Reader
		for range 2 {
			resp := newVisitor(t, gzip).open(ctx, t, address+"/streamed/", "")
			body := bufio.NewReader(resp.Body)
			heads = append(heads, readUntil(t, body, "</head>"))
			bodies = append(bodies, body)
			g.awaitQuery(ctx, t)
			if !strings.Contains(heads[0], stylesheetLink) {
				t.Errorf("the head %q does not link the stylesheet", heads[0])
			}
		}
		open()
		for i, body := range bodies {
			got := heads[i] + readRest(t, body)
			if diff := cmp.Diff(unpad(want.body), unpad(got)); diff != "" {
				t.Errorf("gzip %v: visitor %d got another page than / (-want +got):\n%s", gzip, i+1, diff)
			}
		}
	}
}

// testSamePage compares what Headstart and Django send, before and after it has
// learned the page.
func testSamePage(t *testing.T, s server) {
	host := strings.TrimPrefix(s.headstart, "http://")
	for _, path := range []string{"/", "/feeds/mended/", "/entries/rye-without-tears/", "/no-such-page"} {
		want := newVisitor(t, false).getAs(t, s.django+path, host)
		for visit := range 6 {
			got := newVisitor(t, visit%2 == 0).get(t, s.headstart+path)
			if got.status != want.status {
				t.Errorf("%s, visit %d: status %d, want %d", path, visit+1, got.status, want.status)
			}
			if diff := cmp.Diff(want.body, unpad(got.body)); diff != "" {
				t.Errorf("%s, visit %d: not Django's page (-want +got):\n%s", path, visit+1, diff)
			}
			if typ := got.header.Get("Content-Type"); typ != want.header.Get("Content-Type") {
				t.Errorf("%s, visit %d: Content-Type %q", path, visit+1, typ)
			}
		}
	}
}

// testEarlyShell proves that Headstart sends a page that it has learned, with its
// entries and sidebar, before the database has answered, and that Django's page comes
// of it.
func testEarlyShell(t *testing.T, g *gate, s server) {
	host := strings.TrimPrefix(s.headstart, "http://")
	want := newVisitor(t, false).getAs(t, s.django+"/", host)
	for _, coding := range []string{"identity", "gzip"} {
		t.Run(coding, func(t *testing.T) {
			for range 3 {
				newVisitor(t, false).get(t, s.headstart+"/")
			}
			ctx, cancel := context.WithTimeout(t.Context(), visitLimit)
			defer cancel()

			open := g.hold(t)
			resp := newVisitor(t, coding == "gzip").open(ctx, t, s.headstart+"/", "")
			if resp.StatusCode != http.StatusOK {
				t.Errorf("early status %d, want 200", resp.StatusCode)
			}
			body := bufio.NewReader(resp.Body)
			got := readUntil(t, body, "</aside>")
			g.awaitQuery(ctx, t) // the first of three, which waits while this was read
			open()
			got += readRest(t, body)
			if diff := cmp.Diff(want.body, unpad(got)); diff != "" {
				t.Errorf("not Django's page (-want +got):\n%s", diff)
			}
		})
	}
}

// testHTTPS visits the site that speaks HTTP/2.
func testHTTPS(t *testing.T, address string) {
	v := newVisitor(t, true)
	ctx, cancel := context.WithTimeout(t.Context(), visitLimit)
	defer cancel()
	resp := v.open(ctx, t, address+"/", "")
	if resp.ProtoMajor != 2 {
		t.Errorf("protocol %s, want HTTP/2", resp.Proto)
	}
	canonical := `<link rel="canonical" href="` + address + `/">`
	if got := read(t, resp); got.status != http.StatusOK || !strings.Contains(got.body, canonical) {
		t.Errorf("status %d, want 200 and a page with %s", got.status, canonical)
	}
}

// testStop ends run.sh and looks for what it may have left behind.
func testStop(t *testing.T, p *planet) {
	p.stop(t)
	if code := p.cmd.ProcessState.ExitCode(); code != 128+15 {
		t.Errorf("run.sh ended with status %d, want 143 after SIGTERM", code)
	}
	for name, port := range p.ports {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
			t.Errorf("%s: still open after the end of run.sh", name)
		}
	}
	left, err := os.ReadDir(p.temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("run.sh left %s in TMPDIR", entry.Name())
	}
}
