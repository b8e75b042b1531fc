package module_test

import (
	"net/http"
	"strings"
)

// sends is a request with some headers, given as names and values in turn.
func sends(header ...string) []lessonDress {
	return []lessonDress{func(r *http.Request) {
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
	}}
}

// says is a request with one header replaced.
func says(name, value string) []lessonDress { return []lessonDress{with(name, value)} }

// attacksByHeader are headers that no browser sends, or not so. Requests with them
// may neither teach nor be answered early.
var attacksByHeader = []attack{
	// What proxies add, and frameworks believe. Caddy replaces three of them.
	{name: "X-Forwarded-Host", send: sends("X-Forwarded-Host", "pwned.test"), fate: dropped, shut: true},
	{name: "X-Forwarded-Proto", send: sends("X-Forwarded-Proto", "pwned"), fate: dropped, shut: true},
	{name: "X-Forwarded-For", send: sends("X-Forwarded-For", "198.51.100.9, pwned"), fate: dropped, shut: true},
	{
		name: "X-Forwarded-For of many networks", send: []lessonDress{
			both(from("192.0.2.7"), with("Accept-Language", marker)), both(from("198.51.100.7"), with("Accept-Language", marker)),
			both(from("203.0.113.7"), both(with("User-Agent", firefox), with("Accept-Language", marker))),
		}, shut: true,
	},
	{name: "X-Forwarded-For of the LAN", send: []lessonDress{both(from("10.1.2.3"), with("Accept-Language", marker))}, shut: true},
	{name: "X-Forwarded-Prefix", send: sends("X-Forwarded-Prefix", "/pwned"), shut: true},
	{name: "X-Forwarded-Port", send: sends("X-Forwarded-Port", "pwned"), shut: true},
	{name: "X-Forwarded-Port, a number", send: sends("X-Forwarded-Port", "1337"), shut: true, reads: found("X-Forwarded-Port", "1337")},
	{name: "X-Forwarded-Server", send: sends("X-Forwarded-Server", "pwned.test"), shut: true},
	{name: "X-Forwarded-Scheme", send: sends("X-Forwarded-Scheme", "pwned"), shut: true},
	{name: "X-Forwarded-Ssl", send: sends("X-Forwarded-Ssl", "on"), shut: true, reads: found("X-Forwarded-Ssl", "on")},
	{name: "Forwarded", send: sends("Forwarded", "host=pwned.test;proto=pwned"), shut: true},
	{name: "X-Original-URL", send: sends("X-Original-URL", "/pwned"), shut: true},
	{name: "X-Rewrite-URL", send: sends("X-Rewrite-URL", "/pwned"), shut: true},
	{name: "X-Host", send: sends("X-Host", "pwned.test"), shut: true},
	{name: "X-HTTP-Host-Override", send: sends("X-HTTP-Host-Override", "pwned.test"), shut: true},
	{name: "X-Original-Host", send: sends("X-Original-Host", "pwned.test"), shut: true},
	{name: "True-Client-IP", send: sends("True-Client-IP", marker), shut: true},
	{name: "X-Real-IP", send: sends("X-Real-IP", marker), shut: true},
	{name: "CF-Connecting-IP", send: sends("CF-Connecting-IP", marker), shut: true},
	{name: "X-HTTP-Method-Override", send: sends("X-HTTP-Method-Override", marker), shut: true},
	{name: "X-Requested-With", send: sends("X-Requested-With", marker), shut: true},
	{name: "Origin", send: sends("Origin", "https://pwned.test"), shut: true},
	{name: "From", send: says("From", "pwned@pwned.test"), shut: true},
	{name: "Via", send: sends("Via", "1.1 pwned"), shut: true},
	{name: "Max-Forwards", send: sends("Max-Forwards", "0"), shut: true, reads: found("Max-Forwards", "0")},
	{name: "Sec-CH-UA-Full-Version-List", send: sends("Sec-Ch-Ua-Full-Version-List", `"pwned";v="1"`), shut: true},
	{name: "Save-Data", send: sends("Save-Data", "on"), shut: true, reads: found("Save-Data", "on")},
	{name: "a header with an underscore", send: sends("X_Forwarded_Host", "pwned.test"), fate: dropped},
	{name: "a header of another case", send: []lessonDress{func(r *http.Request) { r.Header["x-FORWARDED-prefix"] = []string{"/pwned"} }}, shut: true},
	{name: "tracestate and baggage", send: sends("Tracestate", "a=pwned", "Baggage", "b=pwned"), shut: true},

	// What browsers send, with what they do not send in it.
	{name: "Accept-Language with a payload", send: says("Accept-Language", `en"><script>pwned</script>`), shut: true},
	{name: "Accept-Language of a template", send: says("Accept-Language", "{{pwned}}"), shut: true},
	{name: "Accept-Language of a shell", send: says("Accept-Language", "$(pwned)"), shut: true},
	{name: "Accept-Language in Latin-1", send: says("Accept-Language", "pwned \xe9"), shut: true},
	{name: "Accept-Language of 4 KiB", send: says("Accept-Language", marker+strings.Repeat("a", 4<<10)), shut: true},
	{name: "User-Agent with a payload", send: says("User-Agent", "Mozilla/5.0 (X11) '-pwned-'"), shut: true},
	{name: "Accept with a payload", send: says("Accept", "text/html,`pwned`"), shut: true},
	{name: "Accept-Encoding with a payload", send: says("Accept-Encoding", "gzip, <pwned>"), shut: true},
	{name: "Sec-CH-UA with a payload", send: says("Sec-Ch-Ua", `"a";v="1"; pwned`), shut: true},
	{name: "Sec-CH-UA with a payload in quotes", send: says("Sec-Ch-Ua", `"<pwned>";v="1"`), shut: true},
	{name: "Sec-CH-UA with a cut quote", send: says("Sec-Ch-Ua", `"a";v="1", "pwned`), shut: true},
	{name: "Sec-CH-UA-Platform with a payload", send: says("Sec-Ch-Ua-Platform", `"Linux"pwned`), shut: true},
	{name: "Priority with a payload", send: says("Priority", "u=0, i, PWNED"), shut: true},
	{name: "traceparent with a payload", send: says("Traceparent", "00-pwned-01"), shut: true},
	{name: "DNT with a payload", send: says("Dnt", marker), shut: true},
	{name: "TE with a payload", send: says("Te", "trailers, pwned"), fate: dropped, shut: true},
	{name: "Alt-Used with a payload", send: says("Alt-Used", "pwned.test/x"), shut: true},
	{name: "Cache-Control with a payload", send: says("Cache-Control", "max-age=0, pwned"), shut: true},
	{name: "Referer of its own with a query", send: says("Referer", "http://"+host+"/?pwned"), shut: true},
	{name: "Referer of its own with a payload", send: says("Referer", "http://"+host+"/<pwned>"), shut: true},
	{name: "Referer of another site with a path", send: says("Referer", "https://pwned.test/pwned"), shut: true},
	{name: "Referer of another scheme", send: says("Referer", "javascript://"+host+"/pwned"), shut: true},
	{name: "Referer with a user", send: says("Referer", "http://pwned@"+host+"/"), shut: true},
	{name: "Sec-Fetch-Site with a payload", send: says("Sec-Fetch-Site", marker), shut: true},

	// Twice.
	{name: "Accept-Language twice", send: sends("Accept-Language", marker), shut: true},
	{name: "User-Agent twice", raw: "GET /page HTTP/1.1 | Host: HOST | User-Agent: Mozilla/5.0 (pwned) | " + cleanWire, shut: true},
	{name: "Referer twice", send: []lessonDress{func(r *http.Request) {
		r.Header["Referer"] = []string{"http://" + host + "/", "http://" + host + "/pwned"}
	}}, shut: true},
	{name: "Cookie twice, in two cases", send: []lessonDress{func(r *http.Request) {
		r.Header["Cookie"] = []string{"a=b"}
		r.Header["cOOKIE"] = []string{"c=pwned"}
	}}},

	// A header that takes others away on their way.
	{name: "Connection: Cookie", send: sends("Connection", "Cookie", "Cookie", "a=pwned"), fate: dropped, shut: true},
	{name: "Connection: Accept-Language", send: sends("Connection", "close, Accept-Language"), shut: true, reads: lost("Accept-Language")},
	{name: "Connection: User-Agent", send: sends("Connection", "User-Agent"), shut: true, reads: func(r *http.Request) string {
		if !strings.HasPrefix(r.UserAgent(), "Mozilla/5.0 (") {
			return marker
		}
		return ""
	}},
	{name: "Connection: X-Forwarded-Host", send: sends("Connection", "X-Forwarded-Host, X-Forwarded-For"), shut: true, fate: dropped, reads: lost("X-Forwarded-For")},
	{name: "Keep-Alive", send: sends("Keep-Alive", marker), fate: dropped, shut: true},
	{name: "Proxy-Connection", send: sends("Proxy-Connection", marker), fate: dropped, shut: true},
}

