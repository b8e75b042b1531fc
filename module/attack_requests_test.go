package module_test

import (
	"net/http"
	"strings"
)

// target is a request for a target as it is.
func target(text string) []lessonDress {
	return []lessonDress{func(r *http.Request) { r.URL.Opaque = text }}
}

// asked reads a target that is not the honest visitors'.
func asked(r *http.Request) string {
	if r.RequestURI != "/page" {
		return marker
	}
	return ""
}

// toHost is a request for another Host.
func toHost(name string) []lessonDress {
	return []lessonDress{func(r *http.Request) { r.Host = name }}
}

// hosted reads a Host that is not the honest visitors'.
func hosted(r *http.Request) string {
	if r.Host != host {
		return marker
	}
	return ""
}

// cleanWire is a navigation by hand, without request line and Host; wire is one by
// which the backend knows the attacker.
const (
	cleanWire = "Accept: text/html | Sec-Fetch-Mode: navigate | Sec-Fetch-Dest: document | User-Agent: Mozilla/5.0 (X11) | Connection: close"
	wire      = "Accept-Language: pwned | " + cleanWire
)

// attacksByTarget are other spellings of a page's address. Many are addresses of
// their own; what is taught there is shown there only.
var attacksByTarget = []attack{
	{name: "absolute-form", send: target("http://" + host + "/page"), shut: true, reads: byAttacker},
	{name: "absolute-form of another host", send: target("http://pwned.test/page"), shut: true},
	{name: "absolute-form with a user", send: target("http://pwned@" + host + "/page"), shut: true, reads: byAttacker},
	{name: "Host in upper case", send: toHost("EXAMPLE.TEST"), shut: true, reads: hosted},
	{name: "Host with a port", send: toHost(host + ":1337"), shut: true, reads: hosted},
	{name: "Host with a trailing dot", send: toHost(host + "."), shut: true, reads: hosted},
	{name: "Host with a bad port", send: toHost(host + ":pwned"), shut: true},
	{name: "another Host", crowd: true, send: toHost("pwned.test")},
	{name: "a Host below", crowd: true, send: toHost("pwned." + host)},
	{name: "no Host, HTTP/1.0", raw: "GET /page HTTP/1.0 | " + wire, shut: true},
	{name: "an empty Host", raw: "GET /page HTTP/1.1 | Host: | " + wire, fate: guarded, shut: true},
	{name: "two slashes", crowd: true, send: []lessonDress{func(r *http.Request) { r.URL.Path = "//page" }}, reads: asked},
	{name: "a trailing slash", crowd: true, send: target("/page/"), reads: asked},
	{name: "an encoded letter", crowd: true, send: target("/p%61ge"), reads: asked},
	{name: "an encoded slash", crowd: true, send: target("/%2fpage"), reads: asked},
	{name: "a path parameter", crowd: true, send: target("/page;pwned"), reads: asked},
	{name: "dots", crowd: true, send: target("/pwned/../page"), reads: asked},
	{name: "encoded dots", crowd: true, send: target("/pwned/%2e%2e/page"), reads: asked},
	{name: "a backslash", crowd: true, send: target(`/pwned\..\page`), reads: asked},
	{name: "an encoded query", crowd: true, send: target("/page%3fpwned"), reads: asked},
	{name: "an encoded line end", crowd: true, send: target("/page%0d%0aX-Pwned:1"), reads: asked},
	{name: "an encoded zero", crowd: true, send: target("/page%00pwned"), reads: asked},
	{name: "another case", crowd: true, send: target("/PAGE"), reads: asked},
	{name: "a file below", crowd: true, send: target("/page/pwned.css"), reads: asked},
	{name: "a query", send: target("/page?pwned=1"), shut: true},
	{name: "a bare ?", send: target("/page?"), shut: true, reads: asked},
	{name: "an ignored parameter", options: "ignore_query utm_* gclid", send: target("/page?utm_content=pwned")},
	{name: "an ignored parameter with a payload", options: "ignore_query utm_* gclid", send: target("/page?gclid=%22%3E%3Cpwned%3E")},
	{name: "an ignored parameter, and another", options: "ignore_query utm_*", send: target("/page?utm_source=a&q=pwned"), shut: true},
	{name: "an ignored parameter, and a semicolon", options: "ignore_query utm_*", send: target("/page?utm_source=a;q=pwned"), shut: true},
	{name: "an ignored parameter, encoded", options: "ignore_query utm_*", send: target("/page?%75tm_source=pwned"), shut: true},
	{name: "an ignored parameter in upper case", options: "ignore_query utm_*", send: target("/page?UTM_SOURCE=pwned"), shut: true},
	{name: "an ignored parameter twice", options: "ignore_query utm_*", send: target("/page?utm_source=a&utm_source=pwned")},
	{name: "two question marks", options: "ignore_query utm_*", send: target("/page??utm_source=pwned"), shut: true},
	{name: "a fragment", raw: "GET /page#pwned HTTP/1.1 | Host: HOST | " + wire},
	{name: "a very long path", crowd: true, send: target("/page/" + strings.Repeat("pwned/", 1<<8))},
}

