package request

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"

// visit is a browser's first navigation to a page by https.
func visit() (*http.Request, Facts) {
	r := httptest.NewRequest(http.MethodGet, "https://a.example/page", nil)
	r.Host = "a.example"
	r.Header = http.Header{
		"Accept":                    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Accept-Encoding":           {"gzip, deflate, br, zstd"},
		"Accept-Language":           {"en-US,en;q=0.9,de;q=0.8"},
		"Priority":                  {"u=0, i"},
		"Sec-Ch-Ua":                 {`"Chromium";v="156", "Not(A:Brand";v="24", "Google Chrome";v="156"`},
		"Sec-Ch-Ua-Mobile":          {"?0"},
		"Sec-Ch-Ua-Platform":        {`"Linux"`},
		"Sec-Fetch-Dest":            {"document"},
		"Sec-Fetch-Mode":            {"navigate"},
		"Sec-Fetch-Site":            {"none"},
		"Sec-Fetch-User":            {"?1"},
		"Upgrade-Insecure-Requests": {"1"},
		"User-Agent":                {chrome},
	}
	return r, Facts{Target: "/page", ClientIP: netip.MustParseAddr("127.0.0.1"), ListenerPort: 443}
}

func known(f Facts) func() Facts { return func() Facts { return f } }

func ExampleInspect() {
	r, facts := visit()
	v := Inspect(r, known(facts), nil)
	fmt.Println(v.Audience, v.Commit, v.Learn)
	r.Header.Set("Cookie", "session=secret")
	v = Inspect(r, known(facts), nil)
	fmt.Println(v.Audience, v.Commit, v.Learn)
	r.Header.Set("X-Original-URL", "/admin")
	fmt.Println(Inspect(r, known(facts), nil).Reason)
	// Output:
	// anonymous true true
	// returning true false
	// not_clean
}