// found reads a header that has one value.
func found(name, value string) func(*http.Request) string {
	return func(r *http.Request) string {
		if r.Header.Get(name) == value {
			return marker
		}
		return ""
	}
}

// lost reads a header that is not there.
func lost(name string) func(*http.Request) string {
	return func(r *http.Request) string {
		if r.Header.Get(name) == "" {
			return marker
		}
		return ""
	}
}

// trace is a traceparent (W3C Trace Context, section 3.2) that an attacker chose,
// as far as hexadecimal digits go.
const trace = "00-deaddeaddeaddeaddeaddeaddeaddead-beefbeefbeefbeef-01"

// traced reads it, the parent's id apart, which tracing writes anew. Who is not traced
// gets a random one from there: a few of its digits would be in there by chance.
func traced(r *http.Request) string {
	if strings.Contains(r.Header.Get("Traceparent"), trace[:len("00-")+32]) {
		return marker
	}
	return ""
}

// asGooglebot is a crawler, as far as its User-Agent tells.
var asGooglebot = with("User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")

// attacksByAllowedHeader are headers as browsers send them, with values that an
// attacker chose: such requests may teach, but one network alone teaches nothing.
var attacksByAllowedHeader = []attack{
	{name: "Accept-Language", send: says("Accept-Language", marker)},
	{name: "Accept-Language with Vary", send: says("Accept-Language", marker), answer: inVary},
	{name: "many Accept-Languages with Vary", send: languages(attackFlood), answer: inVary},
	{name: "many Accept-Languages", send: languages(attackFlood)},
	{name: "User-Agent", send: says("User-Agent", "Mozilla/5.0 (pwned)")},
	{name: "User-Agent of a crawler, not listed", send: says("User-Agent", "pwnedbot/1.0")},
	{name: "User-Agent of a listed crawler", send: []lessonDress{both(asGooglebot, with("Accept-Language", marker))}},
	{name: "Accept", send: says("Accept", "text/html, pwned/pwned")},
	{name: "Accept-Encoding", send: says("Accept-Encoding", "gzip, pwned"), fate: atTimes},
	{name: "Sec-CH-UA", send: says("Sec-Ch-Ua", `"pwned";v="1"`)},
	{name: "Sec-CH-UA-Platform", send: says("Sec-Ch-Ua-Platform", `"pwned"`)},
	{name: "Sec-CH-UA-Mobile", send: says("Sec-Ch-Ua-Mobile", "?1"), reads: found("Sec-Ch-Ua-Mobile", "?1")},
	{name: "Sec-Fetch-Site", send: says("Sec-Fetch-Site", "cross-site"), reads: found("Sec-Fetch-Site", "cross-site")},
	{name: "Sec-Fetch-User", send: []lessonDress{func(r *http.Request) { r.Header.Del("Sec-Fetch-User") }}, reads: lost("Sec-Fetch-User")},
	{name: "Sec-GPC", send: says("Sec-Gpc", "1"), reads: found("Sec-Gpc", "1")},
	{name: "DNT", send: says("Dnt", "1"), reads: found("Dnt", "1")},
	{name: "Priority", send: says("Priority", "u=0, i, pwned")},
	{name: "Cache-Control", send: says("Cache-Control", "max-age=0"), reads: found("Cache-Control", "max-age=0")},
	{name: "Alt-Used", send: says("Alt-Used", "pwned.test")},
	{name: "From of a crawler", send: says("From", "googlebot(at)googlebot.com"), reads: found("From", "googlebot(at)googlebot.com")},
	{name: "Referer of its own", send: says("Referer", "http://"+host+"/pwned")},
	{name: "Referer of another site", send: says("Referer", "https://pwned.test/")},
	{name: "traceparent", send: says("Traceparent", trace), reads: traced},
	{name: "traceparent, and tracing", site: "tracing\nAPP", send: says("Traceparent", trace), reads: traced},
}

// languages are so many languages of an attacker.
func languages(n int) []lessonDress {
	list := make([]lessonDress, n)
	for i := range list {
		list[i] = with("Accept-Language", marker+"-"+strings.Repeat("x", i+1))
	}
	return list
}