// byAttacker reads where a request comes from, as backends with an allow-list do.
func byAttacker(r *http.Request) string {
	for _, who := range attackers {
		if r.Header.Get("X-Forwarded-For") == who.address {
			return marker
		}
	}
	return ""
}

// basicPassword lets bob in, whose password is hiccup.
const basicPassword = "basic_auth @signed {\nbob $2a$04$4YZRVq8VVqJ2BqsEwLhrb.uEzsJPoBKWUgQYMlLLN9lrc2S./gqdi\n}\n"

// asBob signs in.
var asBob = []lessonDress{func(r *http.Request) { r.SetBasicAuth("bob", "hiccup") }}

// attacksByIdentity are requests of somebody whom the site knows, or who says so.
var attacksByIdentity = []attack{
	{name: "Cookie", send: sends("Cookie", "session=pwned")},
	{name: "Cookie of another case", send: []lessonDress{func(r *http.Request) { r.Header["cOOKIE"] = []string{"session=pwned"} }}},
	{name: "an empty Cookie", send: []lessonDress{both(with("Cookie", ""), with("Accept-Language", marker))}},
	{name: "two Cookies", send: sends("Cookie", "a=b", "Cookie", "session=pwned")},
	{name: "Authorization", send: sends("Authorization", "Bearer pwned"), shut: true},
	{name: "Authorization of another case", send: []lessonDress{func(r *http.Request) { r.Header["aUTHORIZATION"] = []string{"Bearer pwned"} }}, shut: true},
	{name: "two Authorizations", send: sends("Authorization", "", "Authorization", "Bearer pwned"), shut: true},
	{name: "Proxy-Authorization", send: sends("Proxy-Authorization", "Basic pwned"), fate: dropped, shut: true},
	{name: "basic_auth", site: "@signed header Authorization *\n" + basicPassword + "APP", send: asBob, shut: true, reads: func(r *http.Request) string {
		if user, _, ok := r.BasicAuth(); ok {
			return marker + " " + user
		}
		return ""
	}},
	{
		name: "basic_auth, and the header taken off", site: "@signed header Authorization *\nroute {\n" + basicPassword +
			"request_header @signed X-User {http.auth.user.id}\nrequest_header -Authorization\nAPP\n}",
		send: asBob, shut: true, reads: found("X-User", "bob"),
	},
	{
		name: "basic_auth, and no header at all", site: "@signed header Authorization *\nroute {\n" + basicPassword +
			"request_header -Authorization\nHEADSTART\nreverse_proxy BACKEND {\nheader_up X-User {http.auth.user.id}\n}\n}",
		send: asBob, shut: true, reads: found("X-User", "bob"),
	},
	{
		name: "forward_auth", site: "@member header Accept-Language pwned\nforward_auth @member BACKEND {\nuri /verify\ncopy_headers Remote-User\n}\nAPP",
		send: says("Accept-Language", marker), shut: true, reads: found("Remote-User", marker),
	},
	{
		name: "request_header", site: "@member header Accept-Language pwned\nrequest_header @member X-Plan pwned\nAPP",
		send: says("Accept-Language", marker), shut: true, reads: found("X-Plan", marker),
	},
	{
		name: "a header to the backend only", site: "HEADSTART\nreverse_proxy BACKEND {\nheader_up X-Language {http.request.header.Accept-Language}\n}",
		send: says("Accept-Language", marker), reads: found("X-Language", marker),
	},
	{
		name: "a client certificate", secure: true, badge: true, shut: true,
		site:  "tls {\nclient_auth {\nmode request\n}\n}\nHEADSTART\nreverse_proxy BACKEND {\nheader_up X-Client {tls_client_serial}\n}",
		reads: found("X-Client", "1"),
	},
	{name: "an address that the backend knows", reads: byAttacker},
	{name: "addresses that the backend forbids", answer: answersStatus(http.StatusForbidden), reads: byAttacker},
	{name: "a guard of Caddy's", site: "@bad header Accept-Language pwned\nrespond @bad 403\nAPP", send: says("Accept-Language", marker), shut: true, fate: guarded},
	{name: "a marker cookie", send: sends("Cookie", "headstart=reload.none", "Accept-Language", marker), shut: true},
	{name: "a marker cookie with a clean request", send: []lessonDress{both(with("Cookie", "headstart=reload.none"), with("Accept-Language", marker))}},
	{name: "a marker cookie of https", send: sends("Cookie", "__Host-headstart=reload.none; a=pwned")},
	{name: "a marker cookie with a payload", send: sends("Cookie", "headstart=reload.pwned"), fate: dropped},
	{name: "guessed tickets", send: tickets(attackFlood)},
	{
		name: "X-Forwarded-Host from a trusted proxy", proxied: true,
		send: sends("X-Forwarded-Host", "pwned.test"),
	},
	{name: "X-Forwarded-Proto from a trusted proxy", proxied: true, send: sends("X-Forwarded-Proto", "https"), reads: found("X-Forwarded-Proto", "https")},
	{name: "X-Forwarded-Proto of no scheme from a trusted proxy", proxied: true, shut: true, send: sends("X-Forwarded-Proto", marker)},
	{name: "X-Forwarded-Prefix from a trusted proxy", proxied: true, shut: true, send: sends("X-Forwarded-Prefix", "/pwned")},
	{name: "an address of the LAN", proxied: true, send: []lessonDress{both(from("10.1.2.3"), with("Accept-Language", marker))}},
}