// What makes a request no navigation, or not clean, each in one change to a
// clean visit.
func TestInspect(t *testing.T) {
	set := func(name, value string) func(*http.Request, *Facts) {
		return func(r *http.Request, _ *Facts) { r.Header.Set(name, value) }
	}
	const commit, learn = 1, 2 // what is still allowed
	tests := []struct {
		name   string
		change func(*http.Request, *Facts)
		allows int
		reason Reason
	}{
		{"nothing", func(*http.Request, *Facts) {}, learn, ""},

		{"POST", func(r *http.Request, _ *Facts) { r.Method = "POST" }, 0, Method},
		{"HEAD", func(r *http.Request, _ *Facts) { r.Method = "HEAD" }, 0, Method},
		{"CONNECT", func(r *http.Request, _ *Facts) { r.Method = "CONNECT" }, 0, Method},
		{"HTTP/1.0", func(r *http.Request, _ *Facts) { r.ProtoMajor, r.ProtoMinor = 1, 0 }, 0, Protocol},
		{"Upgrade", set("Upgrade", "websocket"), 0, Protocol},
		{"a body", func(r *http.Request, _ *Facts) { r.ContentLength = 3 }, 0, Body},
		{"a body of unknown length", func(r *http.Request, _ *Facts) { r.ContentLength = -1 }, 0, Body},
		{"HTTP/3 without a length", func(r *http.Request, _ *Facts) { r.ContentLength, r.ProtoMajor = -1, 3 }, learn, ""},
		{"HTTP/3 with a length", func(r *http.Request, _ *Facts) { r.ContentLength, r.ProtoMajor = 1, 3 }, 0, Body},
		{"Range", set("Range", "bytes=0-1"), 0, Range},
		{"If-Range", set("If-Range", `"x"`), 0, Range},
		{"If-None-Match", set("If-None-Match", `"x"`), 0, Conditional},
		{"If-Modified-Since", set("If-Modified-Since", "x"), 0, Conditional},
		{"If-Match", set("If-Match", "*"), 0, Conditional},
		{"If-Unmodified-Since", set("If-Unmodified-Since", "x"), 0, Conditional},
		{"Authorization", set("Authorization", "Basic x"), 0, Authorization},
		{"empty Authorization", set("Authorization", ""), 0, Authorization},
		{"prefetch", set("Sec-Purpose", "prefetch"), 0, Prefetch},
		{"prerender", set("Sec-Purpose", "prefetch;prerender"), 0, Prefetch},
		{"old prefetch", set("Purpose", "prefetch"), 0, Prefetch},
		{"service worker", set("Service-Worker-Navigation-Preload", "true"), 0, Prefetch},
		{"push", set("Caddy-Push", "1"), 0, Prefetch},
		{"hard reload", set("Cache-Control", "no-cache"), 0, HardReload},
		{"hard reload, old", set("Pragma", "no-cache"), 0, HardReload},
		{"soft reload", set("Cache-Control", "max-age=0"), learn, ""},
		{"fetch", set("Sec-Fetch-Mode", "cors"), 0, NotNavigation},
		{"iframe", set("Sec-Fetch-Dest", "iframe"), 0, NotNavigation},
		{"embedded page", set("Sec-Fetch-Dest", "embed"), 0, NotNavigation},
		{"JSON", set("Accept", "application/activity+json"), 0, NotHTML},
		{"curl", func(r *http.Request, _ *Facts) {
			r.Header = http.Header{"User-Agent": {"curl/8"}, "Accept": {"*/*"}}
		}, 0, NotNavigation},
		{"no fetch metadata", func(r *http.Request, _ *Facts) {
			for _, name := range []string{"Dest", "Mode", "Site", "User"} {
				r.Header.Del("Sec-Fetch-" + name)
			}
		}, learn, ""},
		{"crawler", func(r *http.Request, _ *Facts) {
			r.Header = http.Header{"User-Agent": {"Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"}, "Accept": {"*/*"}}
		}, learn, ""},
		{"crawler for images", func(r *http.Request, _ *Facts) {
			r.Header = http.Header{"User-Agent": {"Googlebot-Image/1.0"}, "Accept": {"image/*"}}
		}, 0, NotHTML},

		{"marked", func(_ *http.Request, f *Facts) { f.Marked = true }, 0, Marked},
		{"signed in outside", func(_ *http.Request, f *Facts) { f.User = "bob" }, 0, NotClean},
		{"client certificate", func(r *http.Request, _ *Facts) {
			r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{{}}}
		}, 0, NotClean},
		{"early data", func(r *http.Request, _ *Facts) { r.TLS = &tls.ConnectionState{} }, 0, NotClean},
		{"early data by a proxy", set("Early-Data", "1"), 0, NotClean},
		{"absolute-form", func(_ *http.Request, f *Facts) { f.Target = "http://evil.example/page" }, 0, NotClean},
		{"asterisk-form", func(_ *http.Request, f *Facts) { f.Target = "*" }, 0, NotClean},
		{"query", func(_ *http.Request, f *Facts) { f.Target = "/page?x=1" }, 0, NotClean},
		{"bare query", func(_ *http.Request, f *Facts) { f.Target = "/page?" }, 0, NotClean},
		{"ignored query", func(_ *http.Request, f *Facts) { f.Target = "/page?utm_source=x&gclid=1" }, commit, ""},
		{"ignored and other query", func(_ *http.Request, f *Facts) { f.Target = "/page?utm_source=x&id=1" }, 0, NotClean},
		{"ignored query that hides another", func(_ *http.Request, f *Facts) { f.Target = "/page?utm_source=x;id=1" }, 0, NotClean},
		{"ignored name, encoded", func(_ *http.Request, f *Facts) { f.Target = "/page?utm%5fsource=x" }, 0, NotClean},
		{"cookie", set("Cookie", "a=b"), commit, ""},
		{"empty cookie", set("Cookie", ""), commit, ""},

		{"host in upper case", func(r *http.Request, _ *Facts) { r.Host = "A.example" }, 0, NotClean},
		{"host with a dot", func(r *http.Request, _ *Facts) { r.Host = "a.example." }, 0, NotClean},
		{"host with the listener's port", func(r *http.Request, _ *Facts) { r.Host = "a.example:443" }, learn, ""},
		{"host with another port", func(r *http.Request, _ *Facts) { r.Host = "a.example:80" }, 0, NotClean},
		{"host that is too long", func(r *http.Request, _ *Facts) { r.Host = strings.Repeat("a", 254) }, 0, NotClean},
		{"host with markup", func(r *http.Request, _ *Facts) { r.Host = "a.example\"" }, 0, NotClean},
		{"IPv6 host", func(r *http.Request, _ *Facts) { r.Host = "[::1]:443" }, learn, ""},
		{"broken IPv6 host", func(r *http.Request, _ *Facts) { r.Host = "[::1" }, 0, NotClean},

		{"own referer", set("Referer", "https://a.example/other/page.html"), learn, ""},
		{"own origin as referer", set("Referer", "https://a.example"), learn, ""},
		{"own referer with a query", set("Referer", "https://a.example/?q=%3Cscript%3E"), 0, NotClean},
		{"own referer with encoded bytes", set("Referer", "https://a.example/%22"), 0, NotClean},
		{"a search engine's origin", set("Referer", "https://www.google.com/"), commit, ""},
		{"another site's page", set("Referer", "https://evil.example/payload"), 0, NotClean},
		{"two referers", func(r *http.Request, _ *Facts) {
			r.Header["Referer"] = []string{"https://a.example/", "https://a.example/"}
		}, 0, NotClean},

		{"X-Forwarded-Host", set("X-Forwarded-Host", "evil.example"), 0, NotClean},
		{"X-Forwarded-Host of a trusted proxy", func(r *http.Request, f *Facts) {
			f.TrustedProxy = true
			r.Header.Set("X-Forwarded-Host", "a.example")
		}, learn, ""},
		{"X-Forwarded-Prefix of a trusted proxy", func(r *http.Request, f *Facts) {
			f.TrustedProxy = true
			r.Header.Set("X-Forwarded-Prefix", "/x")
		}, 0, NotClean},
		{"Forwarded", set("Forwarded", "host=evil.example"), 0, NotClean},
		{"X-Original-URL", set("X-Original-URL", "/admin"), 0, NotClean},
		{"X-Rewrite-URL", set("X-Rewrite-URL", "/admin"), 0, NotClean},
		{"X-HTTP-Method-Override", set("X-HTTP-Method-Override", "POST"), 0, NotClean},
		{"Origin", set("Origin", "https://evil.example"), 0, NotClean},
		{"From", set("From", "me@evil.example"), 0, NotClean},
		{"From of a crawler", set("From", "googlebot(at)googlebot.com"), learn, ""},
		{"a header of forward_auth", set("Remote-User", "bob"), 0, NotClean},
		{"Connection that takes a header off", set("Connection", "Cookie"), 0, NotClean},
		{"Connection", set("Connection", "keep-alive"), learn, ""},
		{"TE of Firefox", set("Te", "trailers"), learn, ""},
		{"traceparent", set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), learn, ""},
		{"traceparent with markup", set("Traceparent", "00-<b>"), 0, NotClean},
		{"User-Agent with markup", set("User-Agent", chrome+"<script>"), 0, NotClean},
		{"User-Agent with a quote", set("User-Agent", chrome+`"`), 0, NotClean},
		{"User-Agent with UTF-8", set("User-Agent", chrome+"é"), 0, NotClean},
		{"User-Agent with a control character", set("User-Agent", chrome+"\x01"), 0, NotClean},
		{"long User-Agent", set("User-Agent", "Mozilla/5.0 "+strings.Repeat("a", 512)), 0, NotClean},
		{"Accept-Language with a template", set("Accept-Language", "${7*7}"), 0, NotClean},
		{"two Accept-Language", func(r *http.Request, _ *Facts) {
			r.Header["Accept-Language"] = []string{"en", "de"}
		}, 0, NotClean},
		{"Sec-CH-UA that is no structured field", set("Sec-Ch-Ua", `"a`), 0, NotClean},
		{"Sec-CH-UA with markup", set("Sec-Ch-Ua", `"<b>";v="1"`), 0, NotClean},
		{"Sec-CH-UA-Platform with markup", set("Sec-Ch-Ua-Platform", `"<b>"`), 0, NotClean},
		{"Priority with markup", set("Priority", `u=0<`), 0, NotClean},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, facts := visit()
			test.change(r, &facts)
			v := Inspect(r, known(facts), &Options{IgnoreQuery: Parameters{"utm_*", "gclid"}})
			if v.Reason != test.reason {
				t.Errorf("reason = %q, want %q", v.Reason, test.reason)
			}
			if v.Commit != (test.allows >= commit) {
				t.Errorf("commit = %v", v.Commit)
			}
			if test.reason != Marked && v.Learn != (test.allows >= learn) {
				t.Errorf("learn = %v", v.Learn)
			}
		})
	}
}

