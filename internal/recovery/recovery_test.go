package recovery

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

func ExampleReload() {
	fmt.Printf("%s\n", Reload(Permission{}, true, NoTicket, "/page?a=1&b=2"))
	// Output: <meta http-equiv="refresh" content="0;url=/page?a=1&amp;b=2">
}

func TestReload(t *testing.T) {
	page := string(Reload(Permission{Script: true, Nonce: "n0nce"}, true, NoTicket, "/"))
	for _, want := range []string{
		`<script type="module" async nonce="n0nce">`,
		`"cookie":"__Host-headstart=reload.none;path=/;max-age=10;samesite=lax;secure"`,
		`l.reload()`,
		`<noscript><meta http-equiv="refresh" content="0;url=/"><p><a data-headstart href="/">Continue</a></noscript>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s lacks %s", page, want)
		}
	}
	if len(script) > 1024 {
		t.Errorf("the script has %d bytes, want at most 1 KB", len(script))
	}
	if plain := string(Reload(Permission{Script: true}, false, NoTicket, "/")); strings.Contains(plain, "__Host-") || strings.Contains(plain, "nonce") {
		t.Errorf("without TLS or nonce: %s", plain)
	}
}

// Whatever the URL holds, the markup stays two elements of a head.
func TestRedirectEscapes(t *testing.T) {
	page := &url.URL{Scheme: "https", Host: "a.example", Path: "/"}
	for _, location := range []string{
		"/next", `/"><script>alert(1)</script>`, "/</script><script>alert(1)</script>", "/'onload='x", "/&quot;", "/\u2028", "/?a=1&b=2#<b>",
	} {
		target, ok := Target(page, location)
		if !ok {
			t.Errorf("%q refused", location)
			continue
		}
		markup := Redirect(Permission{Script: true, Nonce: "n"}, target, nil)
		doc, err := html.Parse(bytes.NewReader(append([]byte("<head>"), markup...)))
		if err != nil {
			t.Fatal(err)
		}
		head := doc.FirstChild.FirstChild
		var names []string
		for c := head.FirstChild; c != nil; c = c.NextSibling {
			names = append(names, c.Data)
		}
		if diff := cmp.Diff([]string{"script", "noscript"}, names); diff != "" {
			t.Errorf("%q: %s", location, diff)
		}
	}
}

func TestTarget(t *testing.T) {
	page := &url.URL{Scheme: "https", Host: "a.example", Path: "/page", RawQuery: "q=1"}
	tests := []struct{ location, want string }{
		{"/login?next=/page", "/login?next=/page"},
		{"login", "/login"},
		{"?other", "/page?other"},
		{"//b.example/x", "//b.example/x"},
		{"/.//b.example/x", ""},
		{"http://b.example/", "http://b.example/"},
		{"/x#part", "/x#part"},
		{"/page", "/page"},
		{"https://a.example/page", "https://a.example/page"},
		{"/page?q=1", ""},
		{"#part", ""},
		{"https://a.example/page?q=1#part", ""},
		{"", ""},
		{"javascript:alert(1)", ""},
		{"app://open", ""},
		{"data:text/html,x", ""},
		{"https://user:pass@b.example/", ""},
		{"https:///x", ""},
		{"http://[bad", ""},
		{"/\x00", ""},
	}
	for _, test := range tests {
		got, ok := Target(page, test.location)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("Target(%q) = %q, %v; want %q", test.location, got, ok, test.want)
		}
	}
}

func TestTakeMarker(t *testing.T) {
	plain := http.Header{"Cookie": {"headstart=reload.none; a=b"}}
	if TakeMarker(plain, false) != NoTicket || plain.Get("Cookie") != "a=b" {
		t.Errorf("by http: %v", plain)
	}
	tests := []struct {
		name  string
		in    []string
		want  []string
		found bool
	}{
		{"no cookie", nil, nil, false},
		{"alone", []string{"__Host-headstart=reload.none"}, nil, true},
		{"the marker of http", []string{"headstart=reload.none"}, []string{"headstart=reload.none"}, false},
		{"another value", []string{"__Host-headstart=reload"}, []string{"__Host-headstart=reload"}, false},
		{"first", []string{"__Host-headstart=reload.none; a=b"}, []string{"a=b"}, true},
		{"last", []string{"a=b; c=\"d\"; __Host-headstart=reload.none"}, []string{"a=b; c=\"d\""}, true},
		{"between, odd spacing", []string{"a=b;__Host-headstart=reload.none;  c=d"}, []string{"a=b;  c=d"}, true},
		{"own line (HTTP/2)", []string{"a=b", "__Host-headstart=reload.none"}, []string{"a=b"}, true},
		{"another name that ends so", []string{"my__Host-headstart=reload.none"}, []string{"my__Host-headstart=reload.none"}, false},
		{"in a value", []string{"a=__Host-headstart=reload.none"}, []string{"a=__Host-headstart=reload.none"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			if test.in != nil {
				h["Cookie"] = test.in
			}
			if ticket := TakeMarker(h, true); (ticket != "") != test.found {
				t.Errorf("ticket %q", ticket)
			}
			if diff := cmp.Diff(test.want, h["Cookie"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrorPage(t *testing.T) {
	page := string(ErrorPage(502, []byte("<b>down</b>")))
	if !strings.Contains(page, "noindex") || !strings.Contains(page, "502 Bad Gateway") || strings.Contains(page, "<b>") {
		t.Error(page)
	}
	if !strings.HasSuffix(page, "</html>\n") {
		t.Error("not a complete document")
	}
}

// A base element that was sent does not lead a refresh astray.
func TestRedirectBehindABase(t *testing.T) {
	page := &url.URL{Scheme: "https", Host: "a.example", Path: "/x/y"}
	want := `<meta http-equiv="refresh" content="0;url=https://a.example/login?a=1&amp;b=2">`
	if got := string(Redirect(Permission{}, "/login?a=1&b=2", page)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
