package site_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/examples/aggregator/site"
)

const csrfField = `<form class="[^"]*" method="post" action="/login">\s*<input type="hidden" name="csrf" value="(.+?)">`

func TestSigningInAndOut(t *testing.T) {
	v := &visitor{site: newSite(t, 0, site.Options{})}
	if w := v.get("/settings"); w.Code != http.StatusFound || w.Header().Get("Location") != "/login" {
		t.Errorf("settings when signed out: status %d to %q, want 302 to /login", w.Code, w.Header().Get("Location"))
	}

	token := find(t, csrfField, v.get("/login").Body.String())
	cookie := v.cookies["planet_session"]
	if cookie == nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
		t.Fatalf("session cookie %v, want one that is HttpOnly and Lax", cookie)
	}
	if w := v.post("/login", url.Values{"csrf": {token}, "name": {" "}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("signing in without a name: status %d, want 422", w.Code)
	}
	if w := v.post("/login", url.Values{"csrf": {token}, "name": {"Ada <b>"}}); w.Code != http.StatusSeeOther {
		t.Fatalf("signing in: status %d, want 303; body\n%s", w.Code, w.Body)
	}

	w := v.get("/")
	if !strings.Contains(w.Body.String(), "Hello, Ada &lt;b&gt;") || w.Header().Get("Cache-Control") != "private, no-cache" {
		t.Errorf("Cache-Control %q, want private, no-cache and the name in\n%s", w.Header().Get("Cache-Control"), w.Body)
	}
	w = v.get("/settings")
	if w.Code != http.StatusOK {
		t.Errorf("settings when signed in: status %d, want 200", w.Code)
	}

	token = find(t, `action="/logout"><input type="hidden" name="csrf" value="(.+?)">`, v.get("/").Body.String())
	if w := v.post("/logout", url.Values{"csrf": {token}}); w.Code != http.StatusSeeOther || len(v.cookies) != 0 {
		t.Errorf("signing out: status %d, cookies %v; want 303 and none", w.Code, v.cookies)
	}
	if w := v.get("/settings"); w.Code != http.StatusFound {
		t.Errorf("settings after signing out: status %d, want 302", w.Code)
	}
}

func TestSessionCookieOnHTTPS(t *testing.T) {
	v := &visitor{site: newSite(t, 0, site.Options{})}
	r := httptest.NewRequest(http.MethodGet, "/login", nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	v.do(r)
	if cookie := v.cookies["__Host-planet_session"]; cookie == nil || !cookie.Secure || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("cookies %v, want a __Host- one that is Secure", v.cookies)
	}
}

func TestCSRFTokenIsEnforced(t *testing.T) {
	handler := newSite(t, 0, site.Options{})
	other := &visitor{site: handler}
	foreign := find(t, csrfField, other.get("/login").Body.String())

	for name, form := range map[string]url.Values{
		"none":      {"name": {"Ada"}},
		"empty":     {"name": {"Ada"}, "csrf": {""}},
		"another's": {"name": {"Ada"}, "csrf": {foreign}},
	} {
		for _, path := range []string{"/login", "/logout"} {
			v := &visitor{site: handler}
			if w := v.post(path, form); w.Code != http.StatusForbidden {
				t.Errorf("%s, token %s, no session: status %d, want 403", path, name, w.Code)
			}
			v.get("/login")
			if w := v.post(path, form); w.Code != http.StatusForbidden {
				t.Errorf("%s, token %s: status %d, want 403", path, name, w.Code)
			}
		}
	}
}

func TestForgedCookieIsNoSession(t *testing.T) {
	v := &visitor{site: newSite(t, 0, site.Options{})}
	token := find(t, csrfField, v.get("/login").Body.String())
	v.post("/login", url.Values{"csrf": {token}, "name": {"Ada"}})
	signed := v.cookies["planet_session"].Value
	payload, signature, _ := strings.Cut(signed, ".")
	for _, forged := range []string{"", ".", payload, payload + ".", payload + "A." + signature, "." + signature} {
		v.cookies["planet_session"].Value = forged
		if w := v.get("/settings"); w.Code != http.StatusFound {
			t.Errorf("cookie %q: status %d, want 302", forged, w.Code)
		}
	}
	v.cookies["planet_session"].Value = signed
	if w := v.get("/settings"); w.Code != http.StatusOK {
		t.Errorf("the true cookie: status %d, want 200", w.Code)
	}
}