// The reload of a recovery may teach: it is what brings the new page in.
func TestMarkedTeaches(t *testing.T) {
	r, facts := visit()
	facts.Marked = true
	if v := Inspect(r, known(facts), nil); v.Commit || !v.Learn || !v.Navigation {
		t.Errorf("%+v", v)
	}
}

func TestAudience(t *testing.T) {
	tests := []struct {
		userAgent, cookie string
		want              Audience
	}{
		{chrome, "", Anonymous},
		{chrome, "a=b", Returning},
		{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "", Crawler},
		{"Mozilla/5.0 (compatible; bingbot/2.0)", "a=b", Crawler},
	}
	for _, test := range tests {
		r, facts := visit()
		r.Header.Set("User-Agent", test.userAgent)
		if test.cookie != "" {
			r.Header.Set("Cookie", test.cookie)
		}
		if got := Inspect(r, known(facts), nil).Audience; got != test.want {
			t.Errorf("%q %q: %v, want %v", test.userAgent, test.cookie, got, test.want)
		}
	}
}

func TestScopeOf(t *testing.T) {
	for ip, want := range map[string]Scope{
		"127.0.0.1": Local, "::1": Local, "10.1.2.3": Local, "192.168.0.9": Local, "172.31.0.1": Local,
		"169.254.1.1": Local, "fe80::1%eth0": Local, "fd00::1": Local, "100.64.0.1": Local, "::ffff:10.0.0.1": Local,
		"100.128.0.1": Public, "203.0.113.9": Public, "2001:db8::1": Public, "172.32.0.1": Public, "::ffff:203.0.113.9": Public,
	} {
		if got := ScopeOf(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %s", ip, got)
		}
	}
	if ScopeOf(netip.Addr{}) != Public {
		t.Error("an unknown address is not public")
	}
}