// tickets are marker cookies with a ticket that nobody was given.
func tickets(n int) []lessonDress {
	list := make([]lessonDress, n)
	for i := range list {
		list[i] = both(with("Accept-Language", marker), with("Cookie", "headstart=reload."+strings.Repeat(string(rune('A'+i)), 26)))
	}
	return list
}

// attacksByFraming are requests that are read in two ways, or no page loads.
var attacksByFraming = []attack{
	{name: "a body", send: []lessonDress{func(r *http.Request) { body(r, marker, int64(len(marker))) }}, shut: true},
	{name: "a body in chunks", send: []lessonDress{func(r *http.Request) { body(r, marker, -1) }}, shut: true},
	{name: "HEAD", send: []lessonDress{func(r *http.Request) { r.Method = http.MethodHead; r.Header.Set("Accept-Language", marker) }}, shut: true},
	{name: "POST", send: []lessonDress{func(r *http.Request) { r.Method = http.MethodPost; r.Header.Set("Accept-Language", marker) }}, shut: true},
	{name: "an unknown method", send: []lessonDress{func(r *http.Request) { r.Method = "PWNED" }}, shut: true},
	{name: "a method in lower case", raw: "get /page HTTP/1.1 | Host: HOST | " + wire, shut: true},
	{name: "HTTP/1.0", raw: "GET /page HTTP/1.0 | Host: HOST | " + wire, shut: true},
	{name: "Range", send: sends("Range", "bytes=0-9", "X-A", marker), shut: true},
	{name: "If-None-Match", send: sends("If-None-Match", `"pwned"`), shut: true},
	{name: "Sec-Purpose", send: sends("Sec-Purpose", "prefetch;pwned"), shut: true},
	{name: "no navigation", send: []lessonDress{both(with("Sec-Fetch-Mode", "no-cors"), with("Accept-Language", marker))}, shut: true},
	{name: "an iframe", send: []lessonDress{both(with("Sec-Fetch-Dest", "iframe"), with("Accept-Language", marker))}, shut: true},
	{name: "a hard reload", send: []lessonDress{both(with("Cache-Control", "no-cache"), with("Accept-Language", marker))}, shut: true},
	{name: "https", crowd: true, protocol: "h2", send: says("Accept-Language", marker)},
	{name: "Expect", send: sends("Expect", marker), fate: refused},
	{name: "two Hosts", raw: "GET /page HTTP/1.1 | Host: HOST | Host: pwned.test | " + wire, fate: refused},
	{name: "a length and chunks", raw: "GET /page HTTP/1.1 | Host: HOST | Content-Length: 5 | Transfer-Encoding: chunked | " + wire + "\r\n\r\n0", shut: true},
	{name: "two lengths", raw: "GET /page HTTP/1.1 | Host: HOST | Content-Length: 5 | Content-Length: 6 | " + wire, fate: refused},
	{name: "an unknown coding", raw: "GET /page HTTP/1.1 | Host: HOST | Transfer-Encoding: pwned | " + wire, fate: refused},
	{name: "a folded header", raw: "GET /page HTTP/1.1 | Host: HOST | DNT: 1\r\n X-Pwned: 1 | " + wire, shut: true},
	{name: "a space in front of a colon", raw: "GET /page HTTP/1.1 | Host: HOST | X-Pwned : 1 | " + wire, fate: refused},
	{name: "a bare carriage return", raw: "GET /page HTTP/1.1 | Host: HOST | Dnt: 1\rX-Pwned: 1 | " + wire, fate: refused},
	{name: "a zero", raw: "GET /page HTTP/1.1 | Host: HOST | Dnt: 1\x00pwned | " + wire, fate: refused},
	{name: "no version", raw: "GET /page | Host: HOST | " + wire, fate: refused},
}

// body gives a request a body.
func body(r *http.Request, text string, length int64) {
	r.Body, r.ContentLength = http.NoBody, length
	r.Body = readCloser{strings.NewReader(text)}
}

// readCloser has nothing to close.
type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }
