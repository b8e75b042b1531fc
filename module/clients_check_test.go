package module_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// TestVisitorsSeeTheTruth checks the tools of the other tests against a Caddy
// without Headstart: what goes wrong must be seen, with every protocol.
func TestVisitorsSeeTheTruth(t *testing.T) {
	origin := startOrigin(t)
	c := startCaddy(t, `
http://:<site>, https://example.test:<site_tls> {
	log
	encode zstd gzip
	reverse_proxy `+origin.Addr()+`
}
`)
	page := testorigin.Write("<p>" + strings.Repeat("page ", 300))

	eachProtocol(t, func(t *testing.T, v *visitor) {
		t.Run("clean end, in parts, decoded", func(t *testing.T) {
			for _, coding := range []string{"", "gzip", "zstd"} {
				gate := testorigin.NewGate()
				origin.Handle("/parts", testorigin.Header(200, "Content-Type", "text/html"), page,
					testorigin.Wait(gate), testorigin.Write("end"))
				req := newRequest(t, http.MethodGet, v.url(t, c, "site", "/parts"), nil)
				if coding != "" {
					req.Header.Set("Accept-Encoding", coding)
				}
				r := v.send(t, req)
				r.readUntil(t, "page page")
				await(t, "the gate", gate.Arrived())
				r.stillOpen(t)
				gate.Open()
				if text, end := r.rest(t); end != cleanEnd || !strings.HasSuffix(text, "page end") {
					t.Errorf("%q ended with %s: %q", coding, end, text)
				}
				if got := r.Header.Get("Content-Encoding"); got != coding {
					t.Errorf("coding %q, want %q", got, coding)
				}
			}
		})

		t.Run("abort in the body", func(t *testing.T) {
			for _, coding := range []string{"", "gzip", "zstd"} {
				for name, abort := range map[string]testorigin.Step{"reset": testorigin.Abort(), "close": testorigin.Close()} {
					gate := testorigin.NewGate()
					origin.Handle("/abort", testorigin.Header(200, "Content-Type", "text/html"), page,
						testorigin.Wait(gate), abort)
					req := newRequest(t, http.MethodGet, v.url(t, c, "site", "/abort"), nil)
					req.Header.Set("Accept-Encoding", coding)
					r := v.send(t, req)
					r.readUntil(t, "page page")
					gate.Open()
					if text, end := r.rest(t); !end.aborted() {
						t.Errorf("%s, %q: ended with %s: %q", name, coding, end, text)
					}
				}
			}
		})

		t.Run("interim responses and trailers", func(t *testing.T) {
			origin.Handle("/more", testorigin.Informational(103, "Link", "</a>"),
				testorigin.Header(200), testorigin.Write("a"), testorigin.Trailer("X-Sum", "1"))
			r := v.send(t, newRequest(t, http.MethodGet, v.url(t, c, "site", "/more"), nil))
			if got := r.trailer(t).Get("X-Sum"); got != "1" {
				t.Errorf("trailer %q", got)
			}
			if len(r.Interim) != 1 || r.Interim[0].Status != 103 || r.Interim[0].Header.Get("Link") != "</a>" {
				t.Errorf("interim responses %v", r.Interim)
			}
		})

		t.Run("the request as it was made", func(t *testing.T) {
			origin.Handle("/seen", testorigin.Header(204))
			drain(t, origin)
			navigation := navigate(t, v.url(t, c, "site", "/seen?a=b"))
			v.send(t, navigation).rest(t)
			seen := drain(t, origin)
			if len(seen) != 1 || seen[0].Host != host || seen[0].Target != "/seen?a=b" {
				t.Fatalf("the backend saw %+v", seen)
			}
			want, got := navigation.Header.Clone(), seen[0].Header
			for name := range got {
				if strings.HasPrefix(name, "X-Forwarded-") || name == "Via" {
					delete(got, name)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the backend saw other headers (-sent +seen):\n%s", diff)
			}
		})

		t.Run("connection closed instead of an answer", func(t *testing.T) {
			// Caddy makes a 502 of it; its own abort is what shows nothing.
			origin.Handle("/none", testorigin.Abort())
			r := v.send(t, newRequest(t, http.MethodGet, v.url(t, c, "site", "/none"), nil))
			if _, end := r.rest(t); r.Status != 502 || end != cleanEnd {
				t.Errorf("status %d, %s", r.Status, end)
			}
		})
	})

	t.Run("logs and metrics", func(t *testing.T) {
		origin.Handle("/logged", testorigin.Header(418))
		v := newVisitor(t, "h2")
		v.send(t, newRequest(t, http.MethodGet, v.url(t, c, "site", "/logged"), nil)).rest(t)
		entry := c.logs.access(t, 1, "/logged")[0]
		if got := entry.field("status"); got != 418.0 {
			t.Errorf("logged status %v", got)
		}
		if got := entry.field("request", "proto"); got != "HTTP/2.0" {
			t.Errorf("logged protocol %v", got)
		}
		if c.metrics(t)["caddy_config_last_reload_successful"] != 1 {
			t.Error("no metrics of Caddy's")
		}
	})

	t.Run("raw connection", func(t *testing.T) {
		origin.Handle("/raw", testorigin.Header(200, "Content-Length", "2"), testorigin.Write("ok"))
		conn := dialRaw(t, c.addr(t, "site"))
		conn.request(t, "GET /raw HTTP/1.1 | Host: a | Connection: close")
		if text, end := conn.rest(t); end != cleanEnd || !strings.HasSuffix(text, "\r\n\r\nok") {
			t.Errorf("%s: %q", end, text)
		}
	})

	t.Run("reload", func(t *testing.T) {
		c.reload(t, `
http://:<site>, https://example.test:<site_tls> {
	respond "reloaded"
}
`)
		eachProtocol(t, func(t *testing.T, v *visitor) {
			// A connection that comes during the change may be the old server's,
			// for as long as it lasts.
			ctx := bounded(t)
			for ctx.Err() == nil {
				v := newVisitor(t, v.protocol)
				r := v.send(t, newRequest(t, http.MethodGet, v.url(t, c, "site", "/"), nil))
				if text, end := r.rest(t); text == "reloaded" && end == cleanEnd {
					return
				}
			}
			t.Error("no connection to the new server")
		})
	})
}

// TestAbortsWithoutAResponse checks that visitors see Caddy's own abort.
func TestAbortsWithoutAResponse(t *testing.T) {
	c := startCaddy(t, `
http://:<site>, https://example.test:<site_tls> {
	abort
}
`)
	eachProtocol(t, func(t *testing.T, v *visitor) {
		r := v.send(t, newRequest(t, http.MethodGet, v.url(t, c, "site", "/"), nil))
		if text, end := r.rest(t); !end.aborted() || r.Status != 0 || text != "" {
			t.Errorf("status %d, %s, %q", r.Status, end, text)
		}
		if classify(io.EOF) != cleanEnd || !classify(io.ErrUnexpectedEOF).aborted() {
			t.Error("endings are mixed up")
		}
	})
}