func TestNetwork(t *testing.T) {
	same := [][2]string{
		{"203.0.113.1", "203.0.113.254"},
		{"::ffff:203.0.113.1", "203.0.113.254"},
		{"2001:db8:1:2::1", "2001:db8:1:3::1"},
	}
	for _, pair := range same {
		if a, b := Network(netip.MustParseAddr(pair[0])), Network(netip.MustParseAddr(pair[1])); a != b {
			t.Errorf("%s is in %v, %s in %v", pair[0], a, pair[1], b)
		}
	}
	if Network(netip.MustParseAddr("203.0.113.1")) == Network(netip.MustParseAddr("203.0.114.1")) {
		t.Error("two networks are one")
	}
}

// Whatever tells two pages apart tells their keys apart.
func TestKey(t *testing.T) {
	key := func(handler, path string, change func(*http.Request, *Facts)) Key {
		r, facts := visit()
		change(r, &facts)
		return NewKey(handler, path, r, facts, Parameters{"utm_*"})
	}
	none := func(*http.Request, *Facts) {}
	base := key("h", "", none)
	different := map[string]Key{
		"handler":       key("g", "", none),
		"template":      key("h", "/page", none),
		"scope":         key("h", "", func(_ *http.Request, f *Facts) { f.ClientIP = netip.MustParseAddr("203.0.113.1") }),
		"scheme":        key("h", "", func(r *http.Request, _ *Facts) { r.TLS = nil }),
		"host":          key("h", "", func(r *http.Request, _ *Facts) { r.Host = "b.example" }),
		"port":          key("h", "", func(r *http.Request, _ *Facts) { r.Host = "a.example:443" }),
		"path":          key("h", "", func(_ *http.Request, f *Facts) { f.Target = "/page/" }),
		"path spelling": key("h", "", func(_ *http.Request, f *Facts) { f.Target = "/%70age" }),
		"rewrite":       key("h", "", func(r *http.Request, _ *Facts) { r.URL.Path = "/index.php" }),
		"rewritten query": key("h", "", func(r *http.Request, _ *Facts) {
			r.URL.RawQuery = "p=1"
		}),
		"trusted proxy": key("h", "", func(r *http.Request, f *Facts) {
			f.TrustedProxy = true
			r.Header.Set("X-Forwarded-Proto", "http")
		}),
	}
	seen := map[Key]string{base: "base"}
	for name, k := range different {
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[k] = name
	}
	ignored := key("h", "", func(r *http.Request, f *Facts) {
		f.Target, r.URL.RawQuery = "/page?utm_source=x", "utm_source=x"
	})
	if ignored != base {
		t.Error("an ignored parameter makes another key")
	}
	// Parts cannot be shifted into one another.
	if key("h", "a", func(r *http.Request, _ *Facts) { r.Host = "bc" }) == key("h", "ca", func(r *http.Request, _ *Facts) { r.Host = "b" }) {
		t.Error("parts run together")
	}
}

func BenchmarkInspect(b *testing.B) {
	r, facts := visit()
	b.ReportAllocs()
	for b.Loop() {
		if !Inspect(r, known(facts), nil).Learn {
			b.Fatal("not clean")
		}
	}
}

func BenchmarkNewKey(b *testing.B) {
	r, facts := visit()
	b.ReportAllocs()
	for b.Loop() {
		NewKey("handler", "", r, facts, nil)
	}
}
